"""Typed clients: views that return integers and dataclasses, and builders that return a `Call`."""
