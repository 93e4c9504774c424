"""Calibration: how much an attribution method's scores are worth, where the truth is known."""
