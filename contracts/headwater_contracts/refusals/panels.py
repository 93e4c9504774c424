"""Why `Panels` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class ECDSAInvalidSignatureError(ContractRevertError):
    """`ECDSAInvalidSignature()`."""

    selector: ClassVar[bytes] = bytes.fromhex("f645eedf")


class ECDSAInvalidSignatureLengthError(ContractRevertError):
    """`ECDSAInvalidSignatureLength(uint256 length)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fce698f7")
    fields: ClassVar[tuple[str, ...]] = ("length",)
    length: int


class ECDSAInvalidSignatureSError(ContractRevertError):
    """`ECDSAInvalidSignatureS(bytes32 s)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d78bce0c")
    fields: ClassVar[tuple[str, ...]] = ("s",)
    s: bytes


class IncrementAboveCapError(ContractRevertError):
    """`IncrementAboveCap(uint256 increment, uint256 cap)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5db2cdcf")
    fields: ClassVar[tuple[str, ...]] = ("increment", "cap")
    increment: int
    cap: int


class MembersNotAscendingError(ContractRevertError):
    """`MembersNotAscending(address member)`."""

    selector: ClassVar[bytes] = bytes.fromhex("4680183d")
    fields: ClassVar[tuple[str, ...]] = ("member",)
    member: Address


class NotEnoughAttestationsError(ContractRevertError):
    """`NotEnoughAttestations(uint256 given, uint256 needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("4ecc979d")
    fields: ClassVar[tuple[str, ...]] = ("given", "needed")
    given: int
    needed: int


class NotVerifierError(ContractRevertError):
    """`NotVerifier(address signer)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fdad49d4")
    fields: ClassVar[tuple[str, ...]] = ("signer",)
    signer: Address


class PanelRuleOutOfRangeError(ContractRevertError):
    """`PanelRuleOutOfRange(string rule)`."""

    selector: ClassVar[bytes] = bytes.fromhex("371f0230")
    fields: ClassVar[tuple[str, ...]] = ("rule",)
    rule: str
