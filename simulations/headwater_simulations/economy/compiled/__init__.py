"""The reference market compiled; importing this imports numba.

The twin of `reference`, for the shipped rule: the same integers from the same draws. It releases
the interpreter's lock, so that worlds run on threads. `world` drives the kernels, a module for each
role; what they share are draws (`words`), `settings` and `scratch`.
"""

from headwater_simulations.economy.compiled.world import advance

__all__ = ["advance"]
