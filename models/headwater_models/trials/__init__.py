"""Trials: the embedded model's answers over real rows, to calibrate methods and to attack them."""
