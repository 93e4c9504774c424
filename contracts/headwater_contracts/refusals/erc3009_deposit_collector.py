"""Why `ERC3009DepositCollector` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class NotSettlementError(ContractRevertError):
    """`NotSettlement(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("4afb55c5")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address
