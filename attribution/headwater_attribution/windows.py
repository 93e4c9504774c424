"""Word windows: the 64-bit hashes of every run of `k` consecutive canonical words."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from struct import unpack


def window_hashes(words: Sequence[str], k: int) -> list[int]:
    """The hash of each window of `k` words, in order; empty when there are fewer than `k` words.

    Hashes are BLAKE2b with an 8-byte digest, so they are the same on every machine and are hard to
    collide on purpose below 2^32 work.
    """
    coded = [word.encode() for word in words]
    text = b" ".join(coded)
    starts = [0, *accumulate(len(word) + 1 for word in coded)]
    digests = [
        blake2b(text[start : stop - 1], digest_size=8).digest()
        for start, stop in zip(starts, starts[k:], strict=False)
    ]
    return list(unpack(f">{len(digests)}Q", b"".join(digests)))
