"""Randomness by counter: every draw is a hash of what it is for, and of nothing else.

A draw depends on (seed, world, step, entity, purpose) alone. So a world has the same bits whatever
other worlds run beside it, and two scenarios with one seed differ only where the scenario differs,
which makes paired comparisons sharp.

Source: the finaliser of splitmix64, Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
Generators", 2014; draws named by event as in Klein et al., "Noise-free comparison of stochastic
agent-based simulations", 2024.
"""

import zlib

import numpy as np
import numpy.typing as npt

from headwater_payments.split import PARTS

Words = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
_FIRST = np.uint64(0xBF58_476D_1CE4_E5B9)
_SECOND = np.uint64(0x94D0_49BB_1331_11EB)


class Draws:
    """The draws of some worlds under one seed.

    Args:
        seed: 0 to 2^64 - 1.
        worlds: `[W]` world numbers; any subset in any order.
    """

    def __init__(self, seed: int, worlds: Int64s) -> None:
        start = np.full(1, seed, dtype=np.uint64)
        self._worlds = _mix(_mix(start) ^ worlds.astype(np.uint64))[:, None]

    @property
    def keys(self) -> Words:
        """`[W]` what seed and world come to; everything else is hashed into it."""
        return self._worlds[:, 0]

    def words(self, purpose: str, step: int, entities: Int64s) -> Words:
        """`[W, n]` 64 random bits for each of `entities` `[n]` or `[W, n]`."""
        named = np.uint64(zlib.crc32(purpose.encode()) << 32 | step)
        keyed = _mix(self._worlds ^ _mix(np.full(1, named, dtype=np.uint64)))
        return _mix(keyed ^ entities.astype(np.uint64))

    def below(self, bound: int, purpose: str, step: int, entities: Int64s) -> Int64s:
        """`[W, n]` integers from 0 to `bound` - 1; `bound` is at most 2^31."""
        high = self.words(purpose, step, entities) >> np.uint64(32)
        return (high * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    def chance(self, parts: int | Int64s, purpose: str, step: int, entities: Int64s) -> Bools:
        """`[W, n]` true with probability `parts` / 10^8."""
        return self.below(PARTS, purpose, step, entities) < parts

    def order(self, count: int, purpose: str) -> Int64s:
        """`[W, count]` a random order of 0 to `count` - 1 in each world."""
        keys = self.words(purpose, 0, np.arange(count))
        return np.argsort(keys, axis=1, kind="stable").astype(np.int64)


def _mix(words: Words) -> Words:
    mixed = words + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
