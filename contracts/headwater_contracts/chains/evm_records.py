"""What goes into a chain on py-evm, what it keeps, and how it refuses."""

from dataclasses import dataclass

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI


class EvmError(Exception):
    """The chain refuses what it was asked; nothing has changed."""


class ExecutionReverted(EvmError):  # noqa: N818 - the name that nodes use
    """A call ran and failed.

    Args:
        reason: why, for failures other than REVERT.
        data: what the contract reverted with.
    """

    def __init__(self, reason: str, data: bytes) -> None:
        super().__init__(reason)
        self.data = data


@dataclass(frozen=True, slots=True)
class CallMessage:
    """A call without a signature: what `eth_call` and `eth_estimateGas` take."""

    sender: bytes
    to: bytes
    data: bytes
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction with where it was mined and what it did."""

    transaction: SignedTransactionAPI
    block_number: int
    index: int
    gas_used: int
    succeeded: bool
    created: bytes | None
    first_log_index: int
    receipt: ReceiptAPI


@dataclass(frozen=True, slots=True)
class MinedBlock:
    """A block and its transactions."""

    header: BlockHeaderAPI
    transactions: tuple[MinedTransaction, ...]

    @property
    def base_fee_wei(self) -> int:
        """Burnt for each unit of gas."""
        return int(self.header.base_fee_per_gas or 0)
