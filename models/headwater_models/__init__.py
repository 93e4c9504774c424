"""Inference backends that stream an answer together with the evidence of what caused it."""
