"""64-bit hashes of windows of words, made for all windows of a text at once.

A word's hash is BLAKE2b with 8 bytes; a window's is a chain over its words' hashes,
h = mix(h XOR word), from 0. `mix` is the finaliser of SplitMix64, a bijection, so the order of
words counts. Two windows that collide on purpose cost about 2^32 work and bring nothing: whatever
a hash finds is compared with the text.

Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (variant 13).
"""

from collections.abc import Collection, Sequence
from hashlib import blake2b

import numpy as np

from headwater_attribution.spans.text import U64

_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, None))
_REMEMBERED = 1 << 20
_BLOCK = 1 << 14


class _Digests(dict[bytes, bytes]):
    """The digests of the words met so far, forgotten when they are too many."""

    def __missing__(self, word: bytes) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        digest = self[word] = blake2b(word, digest_size=8).digest()
        return digest


_DIGESTS = _Digests()


def word_hashes(words: Sequence[bytes]) -> U64:
    """`[words]` the hash of each canonical word, given in UTF-8."""
    return np.frombuffer(b"".join(map(_DIGESTS.__getitem__, words)), "<u8").astype(np.uint64)


def window_hashes(hashes: U64, size: int) -> U64:
    """`[..., n - size + 1]` the hash of every window of `size` words along the last axis.

    Empty where there are fewer words than `size`. Long texts are done in blocks that fit a cache.
    """
    count = max(0, hashes.shape[-1] - size + 1)
    found = np.empty((*hashes.shape[:-1], count), dtype=np.uint64)
    for start in range(0, count, _BLOCK):
        block = hashes[..., start : start + _BLOCK + size - 1]
        found[..., start : start + _BLOCK] = window_hashes_by_size(block, (size,))[size]
    return found


def window_hashes_by_size(hashes: U64, sizes: Collection[int]) -> dict[int, U64]:
    """`window_hashes` of several sizes in one pass: a chain has those of its beginnings on its way.

    Raises:
        ValueError: there are no sizes.
    """
    words = hashes.shape[-1]
    count = max(0, words - min(sizes) + 1)
    chain = np.zeros((*hashes.shape[:-1], count), dtype=np.uint64)
    spare = np.empty_like(chain)
    found = {}
    for size in range(max(0, *sizes) + 1):
        if size in sizes:
            found[size] = chain[..., : max(0, words - size + 1)].copy()
        if len(found) == len(set(sizes)):
            break
        count = min(count, max(0, words - size))  # the windows that have another word
        part, other = chain[..., :count], spare[..., :count]
        part ^= hashes[..., size : size + count]
        for shift, factor in _STEPS:
            np.right_shift(part, np.uint64(shift), out=other)
            part ^= other
            if factor is not None:
                part *= np.uint64(factor)
    return found
