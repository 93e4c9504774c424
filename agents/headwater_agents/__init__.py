"""Paying and selling from pydantic-ai, LangGraph and plain functions."""
