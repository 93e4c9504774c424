"""The span index of a datanet version: a manifest of segments, most of them shared with the last.

A new version writes its added rows as new segments and takes over the others as they are. A segment
that held a dropped row is written again without it, so that withdrawn text leaves the index. When
`FAN_OUT` segments are of one size class they become one, so there are never many.

In a directory: `<digest>.spans` for each segment, and `datanet-<id>-version-<n>.json`.
"""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.spans.container import damaged
from headwater_attribution.spans.segment import (
    SUFFIX,
    IndexedRow,
    RowWords,
    Segment,
    build_segment,
    open_segment,
    row_words,
    save_segment,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json

FAN_OUT = 4
SEGMENT_BYTES = 256 * 2**20
"""The text of one segment; building it takes about 20 times as much memory at most."""

_FORMAT = "span-index/1"


@dataclass(frozen=True, slots=True)
class SpanIndex:
    """What can be searched: the segments of one version.

    Attributes:
        datanet_id: the datanet.
        version: its version; 0 is before any row.
        corpus_root: `0x` and the content root of the version's rows.
        segments: in no particular order; no row stands in two of them.
    """

    datanet_id: int
    version: int
    corpus_root: str
    segments: tuple[Segment, ...]

    @property
    def words(self) -> int:
        """Words of all rows."""
        return sum(segment.words for segment in self.segments)

    def row(self, sequence: int) -> IndexedRow:
        """The row with this sequence number.

        Raises:
            InvalidInputError: no row of the version has it.
        """
        for segment in self.segments:
            at = int(np.searchsorted(segment.sequences, np.uint64(sequence)))
            if at < len(segment.sequences) and int(segment.sequences[at]) == sequence:
                return segment.row(at)
        raise InvalidInputError(f"No row of the version has sequence {sequence}.")

    def count(self, phrase: Sequence[bytes]) -> int:
        """How often the words of `phrase`, at least one, stand in a row one after the other."""
        joined = b" ".join(phrase)
        ranks = [segment.suffixes.ranks(joined) for segment in self.segments]
        return sum(high - low for low, high in ranks)

    def first_committer(self, phrase: Sequence[bytes]) -> IndexedRow | None:
        """The earliest row that holds the words of `phrase` one after the other."""
        found = []
        for segment in self.segments:
            low, high = segment.suffixes.ranks(b" ".join(phrase))
            if low < high:
                first = segment.suffixes.order[low:high].min()
                found.append(segment.row(int(segment.row_numbers(first))))
        return min(found, default=None)


def index_in_memory(corpus: Corpus) -> SpanIndex:
    """An index over all rows of `corpus`, without files."""
    segment = build_segment(map(row_words, corpus.rows))
    root = "0x" + corpus.root.hex()
    return SpanIndex(corpus.datanet_id, corpus.version, root, (segment,))


def empty_index(datanet_id: int) -> SpanIndex:
    """The index of a datanet before its first version."""
    return SpanIndex(datanet_id, 0, "0x" + bytes(32).hex(), ())


def extend_index(
    directory: Path,
    before: SpanIndex,
    version: int,
    corpus_root: str,
    added: Iterable[CorpusRow],
    dropped: Collection[int] = (),
    *,
    segment_bytes: int = SEGMENT_BYTES,
) -> SpanIndex:
    """Write the index of a version: `before`, without the `dropped` sequences, with `added` rows.

    Rows are taken from `added` one by one, `segment_bytes` of text at a time. The same calls write
    the same bytes. When interrupted, files of segments may be left over; no manifest names them.

    Raises:
        InvalidInputError: a row that is added stands there already, or `version` is not later.
    """
    if version <= before.version:
        raise InvalidInputError("A version follows the one it extends.", version=version)
    gone = set(dropped)
    segments = [each for each in before.segments if gone.isdisjoint(each.sequences.tolist())]
    for touched in before.segments:
        if touched not in segments:
            kept = [each for each in touched.row_words() if each.row.sequence not in gone]
            if kept:
                segments.append(save_segment(build_segment(kept), directory))
    parts = _parts(map(row_words, added), segment_bytes)
    segments.extend(save_segment(build_segment(part), directory) for part in parts)
    _check_distinct(segments)
    segments = _merged(directory, segments, segment_bytes)
    index = SpanIndex(before.datanet_id, version, corpus_root, tuple(segments))
    _write_manifest(directory, index)
    return index


def open_index(directory: Path, datanet_id: int, version: int, *, check: bool = True) -> SpanIndex:
    """Open a version's index from its manifest; arrays are mapped, not read.

    With `check`, all files are read through once, in constant memory, against their hashes. Without
    it only headers are, for files that nobody else can write.

    Raises:
        DamagedIndexError: a file is missing, cut short or altered.
    """
    path = _manifest_path(directory, datanet_id, version)
    try:
        document: Any = read_json(path.read_bytes())
        stated = document.pop("digest")
        whole = stated == _digest(document) and document["format"] == _FORMAT
        names = [str(name) for name in document["segments"]]
        root = str(document["corpus_root"])
    except (OSError, InvalidInputError, KeyError, TypeError, AttributeError) as exc:
        raise damaged(path, "it is missing or no manifest") from exc
    if not whole or (document["datanet_id"], document["version"]) != (datanet_id, version):
        raise damaged(path, "it was altered")
    segments = [open_segment(directory / f"{name}{SUFFIX}") for name in names]
    for name, segment in zip(names, segments, strict=True):
        if segment.container is not None:
            if segment.container.digest != name:
                raise damaged(segment.container.path, "it is another segment than its name says")
            if check:
                segment.container.check()
    return SpanIndex(datanet_id, version, root, tuple(segments))


def _merged(directory: Path, segments: list[Segment], segment_bytes: int) -> list[Segment]:
    """Make one of `FAN_OUT` segments of a size class until no class has so many."""
    while True:
        classes: defaultdict[int, list[Segment]] = defaultdict(list)
        for segment in segments:
            classes[_size_class(segment)].append(segment)
        few = [each[:FAN_OUT] for _, each in sorted(classes.items()) if len(each) >= FAN_OUT]
        small = [each for each in few if sum(len(s.text) for s in each) <= segment_bytes]
        if not small:
            return segments
        rows = merge(*(s.row_words() for s in small[0]), key=lambda each: each.row.sequence)
        whole = save_segment(build_segment(rows), directory)
        segments = [each for each in segments if each not in small[0]] + [whole]


def _size_class(segment: Segment) -> int:
    """Segments within a factor of 4 of each other's text, from 16 KiB on, are of one class."""
    return max(0, len(segment.text).bit_length() - 14) // 2


def _parts(rows: Iterable[RowWords], segment_bytes: int) -> Iterator[list[RowWords]]:
    part: list[RowWords] = []
    size = 0
    for row in rows:
        length = len(row.words) + 1
        if part and size + length > segment_bytes:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


def _check_distinct(segments: Sequence[Segment]) -> None:
    sequences = [each for segment in segments for each in segment.sequences.tolist()]
    if len(set(sequences)) != len(sequences):
        raise InvalidInputError("Each row stands once in an index, by its sequence number.")


def _manifest_path(directory: Path, datanet_id: int, version: int) -> Path:
    return directory / f"datanet-{datanet_id}-version-{version}.json"


def _digest(document: object) -> str:
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _write_manifest(directory: Path, index: SpanIndex) -> None:
    document: dict[str, object] = {
        "format": _FORMAT,
        "datanet_id": index.datanet_id,
        "version": index.version,
        "corpus_root": index.corpus_root,
        "segments": [s.container.digest for s in index.segments if s.container is not None],
    }
    document["digest"] = _digest(document)
    path = _manifest_path(directory, index.datanet_id, index.version)
    with tempfile.NamedTemporaryFile("w", dir=directory, prefix=".writing-", delete=False) as file:
        json.dump(document, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
