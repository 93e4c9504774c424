"""Why `JobEscrow` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class BudgetMismatchError(ContractRevertError):
    """`BudgetMismatch(uint256 budget, uint256 expected)`."""

    selector: ClassVar[bytes] = bytes.fromhex("733580bd")
    fields: ClassVar[tuple[str, ...]] = ("budget", "expected")
    budget: int
    expected: int


class EvaluatorMissingError(ContractRevertError):
    """`EvaluatorMissing()`."""

    selector: ClassVar[bytes] = bytes.fromhex("83a92999")


class ExpiryNotAheadError(ContractRevertError):
    """`ExpiryNotAhead(uint256 expiredAt)`."""

    selector: ClassVar[bytes] = bytes.fromhex("3efa2269")
    fields: ClassVar[tuple[str, ...]] = ("expired_at",)
    expired_at: int


class HookNotSupportedError(ContractRevertError):
    """`HookNotSupported(address hook)`."""

    selector: ClassVar[bytes] = bytes.fromhex("c72e89b0")
    fields: ClassVar[tuple[str, ...]] = ("hook",)
    hook: Address


class NotExpiredError(ContractRevertError):
    """`NotExpired(uint256 expiredAt)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7e61955c")
    fields: ClassVar[tuple[str, ...]] = ("expired_at",)
    expired_at: int


class NotRoleError(ContractRevertError):
    """`NotRole(address caller, address needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("732cbbd8")
    fields: ClassVar[tuple[str, ...]] = ("caller", "needed")
    caller: Address
    needed: Address


class ProviderAlreadySetError(ContractRevertError):
    """`ProviderAlreadySet(address provider)`."""

    selector: ClassVar[bytes] = bytes.fromhex("55292df0")
    fields: ClassVar[tuple[str, ...]] = ("provider",)
    provider: Address


class ProviderMissingError(ContractRevertError):
    """`ProviderMissing()`."""

    selector: ClassVar[bytes] = bytes.fromhex("f368d010")


class WrongStatusError(ContractRevertError):
    """`WrongStatus(uint256 jobId, uint8 status)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a5d15e1f")
    fields: ClassVar[tuple[str, ...]] = ("job_id", "status")
    job_id: int
    status: int
