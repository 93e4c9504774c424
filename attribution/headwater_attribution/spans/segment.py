"""One immutable part of a span index: some rows, their text, and two ways to find words in it.

A segment is nothing but arrays, so it is the same whether it was just built or is mapped from its
file. Axes: `R` rows by rising sequence, `W` words, `V` distinct words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headwater_attribution.canonical import spaced_words
from headwater_attribution.corpus import CorpusRow
from headwater_attribution.spans.container import (
    Array,
    Container,
    as_bytes,
    damaged,
    open_container,
    write_container,
)
from headwater_attribution.spans.hashing import word_hashes
from headwater_attribution.spans.suffixes import Suffixes, suffix_array
from headwater_attribution.spans.text import U64, join_rows
from headwater_attribution.spans.windows import (
    I64,
    NOWHERE,
    SHORTEST,
    Query,
    WindowTable,
    earliest_windows,
    window_tables,
)
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

WINDOW = 8
"""Words in a window of the index."""

SUFFIX = ".spans"
_SIZES = range(SHORTEST, WINDOW + 1)


@dataclass(frozen=True, slots=True, order=True)
class IndexedRow:
    """Whose row it is and when it was committed; earlier rows compare as smaller."""

    sequence: int
    contribution_id: int
    contributor: Address


@dataclass(frozen=True, slots=True)
class RowWords:
    """A row as it enters a segment: its identity and its canonical words, apart by spaces."""

    row: IndexedRow
    words: bytes


class Segment:
    """Rows with their text, suffix array and window tables.

    Args:
        arrays: what `build_segment` makes or `open_segment` maps.
        container: the file they are mapped from, if they are.

    Raises:
        KeyError: an array is missing.
    """

    def __init__(self, arrays: Mapping[str, Array], container: Container | None = None) -> None:
        self.arrays, self.container = arrays, container
        self.text = as_bytes(arrays["text"])
        self.row_starts: I64 = np.asarray(arrays["row_starts"]).astype(np.int64)
        self._contributors = as_bytes(arrays["contributors"])
        self.sequences: U64 = np.asarray(arrays["sequences"], dtype=np.uint64)
        self.suffixes = Suffixes(self.text, np.asarray(arrays["suffixes"], dtype=np.uint32))
        self._word_hashes: U64 = np.asarray(arrays["word_hashes"], dtype=np.uint64)
        self._word_counts = np.asarray(arrays["word_counts"])
        self.tables = {
            size: WindowTable(
                np.asarray(arrays[f"hashes_{size}"], dtype=np.uint64),
                np.asarray(arrays[f"firsts_{size}"], dtype=np.uint32),
                np.asarray(arrays[f"directory_{size}"], dtype=np.uint32),
            )
            for size in _SIZES
            if len(arrays[f"hashes_{size}"])
        }

    @property
    def words(self) -> int:
        """Words of all rows."""
        return len(self.suffixes.order)

    @cached_property
    def rows(self) -> tuple[IndexedRow, ...]:
        """`[R]` the rows by rising sequence."""
        return tuple(self.row(number) for number in range(len(self.sequences)))

    def row(self, number: int) -> IndexedRow:
        """The row at `number`, counted from 0 in this segment."""
        owner = bytes(self._contributors[20 * number : 20 * number + 20])
        contribution = int(self.arrays["contributions"][number])
        return IndexedRow(
            int(self.sequences[number]), contribution, parse_address("0x" + owner.hex())
        )

    def row_words(self) -> Iterator[RowWords]:
        """Every row again, with its words."""
        stops = [*self.row_starts[1:].tolist(), len(self.text)]
        for number, stop in enumerate(stops):
            line = bytes(self.text[int(self.row_starts[number]) : stop - 1])
            yield RowWords(self.row(number), line)

    def row_numbers(self, places: npt.NDArray[np.integer]) -> I64:
        """`[places]` the number of the row that each byte position stands in."""
        found = np.searchsorted(self.row_starts, places, side="right") - 1
        return np.asarray(found, dtype=np.int64)

    def earliest(self, query: Query, size: int) -> I64:
        """`[n - size + 1]` the sequence of the first row that holds each window, or `NOWHERE`."""
        found = self.places(query, size)
        held = found != NOWHERE
        rows = self.row_numbers(found[held])
        found[held] = self.sequences[rows].astype(np.int64)
        return found

    def places(self, query: Query, size: int) -> I64:
        """`[n - size + 1]` the first byte position of each window, or `NOWHERE`."""
        if size not in self.tables:
            return np.full(max(0, len(query.words) - size + 1), NOWHERE, dtype=np.int64)
        return earliest_windows(self.text, self.tables, query, size)

    def word_counts(self, hashes: U64) -> I64:
        """`[n]` how often each word stands here, by its hash."""
        if not len(self._word_hashes):
            return np.zeros(len(hashes), dtype=np.int64)
        at = np.minimum(np.searchsorted(self._word_hashes, hashes), len(self._word_hashes) - 1)
        return np.where(self._word_hashes[at] == hashes, self._word_counts[at], 0).astype(np.int64)


def row_words(row: CorpusRow) -> RowWords:
    """A corpus row with its words.

    Raises:
        InvalidInputError: its sequence has more than 63 bits or its contribution more than 64.
    """
    if not (0 <= row.sequence < 2**63 and 0 <= row.contribution_id < 2**64):
        raise InvalidInputError(
            "An indexed row has a sequence below 2^63 and a contribution id below 2^64.",
            sequence=row.sequence,
        )
    identity = IndexedRow(row.sequence, row.contribution_id, row.contributor)
    return RowWords(identity, spaced_words(row.text))


def build_segment(rows: Iterable[RowWords]) -> Segment:
    """Index `rows`, of which there is at least one; their order does not matter.

    Raises:
        InvalidInputError: their text is too long for one segment.
    """
    ordered = sorted(rows, key=lambda each: each.row.sequence)
    text = join_rows(each.words for each in ordered)
    hashes = word_hashes(text.vocabulary)
    by_hash = np.argsort(hashes, kind="stable")
    suffixes = suffix_array(text)
    tables = window_tables(text, WINDOW)
    none = WindowTable(np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint32))
    arrays: dict[str, Array] = {
        "text": np.frombuffer(text.text, np.uint8),
        "row_starts": text.row_starts,
        "sequences": np.array([each.row.sequence for each in ordered], dtype=np.uint64),
        "contributions": np.array([each.row.contribution_id for each in ordered], dtype=np.uint64),
        "contributors": _addresses([each.row.contributor for each in ordered]),
        "suffixes": suffixes,
        "word_hashes": hashes[by_hash],
        "word_counts": text.word_counts[by_hash],
    }
    for size in _SIZES:
        table = tables.get(size, none)
        arrays[f"hashes_{size}"] = table.hashes
        arrays[f"firsts_{size}"] = table.firsts
        arrays[f"directory_{size}"] = table.directory
    return Segment(arrays)


def save_segment(segment: Segment, directory: Path) -> Segment:
    """Write a segment to its file and map it from there."""
    path, _ = write_container(directory, SUFFIX, segment.arrays)
    return open_segment(path)


def open_segment(path: Path) -> Segment:
    """Map a segment's file.

    Raises:
        DamagedIndexError: it is missing, cut short, altered in its header, or no segment.
    """
    container = open_container(path)
    try:
        return Segment(container.arrays, container)
    except KeyError as exc:
        raise damaged(path, f"it has no {exc.args[0]}") from exc


def _addresses(contributors: Sequence[Address]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(bytes.fromhex(each[2:]) for each in contributors), np.uint8)
