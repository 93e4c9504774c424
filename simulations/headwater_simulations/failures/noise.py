"""Continuous draws by counter, for worlds whose qualities and distances are real numbers."""

from math import prod

import numpy as np
import numpy.typing as npt

from headwater_simulations.draws import Draws

Floats = npt.NDArray[np.float64]


def uniforms(draws: Draws, purpose: str, step: int, shape: tuple[int, ...]) -> Floats:
    """`[W, *shape]` numbers above 0 and below 1, in steps of 2^-53."""
    words = draws.words(purpose, step, np.arange(prod(shape)))
    inside = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return np.minimum(inside, 1 - 2.0**-53).reshape(-1, *shape)


def normals(draws: Draws, purpose: str, step: int, shape: tuple[int, ...]) -> Floats:
    """`[W, *shape]` independent standard normal numbers.

    Source: Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    """
    first, second = (uniforms(draws, purpose + each, step, shape) for each in (" r", " angle"))
    return np.asarray(np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second), dtype=np.float64)
