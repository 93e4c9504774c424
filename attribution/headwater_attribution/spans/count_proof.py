"""Proof that a phrase stands exactly so many times in a version, and whose row had it first.

All suffixes that begin with a phrase are neighbours in the suffix array. So its count in a segment
is shown by four of them: the last one below the phrase, the first and the last with it, and the
first one above it, each with the text it begins with. Their number does not depend on the size of
the corpus. To show the first committer, too, every suffix between the borders is opened, without
text: that they begin with the phrase follows from the order.

What is proven holds if the committed suffixes are in order. Who finds two neighbours that are not
shows them (`shows_disorder`): that is the challenge.

Source: authenticated dictionaries by adjacent leaves, Buldas, Laud and Lipmaa, "Eliminating
Counterevidence with Applications to Accountable Certificate Management", 2002, over suffix arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_attribution.merkle import Proof, verify_inclusion
from headwater_attribution.spans.commitment import (
    CHUNK,
    ChunkOpening,
    CommittedIndex,
    CommittedSegment,
    RankOpening,
    SegmentCommitment,
)
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class SuffixOpening:
    """A suffix with the chunks of text that it begins with."""

    at: RankOpening
    chunks: tuple[ChunkOpening, ...]

    def head(self, segment: SegmentCommitment, length: int) -> bytes | None:
        """The first `length` bytes of the suffix, or up to the text's end; None if unproven."""
        first = self.at.position // CHUNK
        numbers = [chunk.number for chunk in self.chunks]
        stop = min(self.at.position + length, segment.text_bytes)
        if numbers != list(range(first, first + len(numbers))) or not self.at.holds(segment):
            return None
        if stop > (first + len(numbers)) * CHUNK or not all(c.holds(segment) for c in self.chunks):
            return None
        start = self.at.position - first * CHUNK
        return b"".join(chunk.data for chunk in self.chunks)[start : start + length]


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How often the phrase stands in one segment: at the ranks from `low` to before `high`.

    Attributes:
        segment: what the segment committed to.
        path: the proof that the version has it.
        low: the first rank whose suffix is not below the phrase.
        high: the first rank above it.
        borders: the suffixes at `low - 1`, `low`, `high - 1` and `high`, each that exists once.
        holders: the suffixes at all ranks of the run, or none where first committers aren't shown.
    """

    segment: SegmentCommitment
    path: Proof
    low: int
    high: int
    borders: tuple[SuffixOpening, ...]
    holders: tuple[RankOpening, ...] = ()


@dataclass(frozen=True, slots=True)
class CountProof:
    """The counts of all segments of a version, in the order of its tree."""

    phrase: bytes
    segments: tuple[SegmentCount, ...]

    @property
    def count(self) -> int:
        """What is proven, once `verify_count` holds."""
        return sum(each.high - each.low for each in self.segments)

    @property
    def first_committer(self) -> tuple[int, Address] | None:
        """Sequence and owner of the first row, once `verify_first_committer` holds."""
        holders = [(h.sequence, h.contributor) for each in self.segments for h in each.holders]
        return min(holders, default=None)


def prove_count(
    index: CommittedIndex, phrase: Sequence[bytes], *, holders: bool = False
) -> CountProof:
    """Prove how often the words of `phrase` stand in a row one after the other.

    Args:
        index: the version.
        phrase: canonical words in UTF-8, at least one.
        holders: open all places as well, to show the first committer; one opening for each.

    Raises:
        InvalidInputError: the phrase is empty or a word of it is no canonical word.
    """
    joined = b" ".join(phrase)
    if not _is_phrase(joined):
        raise InvalidInputError("A phrase is one canonical word or more.", words=len(phrase))
    counts = [
        _prove_in(part, index.tree.prove(number), joined, holders)
        for number, part in enumerate(index.segments)
    ]
    return CountProof(joined, tuple(counts))


def verify_count(root: bytes, proof: CountProof) -> bool:
    """Whether the phrase stands `proof.count` times in the version that has this root."""
    size = len(proof.segments)
    return _is_phrase(proof.phrase) and all(
        verify_inclusion(root, size, number, part.segment.leaf(), part.path)
        and _verify_in(part, proof.phrase)
        for number, part in enumerate(proof.segments)
    )


def verify_first_committer(root: bytes, proof: CountProof) -> bool:
    """Whether the count holds and `proof.first_committer` had the phrase before all others."""
    return verify_count(root, proof) and all(
        [holder.rank for holder in part.holders] == list(range(part.low, part.high))
        and all(holder.holds(part.segment) for holder in part.holders)
        for part in proof.segments
    )


def shows_disorder(segment: SegmentCommitment, one: SuffixOpening, next_: SuffixOpening) -> bool:
    """Whether two neighbouring ranks of a committed segment stand in the wrong order."""
    length = min(
        len(each.chunks) * CHUNK - each.at.position % CHUNK if each.chunks else 0
        for each in (one, next_)
    )
    heads = one.head(segment, length), next_.head(segment, length)
    if next_.at.rank != one.at.rank + 1 or heads[0] is None or heads[1] is None:
        return False
    return heads[0] > heads[1] or one.at.position == next_.at.position


def _prove_in(part: CommittedSegment, path: Proof, phrase: bytes, holders: bool) -> SegmentCount:
    low, high = part.segment.suffixes.ranks(phrase)
    borders = []
    for rank in _borders(low, high, part.segment.words):
        at = part.open_rank(rank)
        borders.append(SuffixOpening(at, part.open_text(at.position, len(phrase) + 1)))
    held = tuple(part.open_rank(rank) for rank in range(low, high)) if holders else ()
    return SegmentCount(part.commitment, path, low, high, tuple(borders), held)


def _verify_in(part: SegmentCount, phrase: bytes) -> bool:
    ranks = _borders(part.low, part.high, part.segment.words)
    if not 0 <= part.low <= part.high <= part.segment.words:
        return False
    if [border.at.rank for border in part.borders] != ranks:
        return False
    for border in part.borders:
        head = border.head(part.segment, len(phrase) + 1)
        below, above = border.at.rank < part.low, border.at.rank >= part.high
        if head is None or (head < phrase + b"\n", head >= phrase + b"!") != (below, above):
            return False
    return True


def _borders(low: int, high: int, words: int) -> list[int]:
    return sorted({rank for rank in (low - 1, low, high - 1, high) if 0 <= rank < words})


def _is_phrase(phrase: bytes) -> bool:
    """Whether it is words apart by single spaces; every byte of a word is above those of ASCII's
    separators."""
    words = phrase.split(b" ")
    return all(word and min(word) > ord(" ") for word in words)
