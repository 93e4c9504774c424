"""Why `AvailabilityDemands` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class DeadlineAheadError(ContractRevertError):
    """`DeadlineAhead(uint256 deadline)`."""

    selector: ClassVar[bytes] = bytes.fromhex("cc500d29")
    fields: ClassVar[tuple[str, ...]] = ("deadline",)
    deadline: int


class DemandNotMootError(ContractRevertError):
    """`DemandNotMoot()`."""

    selector: ClassVar[bytes] = bytes.fromhex("44ec96ee")


class DemandNotOpenError(ContractRevertError):
    """`DemandNotOpen(uint256 demandId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("4515d7b7")
    fields: ClassVar[tuple[str, ...]] = ("demand_id",)
    demand_id: int


class DemandsOpenError(ContractRevertError):
    """`DemandsOpen(uint256 open)`."""

    selector: ClassVar[bytes] = bytes.fromhex("f5bd11ec")
    fields: ClassVar[tuple[str, ...]] = ("open",)
    open: int


class NoSuchNodeError(ContractRevertError):
    """`NoSuchNode(uint8 level, uint32 index)`."""

    selector: ClassVar[bytes] = bytes.fromhex("224446e5")
    fields: ClassVar[tuple[str, ...]] = ("level", "index")
    level: int
    index: int


class NotVaultError(ContractRevertError):
    """`NotVault(address vault)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e9d60161")
    fields: ClassVar[tuple[str, ...]] = ("vault",)
    vault: Address


class StillDisputableError(ContractRevertError):
    """`StillDisputable(uint256 until)`."""

    selector: ClassVar[bytes] = bytes.fromhex("59b104b3")
    fields: ClassVar[tuple[str, ...]] = ("until",)
    until: int


class WindowClosedError(ContractRevertError):
    """`WindowClosed()`."""

    selector: ClassVar[bytes] = bytes.fromhex("2f23cfcd")


class WrongAnswerError(ContractRevertError):
    """`WrongAnswer()`."""

    selector: ClassVar[bytes] = bytes.fromhex("2fac5114")
