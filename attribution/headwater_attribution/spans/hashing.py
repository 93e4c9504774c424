"""64-bit hashes of windows of words, made for all windows of a text at once.

A word's hash is BLAKE2b with 8 bytes; a window's is a chain over its words' hashes,
h = mix(h XOR word), from 0. `mix` is the finaliser of SplitMix64, a bijection, so the order of
words counts. Two windows that collide on purpose cost about 2^32 work and bring nothing: whatever
a hash finds is compared with the text.

Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (variant 13).
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from headwater_attribution.spans.text import U64

_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, None))


@lru_cache(maxsize=1 << 18)
def word_hash(word: bytes) -> int:
    """The hash of one canonical word in UTF-8, 0 <= hash < 2^64."""
    return int.from_bytes(blake2b(word, digest_size=8).digest(), "little")


def word_hashes(words: Sequence[bytes]) -> U64:
    """`[words]` the hash of each."""
    return np.fromiter(map(word_hash, words), np.uint64, len(words))


def window_hashes(hashes: U64, size: int) -> U64:
    """`[..., n - size + 1]` the hash of every window of `size` words along the last axis.

    Empty where there are fewer words than `size`.
    """
    count = max(0, hashes.shape[-1] - size + 1)
    chain = np.zeros((*hashes.shape[:-1], count), dtype=np.uint64)
    if not count:
        return chain
    spare = np.empty_like(chain)
    for step in range(size):
        chain ^= hashes[..., step : step + count]
        for shift, factor in _STEPS:
            np.right_shift(chain, np.uint64(shift), out=spare)
            chain ^= spare
            if factor is not None:
                chain *= np.uint64(factor)
    return chain
