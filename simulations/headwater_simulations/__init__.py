"""Populations that attack the reward rules before money does."""
