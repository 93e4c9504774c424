"""Why `SettlementToken` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError, TransferRefusedError
from headwater_payments.address import Address


class ERC20InsufficientAllowanceError(TransferRefusedError):
    """`ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fb8f41b2")
    fields: ClassVar[tuple[str, ...]] = ("spender", "allowance", "needed")
    spender: Address
    allowance: int
    needed: int


class ERC20InsufficientBalanceError(TransferRefusedError):
    """`ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e450d38c")
    fields: ClassVar[tuple[str, ...]] = ("sender", "balance", "needed")
    sender: Address
    balance: int
    needed: int


class ERC20InvalidApproverError(ContractRevertError):
    """`ERC20InvalidApprover(address approver)`."""

    selector: ClassVar[bytes] = bytes.fromhex("e602df05")
    fields: ClassVar[tuple[str, ...]] = ("approver",)
    approver: Address


class ERC20InvalidReceiverError(TransferRefusedError):
    """`ERC20InvalidReceiver(address receiver)`."""

    selector: ClassVar[bytes] = bytes.fromhex("ec442f05")
    fields: ClassVar[tuple[str, ...]] = ("receiver",)
    receiver: Address


class ERC20InvalidSenderError(TransferRefusedError):
    """`ERC20InvalidSender(address sender)`."""

    selector: ClassVar[bytes] = bytes.fromhex("96c6fd1e")
    fields: ClassVar[tuple[str, ...]] = ("sender",)
    sender: Address


class ERC20InvalidSpenderError(ContractRevertError):
    """`ERC20InvalidSpender(address spender)`."""

    selector: ClassVar[bytes] = bytes.fromhex("94280d62")
    fields: ClassVar[tuple[str, ...]] = ("spender",)
    spender: Address


class InvalidAccountNonceError(ContractRevertError):
    """`InvalidAccountNonce(address account, uint256 currentNonce)`."""

    selector: ClassVar[bytes] = bytes.fromhex("752d88c0")
    fields: ClassVar[tuple[str, ...]] = ("account", "current_nonce")
    account: Address
    current_nonce: int


class InvalidShortStringError(ContractRevertError):
    """`InvalidShortString()`."""

    selector: ClassVar[bytes] = bytes.fromhex("b3512b0c")


class NotMinterError(ContractRevertError):
    """`NotMinter(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("361c31f2")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class StringTooLongError(ContractRevertError):
    """`StringTooLong(string str)`."""

    selector: ClassVar[bytes] = bytes.fromhex("305a27a9")
    fields: ClassVar[tuple[str, ...]] = ("str_",)
    str_: str
