"""Why `Multicall3` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class CallFailedError(ContractRevertError):
    """`CallFailed(uint256 index, bytes returnData)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5c0dee5d")
    fields: ClassVar[tuple[str, ...]] = ("index", "return_data")
    index: int
    return_data: bytes


class ValueMismatchError(ContractRevertError):
    """`ValueMismatch(uint256 sent, uint256 forwarded)`."""

    selector: ClassVar[bytes] = bytes.fromhex("626ade30")
    fields: ClassVar[tuple[str, ...]] = ("sent", "forwarded")
    sent: int
    forwarded: int
