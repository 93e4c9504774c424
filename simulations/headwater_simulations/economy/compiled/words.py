"""Draws of compiled kernels: the same bits as `draws.Draws`, cut into fields of sixteen.

A step has a key for each purpose; an agent's word is `mix(key ^ agent)`.
"""

import zlib
from typing import Any, Final

import numpy as np
from numba import njit

from headwater_simulations.compiled_world import Array, mix
from headwater_simulations.economy.turns import TURNS

BUYER, ROWS, SCORES, VALIDATOR, CONTRIBUTOR, SERVICE = range(6)
OF_BUYERS, OF_VALIDATORS, OF_CONTRIBUTORS, OF_SERVICES = range(6, 10)
"""Places of a step's keys; the last four are of the turns of a role."""

PURPOSES: Final = (
    *("buyer", "rows", "scores", "validator", "contributor", "service"),
    *(f"turn of {role}" for role in TURNS),
)
"""What draws are for, as the reference names it, in the order of their keys."""

CODES: Final = np.array([zlib.crc32(name.encode()) << 32 for name in PURPOSES], dtype=np.uint64)
"""`[purposes]` a purpose's part of what is hashed into a key; the step's number is the rest."""


@njit(nogil=True, error_model="numpy")
def key_step(keys: Array, key: Any, codes: Array, at: int) -> None:
    """Fill `keys` `[purposes]` of the step numbered `at`; `key` is the world's."""
    for purpose in range(len(codes)):
        keys[purpose] = mix(key ^ mix(codes[purpose] | np.uint64(at)))


@njit(nogil=True, error_model="numpy")
def field(word: Any, place: int) -> int:
    """The `place`-th sixteen bits of a word."""
    return np.int64((word >> np.uint64(16 * place)) & np.uint64(0xFFFF))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy")
def pick(word: Any, place: int, count: int) -> int:
    """One of `count` by these bits."""
    return (field(word, place) * count) >> 16
