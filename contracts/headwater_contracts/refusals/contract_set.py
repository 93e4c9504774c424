"""Why `ContractSet` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class AllCreatedError(ContractRevertError):
    """`AllCreated()`."""

    selector: ClassVar[bytes] = bytes.fromhex("ec595d14")


class PartFailedError(ContractRevertError):
    """`PartFailed(uint256 index)`."""

    selector: ClassVar[bytes] = bytes.fromhex("08f0d952")
    fields: ClassVar[tuple[str, ...]] = ("index",)
    index: int


class PartsOutOfRangeError(ContractRevertError):
    """`PartsOutOfRange(uint256 parts)`."""

    selector: ClassVar[bytes] = bytes.fromhex("50dbc00e")
    fields: ClassVar[tuple[str, ...]] = ("parts",)
    parts: int


class WrongCodeError(ContractRevertError):
    """`WrongCode(uint256 index, bytes32 codeHash)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7d6674eb")
    fields: ClassVar[tuple[str, ...]] = ("index", "code_hash")
    index: int
    code_hash: bytes
