"""Why `EpochFaults` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class InvalidDetailError(ContractRevertError):
    """`InvalidDetail()`."""

    selector: ClassVar[bytes] = bytes.fromhex("a3874542")


class InvalidOpeningError(ContractRevertError):
    """`InvalidOpening()`."""

    selector: ClassVar[bytes] = bytes.fromhex("399d2d9b")


class InvalidReceiptError(ContractRevertError):
    """`InvalidReceipt()`."""

    selector: ClassVar[bytes] = bytes.fromhex("c0098aac")


class NoFaultError(ContractRevertError):
    """`NoFault()`."""

    selector: ClassVar[bytes] = bytes.fromhex("6ccd0bbc")


class NoRootPendingError(ContractRevertError):
    """`NoRootPending()`."""

    selector: ClassVar[bytes] = bytes.fromhex("4f14061e")


class PositionsNotAscendingError(ContractRevertError):
    """`PositionsNotAscending(uint32 position)`."""

    selector: ClassVar[bytes] = bytes.fromhex("ce4575ba")
    fields: ClassVar[tuple[str, ...]] = ("position",)
    position: int
