"""Why `BatchSettlement` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError, TransferRefusedError
from headwater_payments.address import Address


class AddressEmptyCodeError(ContractRevertError):
    """`AddressEmptyCode(address target)`."""

    selector: ClassVar[bytes] = bytes.fromhex("9996b315")
    fields: ClassVar[tuple[str, ...]] = ("target",)
    target: Address


class ClaimExceedsBalanceError(ContractRevertError):
    """`ClaimExceedsBalance()`."""

    selector: ClassVar[bytes] = bytes.fromhex("7d8242b6")


class ClaimExceedsCeilingError(ContractRevertError):
    """`ClaimExceedsCeiling()`."""

    selector: ClassVar[bytes] = bytes.fromhex("f1789775")


class DepositCollectionFailedError(ContractRevertError):
    """`DepositCollectionFailed()`."""

    selector: ClassVar[bytes] = bytes.fromhex("eb43592c")


class DepositOverflowError(ContractRevertError):
    """`DepositOverflow()`."""

    selector: ClassVar[bytes] = bytes.fromhex("1132981b")


class EmptyBatchError(ContractRevertError):
    """`EmptyBatch()`."""

    selector: ClassVar[bytes] = bytes.fromhex("c2e5347d")


class FailedCallError(ContractRevertError):
    """`FailedCall()`."""

    selector: ClassVar[bytes] = bytes.fromhex("d6bda275")


class InvalidChannelError(ContractRevertError):
    """`InvalidChannel()`."""

    selector: ClassVar[bytes] = bytes.fromhex("ea3a9a39")


class InvalidCollectorError(ContractRevertError):
    """`InvalidCollector()`."""

    selector: ClassVar[bytes] = bytes.fromhex("18b1afd4")


class InvalidRefundNonceError(ContractRevertError):
    """`InvalidRefundNonce()`."""

    selector: ClassVar[bytes] = bytes.fromhex("164f1afe")


class InvalidSignatureError(ContractRevertError):
    """`InvalidSignature()`."""

    selector: ClassVar[bytes] = bytes.fromhex("8baa579f")


class NotAuthorizedToClaimError(ContractRevertError):
    """`NotAuthorizedToClaim()`."""

    selector: ClassVar[bytes] = bytes.fromhex("defb7069")


class NotAuthorizedToFinalizeWithdrawError(ContractRevertError):
    """`NotAuthorizedToFinalizeWithdraw()`."""

    selector: ClassVar[bytes] = bytes.fromhex("15f969d5")


class NotAuthorizedToInitiateWithdrawError(ContractRevertError):
    """`NotAuthorizedToInitiateWithdraw()`."""

    selector: ClassVar[bytes] = bytes.fromhex("0062afdc")


class NotAuthorizedToRefundError(ContractRevertError):
    """`NotAuthorizedToRefund()`."""

    selector: ClassVar[bytes] = bytes.fromhex("7864f008")


class NotReceiverAuthorizerError(ContractRevertError):
    """`NotReceiverAuthorizer()`."""

    selector: ClassVar[bytes] = bytes.fromhex("f5e2237d")


class NothingToWithdrawError(ContractRevertError):
    """`NothingToWithdraw()`."""

    selector: ClassVar[bytes] = bytes.fromhex("d0d04f60")


class ReentrancyGuardReentrantCallError(ContractRevertError):
    """`ReentrancyGuardReentrantCall()`."""

    selector: ClassVar[bytes] = bytes.fromhex("3ee5aeb5")


class SafeERC20FailedOperationError(TransferRefusedError):
    """`SafeERC20FailedOperation(address token)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5274afe7")
    fields: ClassVar[tuple[str, ...]] = ("token",)
    token: Address


class WithdrawAmountExceedsAvailableError(ContractRevertError):
    """`WithdrawAmountExceedsAvailable()`."""

    selector: ClassVar[bytes] = bytes.fromhex("6d3d5764")


class WithdrawDelayNotElapsedError(ContractRevertError):
    """`WithdrawDelayNotElapsed()`."""

    selector: ClassVar[bytes] = bytes.fromhex("f3965827")


class WithdrawDelayOutOfRangeError(ContractRevertError):
    """`WithdrawDelayOutOfRange()`."""

    selector: ClassVar[bytes] = bytes.fromhex("4574fab6")


class WithdrawalAlreadyPendingError(ContractRevertError):
    """`WithdrawalAlreadyPending()`."""

    selector: ClassVar[bytes] = bytes.fromhex("a2aed0f0")


class WithdrawalNotPendingError(ContractRevertError):
    """`WithdrawalNotPending()`."""

    selector: ClassVar[bytes] = bytes.fromhex("3a0a1ca6")


class ZeroDepositError(ContractRevertError):
    """`ZeroDeposit()`."""

    selector: ClassVar[bytes] = bytes.fromhex("56316e87")


class ZeroRefundError(ContractRevertError):
    """`ZeroRefund()`."""

    selector: ClassVar[bytes] = bytes.fromhex("d758525c")
