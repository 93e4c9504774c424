"""Why `ReceiptDesk` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class NoOperatorError(ContractRevertError):
    """`NoOperator()`."""

    selector: ClassVar[bytes] = bytes.fromhex("37ff16a9")


class NotHostError(ContractRevertError):
    """`NotHost(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5614fa77")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotOperatorsReceiptError(ContractRevertError):
    """`NotOperatorsReceipt(address operator)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fa71aaab")
    fields: ClassVar[tuple[str, ...]] = ("operator",)
    operator: Address
