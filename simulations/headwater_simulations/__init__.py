"""Populations that try to cheat the reward rules that production runs."""
