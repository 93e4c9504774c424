"""Rows as one canonical text: words apart by a space, rows closed by a newline, in UTF-8.

Both separators sort below every byte of a word, so the byte order of two stretches of this text is
the order of their words, one by one. All positions in a span index are byte positions in it.

Axes: `W` words of all rows, `R` rows, `V` distinct words.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.canonical import spaced_words
from headwater_payments.errors import InvalidInputError

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

MAX_BYTES = 2**32 - 1
"""The longest text of one segment: positions have 32 bits."""

_WORD_END = re.compile(rb"[ \n]")

LARGE = 2**24
"""The bytes of text from which on loops over its words are compiled: a second or less of them isn't
worth what loading a compiler takes."""


@dataclass(frozen=True, slots=True)
class RowText:
    """The canonical text of some rows, in order, with its words numbered.

    Attributes:
        text: every row, each followed by a newline.
        row_starts: `[R]` byte position of each row.
        row_words: `[R]` words in each row.
        word_starts: `[W]` byte position of each word.
        word_numbers: `[W]` the place of each word in `vocabulary`.
        vocabulary: `[V]` the distinct words in byte order.
        word_counts: `[V]` how often each stands in all rows.
    """

    text: bytes
    row_starts: U32
    row_words: U32
    word_starts: U32
    word_numbers: U32
    vocabulary: tuple[bytes, ...]
    word_counts: U32


def row_text(rows: Iterable[str]) -> RowText:
    """Canonicalise `rows` and join them.

    Raises:
        InvalidInputError: together they are longer than `MAX_BYTES`.
    """
    return join_rows(map(spaced_words, rows))


def join_rows(rows: Iterable[bytes], *, compiled: bool | None = None) -> RowText:
    """Join rows that are canonical words already, with spaces between and around them.

    Args:
        rows: each row's words, apart by one space or several.
        compiled: whether to compile the loop over words, to the same result; unless said, where
            the text is `LARGE`.

    Raises:
        InvalidInputError: together they are longer than `MAX_BYTES`.
    """
    lines = [*rows, b""]
    joined = b"\n".join(lines)
    if len(joined) > MAX_BYTES:
        raise InvalidInputError(
            f"One segment holds at most {MAX_BYTES} bytes of text: divide the rows.",
            bytes=len(joined),
        )
    large = len(joined) >= LARGE if compiled is None else compiled
    return _numbered_by_kernels(joined) if large else _numbered(line.split() for line in lines[:-1])


def _numbered(rows: Iterable[list[bytes]]) -> RowText:
    seen = _Numbers()
    pieces: list[bytes] = []
    numbers: list[U32] = []
    for found in rows:
        pieces.append(b" ".join(found))
        numbers.append(np.fromiter(map(seen.__getitem__, found), np.uint32, len(found)))
    text = b"".join(piece + b"\n" for piece in pieces)
    vocabulary = sorted(seen)
    rank = np.empty(len(seen), dtype=np.uint32)
    rank[[seen[word] for word in vocabulary]] = np.arange(len(seen), dtype=np.uint32)
    word_numbers = rank[np.concatenate([np.empty(0, dtype=np.uint32), *numbers])]
    sizes = np.array([len(piece) + 1 for piece in pieces], dtype=np.int64)
    row_starts = (np.cumsum(sizes) - sizes).astype(np.uint32)
    row_words = np.array([len(each) for each in numbers], dtype=np.uint32)
    word_starts = _word_starts(vocabulary, word_numbers, row_starts, row_words)
    counts = np.bincount(word_numbers, minlength=len(vocabulary)).astype(np.uint32)
    return RowText(
        text, row_starts, row_words, word_starts, word_numbers, tuple(vocabulary), counts
    )


def _numbered_by_kernels(joined: bytes) -> RowText:
    from headwater_attribution.spans import compiled

    view = np.frombuffer(joined, np.uint8)
    if not compiled.evenly_spaced(view):
        out = np.empty(len(view), np.uint8)
        joined = out[: compiled.space_evenly(view, out)].tobytes()
        view = np.frombuffer(joined, np.uint8)
    ends = np.flatnonzero(view == compiled.NEWLINE)
    most = len(view) // 2 + 1  # each word has a byte, and one after it
    starts, numbers, firsts = (np.empty(most, np.uint32) for _ in range(3))
    row_words = np.empty(len(ends), np.uint32)
    secret = int.from_bytes(os.urandom(8)) >> 1
    words, distinct = compiled.number_words(view, secret, row_words, starts, numbers, firsts)
    starts, numbers = starts[:words], numbers[:words]
    met = []
    for start in starts[firsts[:distinct]].tolist():
        end = _WORD_END.search(joined, start)
        met.append(joined[start : end.start()] if end else b"")
    order = sorted(range(distinct), key=met.__getitem__)
    ranks, counts = np.empty(distinct, np.uint32), np.zeros(distinct, np.uint32)
    ranks[order] = np.arange(distinct, dtype=np.uint32)
    compiled.renumber(numbers, ranks, counts)
    row_starts = np.concatenate([np.zeros(1, np.int64), ends + 1])[:-1].astype(np.uint32)
    vocabulary = tuple(met[each] for each in order)
    return RowText(joined, row_starts, row_words, starts, numbers, vocabulary, counts)


def rows_with_word(rows: RowText) -> npt.NDArray[np.int64]:
    """`[V]` in how many rows each word stands."""
    row = np.repeat(np.arange(len(rows.row_words)), rows.row_words)
    pairs = np.unique(row + rows.word_numbers.astype(np.int64) * len(rows.row_words))
    return np.bincount(pairs // max(1, len(rows.row_words)), minlength=len(rows.vocabulary))


def _word_starts(
    vocabulary: list[bytes], word_numbers: U32, row_starts: U32, row_words: U32
) -> U32:
    lengths = np.array([len(word) + 1 for word in vocabulary], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths[word_numbers])])
    first_words = np.cumsum(row_words, dtype=np.int64) - row_words
    shift = row_starts - ends[first_words]  # rows without words take a byte, too
    starts: U32 = (ends[:-1] + np.repeat(shift, row_words)).astype(np.uint32)
    return starts


class _Numbers(dict[bytes, int]):
    """Numbers words in the order in which they are first asked for."""

    def __missing__(self, word: bytes) -> int:
        number = self[word] = len(self)
        return number
