"""Why `IdentityRegistry` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class DeadlineOutOfRangeError(ContractRevertError):
    """`DeadlineOutOfRange(uint256 deadline)`."""

    selector: ClassVar[bytes] = bytes.fromhex("33225bf4")
    fields: ClassVar[tuple[str, ...]] = ("deadline",)
    deadline: int


class KeyReservedError(ContractRevertError):
    """`KeyReserved()`."""

    selector: ClassVar[bytes] = bytes.fromhex("ad424585")


class NotAgentOperatorError(ContractRevertError):
    """`NotAgentOperator(address caller, uint256 agentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fa515657")
    fields: ClassVar[tuple[str, ...]] = ("caller", "agent_id")
    caller: Address
    agent_id: int


class WalletNotProvenError(ContractRevertError):
    """`WalletNotProven(address wallet)`."""

    selector: ClassVar[bytes] = bytes.fromhex("dcb46f69")
    fields: ClassVar[tuple[str, ...]] = ("wallet",)
    wallet: Address
