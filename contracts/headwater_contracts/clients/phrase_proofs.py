"""Whose row a phrase stands in, and exactly how often it stands in a version: asked of the chain.

What is shown has the shape of `headwater_attribution.spans.count_proof`, whose proofs are taken as
they are. The contract holds nothing and knows no versions: whoever asks names the root.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never, Protocol

from headwater_contracts.calls import require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_address, as_int
from headwater_payments.address import Address, parse_address


class Commitment(Protocol):
    """What a segment of a version's text committed to."""

    @property
    def words(self) -> int:
        """How many, each with a suffix."""
        ...

    @property
    def text_bytes(self) -> int:
        """Bytes of canonical text."""
        ...

    @property
    def suffix_root(self) -> bytes:
        """Of the suffixes in order, 32 bytes."""
        ...

    @property
    def text_root(self) -> bytes:
        """Of the text in chunks, 32 bytes."""
        ...


class Rank(Protocol):
    """The suffix at a rank, with its proof."""

    @property
    def rank(self) -> int:
        """From 0, in the order of suffixes."""
        ...

    @property
    def position(self) -> int:
        """The byte at which it begins."""
        ...

    @property
    def sequence(self) -> int:
        """Of its row, in the order of commitments."""
        ...

    @property
    def contributor(self) -> Address:
        """Whose row it is."""
        ...

    @property
    def path(self) -> Sequence[bytes]:
        """Neighbours from the leaf up, 32 bytes each."""
        ...


class TextChunk(Protocol):
    """512 bytes of the text, the last ones fewer, with their proof."""

    @property
    def data(self) -> bytes:
        """The text."""
        ...

    @property
    def path(self) -> Sequence[bytes]:
        """Neighbours from the leaf up, 32 bytes each."""
        ...


class Suffix(Protocol):
    """A suffix with the chunks of text that it begins with."""

    @property
    def at(self) -> Rank:
        """The suffix and its proof."""
        ...

    @property
    def chunks(self) -> Sequence[TextChunk]:
        """One after the other, from the one in which it begins."""
        ...


class Counted(Protocol):
    """How often the phrase stands in one segment, with the suffixes at the borders."""

    @property
    def segment(self) -> Commitment:
        """What the segment committed to."""
        ...

    @property
    def path(self) -> Sequence[bytes]:
        """Neighbours from the leaf up, 32 bytes each."""
        ...

    @property
    def low(self) -> int:
        """The first rank not below the phrase."""
        ...

    @property
    def high(self) -> int:
        """The first rank above it."""
        ...

    @property
    def borders(self) -> Sequence[Suffix]:
        """The suffixes at `low - 1`, `low`, `high - 1` and `high`, where there are such."""
        ...


class Proof(Protocol):
    """A phrase, and its counts in all segments of a version, in order."""

    @property
    def phrase(self) -> bytes:
        """Canonical words in UTF-8, apart by single spaces."""
        ...

    @property
    def segments(self) -> Sequence[Counted]:
        """All of the version."""
        ...


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """A segment as the `index`-th of a version's `size`, with the proof of it."""

    segment: Commitment
    index: int
    size: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose row, and its place in the order of commitments: the lower one was there first."""

    contributor: Address
    sequence: int


class PhraseProofsClient(ContractClient[Never]):
    """Anyone asks; a proof that does not hold is refused by the error that names why."""

    contract = "PhraseProofs"

    async def span_at(
        self, root: bytes, phrase: bytes, place: SegmentPlace, suffix: Suffix
    ) -> Holder:
        """Whose row the phrase stands in, at this suffix.

        Args:
            root: of the version's segments, 32 bytes.
            phrase: canonical words in UTF-8, apart by single spaces.
            place: the segment that the suffix is of.
            suffix: with the text of the phrase and one byte more.

        Raises:
            ContractRevertError: it does not stand there, or a proof is not of this root.
        """
        contributor, sequence = await self._view(
            "spanAt", require_bytes32("root", root), phrase, _place(place), _suffix(suffix)
        )
        return Holder(as_address(contributor), as_int(sequence))

    async def count_of(self, root: bytes, proof: Proof) -> int:
        """How often the phrase stands in the version with this root.

        Raises:
            ContractRevertError: the proof shows nothing of the kind.
        """
        segments = [
            (
                _place(SegmentPlace(part.segment, number, len(proof.segments), part.path)),
                require_uint("low", part.low, 64),
                require_uint("high", part.high, 64),
                [_suffix(border) for border in part.borders],
            )
            for number, part in enumerate(proof.segments)
        ]
        return await self._view_int(
            "countOf", require_bytes32("root", root), proof.phrase, segments
        )

    async def shows_disorder(
        self, root: bytes, place: SegmentPlace, one: Suffix, next_: Suffix, length: int
    ) -> bool:
        """Whether two neighbours of a committed segment stand in the wrong order.

        Args:
            length: how many bytes of both are compared; their chunks hold them.

        Raises:
            ContractRevertError: a proof is not of this root.
        """
        (shown,) = await self._view(
            "showsDisorder",
            require_bytes32("root", root),
            _place(place),
            _suffix(one),
            _suffix(next_),
            require_uint("length", length, 256),
        )
        return bool(shown)


def _place(place: SegmentPlace) -> tuple[object, ...]:
    segment = place.segment
    return (
        (
            require_uint("words", segment.words, 64),
            require_uint("text_bytes", segment.text_bytes, 64),
            require_bytes32("suffix_root", segment.suffix_root),
            require_bytes32("text_root", segment.text_root),
        ),
        require_uint("index", place.index, 64),
        require_uint("size", place.size, 64),
        _path(place.path),
    )


def _suffix(suffix: Suffix) -> tuple[object, ...]:
    found = suffix.at
    return (
        require_uint("rank", found.rank, 64),
        require_uint("position", found.position, 64),
        require_uint("sequence", found.sequence, 64),
        parse_address(found.contributor),
        _path(found.path),
        [(chunk.data, _path(chunk.path)) for chunk in suffix.chunks],
    )


def _path(path: Sequence[bytes]) -> list[bytes]:
    return [require_bytes32("path", neighbour) for neighbour in path]
