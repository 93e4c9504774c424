"""Why `Permit2` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class InvalidAmountError(ContractRevertError):
    """`InvalidAmount(uint256 maxAmount)`."""

    selector: ClassVar[bytes] = bytes.fromhex("3728b83d")
    fields: ClassVar[tuple[str, ...]] = ("max_amount",)
    max_amount: int


class InvalidNonceError(ContractRevertError):
    """`InvalidNonce()`."""

    selector: ClassVar[bytes] = bytes.fromhex("756688fe")


class SignatureExpiredError(ContractRevertError):
    """`SignatureExpired(uint256 signatureDeadline)`."""

    selector: ClassVar[bytes] = bytes.fromhex("cd21db4f")
    fields: ClassVar[tuple[str, ...]] = ("signature_deadline",)
    signature_deadline: int
