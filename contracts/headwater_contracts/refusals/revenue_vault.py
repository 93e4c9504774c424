"""Why `RevenueVault` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class AlreadyCommittedError(ContractRevertError):
    """`AlreadyCommitted(uint64 epoch)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e685805d")
    fields: ClassVar[tuple[str, ...]] = ("epoch",)
    epoch: int


class ClaimExpiredError(ContractRevertError):
    """`ClaimExpired(uint256 deadline)`."""

    selector: ClassVar[bytes] = bytes.fromhex("f5f3b230")
    fields: ClassVar[tuple[str, ...]] = ("deadline",)
    deadline: int


class ClaimsExceedRootError(ContractRevertError):
    """`ClaimsExceedRoot(uint256 claims, uint256 sum)`."""

    selector: ClassVar[bytes] = bytes.fromhex("c01f3a87")
    fields: ClassVar[tuple[str, ...]] = ("claims", "sum")
    claims: int
    sum: int


class CutoffOutOfRangeError(ContractRevertError):
    """`CutoffOutOfRange(uint64 cutoffBlock)`."""

    selector: ClassVar[bytes] = bytes.fromhex("161022a0")
    fields: ClassVar[tuple[str, ...]] = ("cutoff_block",)
    cutoff_block: int


class DepthOutOfRangeError(ContractRevertError):
    """`DepthOutOfRange(uint8 depth)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a4af4cd3")
    fields: ClassVar[tuple[str, ...]] = ("depth",)
    depth: int


class EmptyReceiptsRootError(ContractRevertError):
    """`EmptyReceiptsRoot()`."""

    selector: ClassVar[bytes] = bytes.fromhex("44316535")


class EscapeTooEarlyError(ContractRevertError):
    """`EscapeTooEarly(uint256 missedEpochs)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7cb33719")
    fields: ClassVar[tuple[str, ...]] = ("missed_epochs",)
    missed_epochs: int


class FallbackIsOwnerError(ContractRevertError):
    """`FallbackIsOwner(address owner)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fcd7741a")
    fields: ClassVar[tuple[str, ...]] = ("owner",)
    owner: Address


class FallbackTooEarlyError(ContractRevertError):
    """`FallbackTooEarly(uint256 from)`."""

    selector: ClassVar[bytes] = bytes.fromhex("f60d6d6a")
    fields: ClassVar[tuple[str, ...]] = ("sender",)
    sender: int


class FeeAboveClaimError(ContractRevertError):
    """`FeeAboveClaim(uint256 fee, uint256 amount)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5ea56f5e")
    fields: ClassVar[tuple[str, ...]] = ("fee", "amount")
    fee: int
    amount: int


class HoldsOpenError(ContractRevertError):
    """`HoldsOpen(uint256 holds)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d9d4ad32")
    fields: ClassVar[tuple[str, ...]] = ("holds",)
    holds: int


class ImplementationLockedError(ContractRevertError):
    """`ImplementationLocked()`."""

    selector: ClassVar[bytes] = bytes.fromhex("0657bd51")


class NoRootFinalError(ContractRevertError):
    """`NoRootFinal()`."""

    selector: ClassVar[bytes] = bytes.fromhex("b233a354")


class NotAttributorError(ContractRevertError):
    """`NotAttributor(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("99a05fd5")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotCommittedError(ContractRevertError):
    """`NotCommitted(uint64 epoch)`."""

    selector: ClassVar[bytes] = bytes.fromhex("891354d6")
    fields: ClassVar[tuple[str, ...]] = ("epoch",)
    epoch: int


class NotCommitterError(ContractRevertError):
    """`NotCommitter(address caller, address committer)`."""

    selector: ClassVar[bytes] = bytes.fromhex("10802ed0")
    fields: ClassVar[tuple[str, ...]] = ("caller", "committer")
    caller: Address
    committer: Address


class NotCourtError(ContractRevertError):
    """`NotCourt(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d9cc3b78")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotPayeeError(ContractRevertError):
    """`NotPayee(address caller, address payee)`."""

    selector: ClassVar[bytes] = bytes.fromhex("abf2cc76")
    fields: ClassVar[tuple[str, ...]] = ("caller", "payee")
    caller: Address
    payee: Address


class NotSignedByAccountError(ContractRevertError):
    """`NotSignedByAccount(address account)`."""

    selector: ClassVar[bytes] = bytes.fromhex("8560b3d6")
    fields: ClassVar[tuple[str, ...]] = ("account",)
    account: Address


class NothingToClaimError(ContractRevertError):
    """`NothingToClaim(uint32 position)`."""

    selector: ClassVar[bytes] = bytes.fromhex("9284d713")
    fields: ClassVar[tuple[str, ...]] = ("position",)
    position: int


class PositionOfOtherError(ContractRevertError):
    """`PositionOfOther(uint32 position, address account)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e2c6c074")
    fields: ClassVar[tuple[str, ...]] = ("position", "account")
    position: int
    account: Address


class RootExistsError(ContractRevertError):
    """`RootExists()`."""

    selector: ClassVar[bytes] = bytes.fromhex("3293a2cf")


class RootPendingError(ContractRevertError):
    """`RootPending(uint64 epoch)`."""

    selector: ClassVar[bytes] = bytes.fromhex("8f6aa2b6")
    fields: ClassVar[tuple[str, ...]] = ("epoch",)
    epoch: int


class SeedNotReadyError(ContractRevertError):
    """`SeedNotReady(uint64 seedBlock)`."""

    selector: ClassVar[bytes] = bytes.fromhex("02c32a2d")
    fields: ClassVar[tuple[str, ...]] = ("seed_block",)
    seed_block: int


class SumAbovePoolError(ContractRevertError):
    """`SumAbovePool(uint128 sum, uint256 pool)`."""

    selector: ClassVar[bytes] = bytes.fromhex("4dffc03a")
    fields: ClassVar[tuple[str, ...]] = ("sum", "pool")
    sum: int
    pool: int


class SumFallsError(ContractRevertError):
    """`SumFalls(uint128 sum, uint256 previous)`."""

    selector: ClassVar[bytes] = bytes.fromhex("583a1b48")
    fields: ClassVar[tuple[str, ...]] = ("sum", "previous")
    sum: int
    previous: int


class WindowOpenError(ContractRevertError):
    """`WindowOpen(uint256 until)`."""

    selector: ClassVar[bytes] = bytes.fromhex("b317256b")
    fields: ClassVar[tuple[str, ...]] = ("until",)
    until: int


class WrongEpochError(ContractRevertError):
    """`WrongEpoch(uint64 given, uint64 expected)`."""

    selector: ClassVar[bytes] = bytes.fromhex("2b9264ec")
    fields: ClassVar[tuple[str, ...]] = ("given", "expected")
    given: int
    expected: int
