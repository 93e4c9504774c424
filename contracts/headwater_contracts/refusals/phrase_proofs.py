"""Why `PhraseProofs` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class BorderMisplacedError(ContractRevertError):
    """`BorderMisplaced(uint64 rank)`."""

    selector: ClassVar[bytes] = bytes.fromhex("baa3cc72")
    fields: ClassVar[tuple[str, ...]] = ("rank",)
    rank: int


class CountOutOfRangeError(ContractRevertError):
    """`CountOutOfRange(uint64 low, uint64 high)`."""

    selector: ClassVar[bytes] = bytes.fromhex("65174e9f")
    fields: ClassVar[tuple[str, ...]] = ("low", "high")
    low: int
    high: int


class NotAPhraseError(ContractRevertError):
    """`NotAPhrase()`."""

    selector: ClassVar[bytes] = bytes.fromhex("4a788596")


class PhraseNotThereError(ContractRevertError):
    """`PhraseNotThere(uint64 rank)`."""

    selector: ClassVar[bytes] = bytes.fromhex("24d9fc6f")
    fields: ClassVar[tuple[str, ...]] = ("rank",)
    rank: int


class SegmentNotOfRootError(ContractRevertError):
    """`SegmentNotOfRoot(uint64 index)`."""

    selector: ClassVar[bytes] = bytes.fromhex("bf56ab8d")
    fields: ClassVar[tuple[str, ...]] = ("index",)
    index: int


class SegmentsIncompleteError(ContractRevertError):
    """`SegmentsIncomplete(uint256 given, uint64 size)`."""

    selector: ClassVar[bytes] = bytes.fromhex("b91eba24")
    fields: ClassVar[tuple[str, ...]] = ("given", "size")
    given: int
    size: int


class SuffixNotOfSegmentError(ContractRevertError):
    """`SuffixNotOfSegment(uint64 rank)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e8644858")
    fields: ClassVar[tuple[str, ...]] = ("rank",)
    rank: int


class TextNotOfSegmentError(ContractRevertError):
    """`TextNotOfSegment(uint64 rank)`."""

    selector: ClassVar[bytes] = bytes.fromhex("20a6cd24")
    fields: ClassVar[tuple[str, ...]] = ("rank",)
    rank: int
