"""Why `ExactPermit2Proxy` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class ExactPermit2ProxyInvalidAmountError(ContractRevertError):
    """`InvalidAmount()`."""

    selector: ClassVar[bytes] = bytes.fromhex("2c5211c6")


class InvalidDestinationError(ContractRevertError):
    """`InvalidDestination()`."""

    selector: ClassVar[bytes] = bytes.fromhex("ac6b05f5")


class InvalidOwnerError(ContractRevertError):
    """`InvalidOwner()`."""

    selector: ClassVar[bytes] = bytes.fromhex("49e27cff")


class PaymentTooEarlyError(ContractRevertError):
    """`PaymentTooEarly()`."""

    selector: ClassVar[bytes] = bytes.fromhex("a65539fa")


class Permit2612AmountMismatchError(ContractRevertError):
    """`Permit2612AmountMismatch()`."""

    selector: ClassVar[bytes] = bytes.fromhex("050cda49")
