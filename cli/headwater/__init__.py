"""Economies of autonomous agents: the front door."""
