"""Text of any size for benchmarks, the same on every run of one Python: the standard library first.

The library's source comes first, file by file. What is still missing is continued from it: each
word is followed by what follows one of its occurrences in the library, drawn by a seeded generator,
so words, pairs of words and repeated phrases keep about the frequencies that source has.
"""

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

_WORDS_IN_DOCUMENT = 2_000
_LINE = 12


def documents(size_bytes: int, *, seed: int = 1) -> list[str]:
    """Documents of `size_bytes` together (UTF-8), give or take the last one."""
    found: list[str] = []
    total = 0
    source = list(_library())
    for text in source:
        if total >= size_bytes:
            return found
        found.append(text)
        total += len(text.encode())
    for text in _continued(" ".join(source), seed):
        if total >= size_bytes:
            break
        found.append(text)
        total += len(text.encode())
    return found


def _library() -> Iterator[str]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if "site-packages" not in path.parts:
            try:
                yield path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def _continued(text: str, seed: int) -> Iterator[str]:
    """Documents without end, each a walk over pairs of words that follow each other in `text`."""
    spelled, words = np.unique(np.array(text.split(), dtype=object), return_inverse=True)
    order = np.argsort(words[:-1], kind="stable")
    starts = np.searchsorted(words[:-1], np.arange(len(spelled) + 1), sorter=order)
    generator = np.random.default_rng(seed)
    while True:
        walks = _walks(words, order, starts, generator)
        for walk in walks.T:
            picked = spelled[walk]
            lines = (picked[i : i + _LINE] for i in range(0, len(picked), _LINE))
            yield "\n".join(" ".join(line) for line in lines)


def _walks(
    words: npt.NDArray[np.intp],
    order: npt.NDArray[np.intp],
    starts: npt.NDArray[np.intp],
    generator: np.random.Generator,
    walks: int = 256,
) -> npt.NDArray[np.intp]:
    """`[words, walks]` word numbers of `walks` documents."""
    at = generator.integers(0, len(words) - 1, walks)
    found = np.empty((_WORDS_IN_DOCUMENT, walks), dtype=np.intp)
    for step in found:
        step[:] = words[at]
        low, high = starts[step], starts[step + 1]
        none_follows = low == high
        at = (
            order[
                np.minimum(
                    low + generator.integers(0, 2**62, walks) % np.maximum(high - low, 1),
                    len(order) - 1,
                )
            ]
            + 1
        )
        at[none_follows | (at >= len(words) - 1)] = 0
    return found
