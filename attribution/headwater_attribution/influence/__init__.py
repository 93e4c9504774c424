"""Influence: which training rows moved a model toward an answer, by gradients.

Only arrays here. Where gradients come from is another matter: `influence.adapters` takes them from
LoRA adapters in torch, `calibration` from a small model of its own.
"""
