"""Rows as one canonical text: words apart by a space, rows closed by a newline, in UTF-8.

Both separators sort below every byte of a word, so the byte order of two stretches of this text is
the order of their words, one by one. All positions in a span index are byte positions in it.

Axes: `W` words of all rows, `R` rows, `V` distinct words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.canonical import word_bytes
from headwater_payments.errors import InvalidInputError

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

MAX_BYTES = 2**32 - 1
"""The longest text of one segment: positions have 32 bits."""


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
    """

    text: bytes
    row_starts: U32
    row_words: U32
    word_starts: U32
    word_numbers: U32
    vocabulary: tuple[bytes, ...]


def row_text(rows: Iterable[str]) -> RowText:
    """Canonicalise `rows` and join them.

    Raises:
        InvalidInputError: together they are longer than `MAX_BYTES`.
    """
    return join_rows(map(word_bytes, rows))


def join_rows(rows: Iterable[list[bytes]]) -> RowText:
    """Join rows that are canonical words already.

    Raises:
        InvalidInputError: together they are longer than `MAX_BYTES`.
    """
    seen = _Numbers()
    pieces: list[bytes] = []
    numbers: list[U32] = []
    for found in rows:
        pieces.append(b" ".join(found))
        numbers.append(np.fromiter(map(seen.__getitem__, found), np.uint32, len(found)))
    text = b"".join(piece + b"\n" for piece in pieces)
    if len(text) > MAX_BYTES:
        raise InvalidInputError(
            f"One segment holds at most {MAX_BYTES} bytes of text: divide the rows.",
            bytes=len(text),
        )
    vocabulary = sorted(seen)
    rank = np.empty(len(seen), dtype=np.uint32)
    rank[[seen[word] for word in vocabulary]] = np.arange(len(seen), dtype=np.uint32)
    word_numbers = rank[np.concatenate([np.empty(0, dtype=np.uint32), *numbers])]
    sizes = np.array([len(piece) + 1 for piece in pieces], dtype=np.int64)
    row_starts = (np.cumsum(sizes) - sizes).astype(np.uint32)
    row_words = np.array([len(each) for each in numbers], dtype=np.uint32)
    word_starts = _word_starts(vocabulary, word_numbers, row_starts, row_words)
    return RowText(text, row_starts, row_words, word_starts, word_numbers, tuple(vocabulary))


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
