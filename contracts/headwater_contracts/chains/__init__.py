"""Chains to develop on: the embedded one, anvil, or any node by its URL."""
