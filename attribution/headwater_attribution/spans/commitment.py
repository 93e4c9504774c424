"""What a span index commits to, so that a count can be shown to somebody who has no index.

For each segment two trees: one leaf for each rank of the suffix array, with the position, sequence
and owner of its suffix, and one for each 512 bytes of the canonical text. The root of a version is
the tree over its segments' commitments.

suffix leaf  = `headwater/suffix/1` ‖ rank ‖ position ‖ sequence (8 bytes each, big-endian) ‖ owner
segment leaf = `headwater/segment/1` ‖ words ‖ text bytes ‖ root of suffixes ‖ root of text

All trees are those of `merkle`: SHA-256, which the EVM has as a precompile.
"""

from dataclasses import dataclass
from functools import cached_property

from headwater_attribution.merkle import MerkleTree, Proof, verify_inclusion
from headwater_attribution.spans.index import SpanIndex
from headwater_attribution.spans.segment import Segment
from headwater_payments.address import Address

CHUNK = 512
"""Bytes of text in a leaf."""

_SUFFIX = b"headwater/suffix/1"
_SEGMENT = b"headwater/segment/1"


@dataclass(frozen=True, slots=True)
class SegmentCommitment:
    """One segment in the root of a version."""

    words: int
    text_bytes: int
    suffix_root: bytes
    text_root: bytes

    def leaf(self) -> bytes:
        """What the version's tree hashes."""
        sizes = self.words.to_bytes(8, "big") + self.text_bytes.to_bytes(8, "big")
        return _SEGMENT + sizes + self.suffix_root + self.text_root


@dataclass(frozen=True, slots=True)
class RankOpening:
    """The suffix at one rank: where it begins, in whose row, and the proof of it."""

    rank: int
    position: int
    sequence: int
    contributor: Address
    path: Proof

    def holds(self, segment: SegmentCommitment) -> bool:
        """Whether the segment committed to it."""
        if min(self.rank, self.position, self.sequence) < 0:
            return False
        data = suffix_leaf(self.rank, self.position, self.sequence, self.contributor)
        return verify_inclusion(segment.suffix_root, segment.words, self.rank, data, self.path)


@dataclass(frozen=True, slots=True)
class ChunkOpening:
    """512 bytes of the text, the last ones fewer, and the proof of them."""

    number: int
    data: bytes
    path: Proof

    def holds(self, segment: SegmentCommitment) -> bool:
        """Whether the segment committed to them."""
        chunks = -(-segment.text_bytes // CHUNK)
        length = min(CHUNK, segment.text_bytes - self.number * CHUNK)
        fits = 0 <= self.number < chunks and len(self.data) == length
        return fits and verify_inclusion(
            segment.text_root, chunks, self.number, self.data, self.path
        )


class CommittedSegment:
    """A segment with its trees, which take about 250 bytes of memory for each word."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        places = segment.suffixes.order
        rows = segment.row_numbers(places).tolist()
        self._suffixes = [
            (place, segment.rows[row].sequence, segment.rows[row].contributor)
            for place, row in zip(places.tolist(), rows, strict=True)
        ]

    @cached_property
    def commitment(self) -> SegmentCommitment:
        """Both roots and sizes; a segment without words has 32 zero bytes for the suffixes."""
        return SegmentCommitment(
            self.segment.words,
            len(self.segment.text),
            self._suffix_tree.root if self._suffixes else bytes(32),
            self._text_tree.root,
        )

    @cached_property
    def _suffix_tree(self) -> MerkleTree:
        return MerkleTree([suffix_leaf(r, *each) for r, each in enumerate(self._suffixes)])

    @cached_property
    def _text_tree(self) -> MerkleTree:
        text = self.segment.text
        return MerkleTree([bytes(text[i : i + CHUNK]) for i in range(0, len(text), CHUNK)])

    def open_rank(self, rank: int) -> RankOpening:
        """The suffix at `rank` with its proof."""
        return RankOpening(rank, *self._suffixes[rank], self._suffix_tree.prove(rank))

    def open_text(self, start: int, length: int) -> tuple[ChunkOpening, ...]:
        """The chunks that hold `length` bytes from `start` on, as far as the text goes."""
        stop = min(start + length, len(self.segment.text))
        return tuple(
            ChunkOpening(
                number,
                bytes(self.segment.text[number * CHUNK : (number + 1) * CHUNK]),
                self._text_tree.prove(number),
            )
            for number in range(start // CHUNK, -(-stop // CHUNK))
        )


class CommittedIndex:
    """An index with its trees, ready to prove counts.

    Raises:
        InvalidInputError: the index has no segments.
    """

    def __init__(self, index: SpanIndex) -> None:
        self.segments = tuple(CommittedSegment(segment) for segment in index.segments)
        self.tree = MerkleTree([each.commitment.leaf() for each in self.segments])

    @property
    def root(self) -> bytes:
        """The commitment to the version's spans: 32 bytes."""
        return self.tree.root


def suffix_leaf(rank: int, position: int, sequence: int, contributor: Address) -> bytes:
    """What the tree of suffixes hashes."""
    numbers = b"".join(each.to_bytes(8, "big") for each in (rank, position, sequence))
    return _SUFFIX + numbers + bytes.fromhex(contributor[2:])
