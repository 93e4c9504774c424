"""Why `Licences` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class LicenceExpiredError(ContractRevertError):
    """`LicenceExpired(uint40 expiration)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6ca12e82")
    fields: ClassVar[tuple[str, ...]] = ("expiration",)
    expiration: int


class LicenceOutOfRangeError(ContractRevertError):
    """`LicenceOutOfRange(string field)`."""

    selector: ClassVar[bytes] = bytes.fromhex("feeb4888")
    fields: ClassVar[tuple[str, ...]] = ("field",)
    field: str


class LicenceUnreadableError(ContractRevertError):
    """`LicenceUnreadable(bytes32 licenceHash)`."""

    selector: ClassVar[bytes] = bytes.fromhex("975135b6")
    fields: ClassVar[tuple[str, ...]] = ("licence_hash",)
    licence_hash: bytes


class NotGrantedError(ContractRevertError):
    """`NotGranted(string field)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5effeab6")
    fields: ClassVar[tuple[str, ...]] = ("field",)
    field: str
