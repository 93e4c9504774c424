"""What is read from a chain: logs, receipts and blocks, as frozen records."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater_payments.address import Address, parse_address

if TYPE_CHECKING:
    from web3.types import BlockData, LogReceipt, TxData, TxReceipt


@dataclass(frozen=True, slots=True)
class Log:
    """One log as the chain keeps it. `index` is its place in the block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: str
    index: int

    @classmethod
    def from_web3(cls, row: "LogReceipt") -> "Log":
        """From web3's reading of the node's answer."""
        return cls(
            address=parse_address(row["address"].lower()),
            topics=tuple(bytes(topic) for topic in row["topics"]),
            data=bytes(row["data"]),
            block_number=int(row["blockNumber"]),
            block_hash=bytes(row["blockHash"]),
            transaction_hash=_hex(row["transactionHash"]),
            index=int(row["logIndex"]),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a mined transaction did; gas in gas units, price in wei."""

    transaction_hash: str
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    contract: Address | None
    logs: tuple[Log, ...]

    @classmethod
    def from_web3(cls, fields: "TxReceipt") -> "Receipt":
        """From web3's reading of the node's answer."""
        contract = fields.get("contractAddress")
        return cls(
            transaction_hash=_hex(fields["transactionHash"]),
            block_number=int(fields["blockNumber"]),
            block_hash=bytes(fields["blockHash"]),
            succeeded=fields["status"] == 1,
            gas_used=int(fields["gasUsed"]),
            gas_price_wei=int(fields.get("effectiveGasPrice", 0)),
            contract=parse_address(contract) if contract else None,
            logs=tuple(Log.from_web3(row) for row in fields["logs"]),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as callers need it; times in unix seconds, fees in wei."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee_wei: int

    @classmethod
    def from_web3(cls, fields: "BlockData") -> "Block":
        """From web3's reading of the node's answer."""
        return cls(
            number=int(fields["number"]),
            hash=bytes(fields["hash"]),
            parent_hash=bytes(fields["parentHash"]),
            timestamp=int(fields["timestamp"]),
            base_fee_wei=int(fields.get("baseFeePerGas", 0)),
        )


@dataclass(frozen=True, slots=True)
class SentCall:
    """What a transaction called; `recipient` is None where it made a contract."""

    recipient: Address | None
    data: bytes

    @classmethod
    def from_web3(cls, fields: "TxData") -> "SentCall":
        """From web3's reading of the node's answer."""
        to = fields.get("to")
        return cls(parse_address(to) if to else None, bytes(fields["input"]))


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
