"""Compiled contracts, typed async clients for them, and chains to run them on."""
