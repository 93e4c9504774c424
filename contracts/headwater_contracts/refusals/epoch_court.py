"""Why `EpochCourt` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class AlreadyDisputedError(ContractRevertError):
    """`AlreadyDisputed(uint32 position)`."""

    selector: ClassVar[bytes] = bytes.fromhex("8757ebaf")
    fields: ClassVar[tuple[str, ...]] = ("position",)
    position: int


class AlreadyVotedError(ContractRevertError):
    """`AlreadyVoted(address arbiter)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d449d674")
    fields: ClassVar[tuple[str, ...]] = ("arbiter",)
    arbiter: Address


class BondInUseError(ContractRevertError):
    """`BondInUse()`."""

    selector: ClassVar[bytes] = bytes.fromhex("0ac5efbd")


class BondTooSmallError(ContractRevertError):
    """`BondTooSmall(uint256 free, uint256 required)`."""

    selector: ClassVar[bytes] = bytes.fromhex("9901e611")
    fields: ClassVar[tuple[str, ...]] = ("free", "required")
    free: int
    required: int


class BondUnlockingError(ContractRevertError):
    """`BondUnlocking(uint256 unlockAt)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e2a28ecf")
    fields: ClassVar[tuple[str, ...]] = ("unlock_at",)
    unlock_at: int


class DisputeNotOpenError(ContractRevertError):
    """`DisputeNotOpen(uint256 disputeId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("1ee0f698")
    fields: ClassVar[tuple[str, ...]] = ("dispute_id",)
    dispute_id: int


class InsuranceTooEarlyError(ContractRevertError):
    """`InsuranceTooEarly(uint256 from)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d1fe2103")
    fields: ClassVar[tuple[str, ...]] = ("sender",)
    sender: int


class NotArbiterError(ContractRevertError):
    """`NotArbiter(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("720c75c2")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotProverError(ContractRevertError):
    """`NotProver(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a972a6ef")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NothingDisputedError(ContractRevertError):
    """`NothingDisputed()`."""

    selector: ClassVar[bytes] = bytes.fromhex("cf64ea8a")


class NothingToLockError(ContractRevertError):
    """`NothingToLock()`."""

    selector: ClassVar[bytes] = bytes.fromhex("977657db")


class RootNotFinalError(ContractRevertError):
    """`RootNotFinal(uint64 posting)`."""

    selector: ClassVar[bytes] = bytes.fromhex("128f02d3")
    fields: ClassVar[tuple[str, ...]] = ("posting",)
    posting: int


class RulingClosedError(ContractRevertError):
    """`RulingClosed(uint256 rulingBy)`."""

    selector: ClassVar[bytes] = bytes.fromhex("10f1c96b")
    fields: ClassVar[tuple[str, ...]] = ("ruling_by",)
    ruling_by: int


class RulingOpenError(ContractRevertError):
    """`RulingOpen(uint256 rulingBy)`."""

    selector: ClassVar[bytes] = bytes.fromhex("eb304ac7")
    fields: ClassVar[tuple[str, ...]] = ("ruling_by",)
    ruling_by: int


class UnlockTooEarlyError(ContractRevertError):
    """`UnlockTooEarly(uint256 unlockAt)`."""

    selector: ClassVar[bytes] = bytes.fromhex("0cf89c72")
    fields: ClassVar[tuple[str, ...]] = ("unlock_at",)
    unlock_at: int
