"""Reading a chain: state, calls, logs and receipts, with errors translated at the seam."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio

from headwater_contracts.calls import Call
from headwater_contracts.json_rpc import JsonRpc, RpcError
from headwater_contracts.reverts import revert_error
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError, UnavailableError

BlockName = int | str
"""A block number, or `latest`, `pending`, `safe`, `finalized`, `earliest`."""

_RECEIPT_POLL_S = 0.05


class WrongNetworkError(HeadwaterError):
    """The node serves another chain than the caller works on; nothing was sent."""

    code = "wrong_network"
    http_status = 409


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


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as callers need it; times in unix seconds, fees in wei."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee_wei: int


class ChainReader:
    """Reads one chain. Safe to share between tasks.

    Args:
        rpc: the connection; closed with the reader.
        chain_id: the chain that the caller works on; every reader is checked against it once.
    """

    def __init__(self, rpc: JsonRpc, chain_id: int) -> None:
        self._rpc = rpc
        self._expected_chain_id = chain_id
        self._checked = False

    @classmethod
    def connect(cls, url: str, chain_id: int) -> Self:
        """A reader for a node's URL."""
        return cls(JsonRpc(url), chain_id)

    @property
    def rpc(self) -> JsonRpc:
        """The connection itself, for whoever sends transactions."""
        return self._rpc

    @property
    def expected_chain_id(self) -> int:
        """The chain this reader is for."""
        return self._expected_chain_id

    async def chain_id(self) -> int:
        """The id that the node reports."""
        return _int(await self._rpc.request("eth_chainId"))

    async def require_chain(self) -> None:
        """Make sure that the node serves the expected chain; asks it once.

        Raises:
            WrongNetworkError: it serves another.
        """
        if self._checked:
            return
        found = await self.chain_id()
        if found != self._expected_chain_id:
            raise WrongNetworkError(
                f"The node serves chain {found}, not {self._expected_chain_id}.",
                found=found,
                expected=self._expected_chain_id,
            )
        self._checked = True

    async def block_number(self) -> int:
        """The number of the latest block."""
        return _int(await self._rpc.request("eth_blockNumber"))

    async def block(self, block: BlockName = "latest") -> Block:
        """A block's header.

        Raises:
            UnavailableError: the node has no such block.
        """
        fields = await self._rpc.request("eth_getBlockByNumber", _block(block), False)
        if not isinstance(fields, dict):
            raise UnavailableError(f"The node has no block {block}.", block=block)
        return Block(
            number=_int(fields["number"]),
            hash=_bytes(fields["hash"]),
            parent_hash=_bytes(fields["parentHash"]),
            timestamp=_int(fields["timestamp"]),
            base_fee_wei=_int(fields.get("baseFeePerGas", "0x0")),
        )

    async def balance(self, account: Address, block: BlockName = "latest") -> int:
        """Wei of the chain's own coin."""
        return _int(await self._rpc.request("eth_getBalance", account, _block(block)))

    async def nonce(self, account: Address, block: BlockName = "pending") -> int:
        """The nonce of the account's next transaction."""
        return _int(await self._rpc.request("eth_getTransactionCount", account, _block(block)))

    async def code(self, account: Address, block: BlockName = "latest") -> bytes:
        """A contract's code; empty for a plain account."""
        return _bytes(await self._rpc.request("eth_getCode", account, _block(block)))

    async def call(
        self, call: Call, *, sender: Address | None = None, block: BlockName = "latest"
    ) -> bytes:
        """Run a call without changing anything; gives the returned bytes.

        Raises:
            ContractRevertError: the contract refused.
            WrongNetworkError: the node serves another chain.
        """
        await self.require_chain()
        try:
            result = await self._rpc.request("eth_call", _message(call, sender), _block(block))
        except RpcError as exc:
            raise _translated(exc, call) from exc
        return _bytes(result)

    async def estimate_gas(self, call: Call, *, sender: Address) -> int:
        """Gas with which the call succeeds now, in gas units.

        Raises:
            ContractRevertError: the contract refuses whatever the gas.
        """
        await self.require_chain()
        try:
            return _int(await self._rpc.request("eth_estimateGas", _message(call, sender)))
        except RpcError as exc:
            raise _translated(exc, call) from exc

    async def receipt(self, transaction_hash: str) -> Receipt | None:
        """What a transaction did, or None while it is not mined."""
        fields = await self._rpc.request("eth_getTransactionReceipt", transaction_hash)
        if not isinstance(fields, dict):
            return None
        contract = fields.get("contractAddress")
        return Receipt(
            transaction_hash=str(fields["transactionHash"]),
            block_number=_int(fields["blockNumber"]),
            block_hash=_bytes(fields["blockHash"]),
            succeeded=_int(fields["status"]) == 1,
            gas_used=_int(fields["gasUsed"]),
            gas_price_wei=_int(fields.get("effectiveGasPrice", "0x0")),
            contract=parse_address(contract) if contract else None,
            logs=tuple(_log(row) for row in fields["logs"]),
        )

    async def wait_for_receipt(self, transaction_hash: str) -> Receipt:
        """Wait until a transaction is mined; the caller sets the time limit.

        Cancelled, it leaves the transaction as it is: it may still be mined.
        """
        while (found := await self.receipt(transaction_hash)) is None:  # noqa: ASYNC110 - a node
            await anyio.sleep(_RECEIPT_POLL_S)
        return found

    async def logs(
        self,
        address: Address | Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
        *,
        from_block: BlockName,
        to_block: BlockName = "latest",
    ) -> list[Log]:
        """Logs of one contract or several, in chain order.

        Args:
            address: whose.
            topics: by place; None matches any, a sequence any of its members.
            from_block: the first block looked at.
            to_block: the last.
        """
        query = {
            "address": address if isinstance(address, str) else list(address),
            "topics": [_topic(topic) for topic in topics],
            "fromBlock": _block(from_block),
            "toBlock": _block(to_block),
        }
        rows = await self._rpc.request("eth_getLogs", query)
        if not isinstance(rows, list):
            raise UnavailableError("The node answered eth_getLogs with something else than a list.")
        return [_log(row) for row in rows]

    async def aclose(self) -> None:
        """Close the connection."""
        await self._rpc.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def _translated(error: RpcError, call: Call) -> HeadwaterError:
    """A node tells a revert by its data, its code 3, or, older ones, by the word."""
    if error.data is not None or error.rpc_code == 3 or "revert" in error.message.lower():
        return revert_error(error.data, call.description)
    return error


def _message(call: Call, sender: Address | None) -> dict[str, str]:
    fields = {"to": str(call.to), "data": "0x" + call.data.hex(), "value": hex(call.value)}
    return fields if sender is None else fields | {"from": str(sender)}


def _topic(topic: bytes | Sequence[bytes] | None) -> str | list[str] | None:
    if topic is None:
        return None
    if isinstance(topic, bytes):
        return "0x" + topic.hex()
    return ["0x" + choice.hex() for choice in topic]


def _log(row: object) -> Log:
    if not isinstance(row, dict):
        raise UnavailableError("The node sent a log that is not an object.")
    return Log(
        address=parse_address(str(row["address"]).lower()),
        topics=tuple(_bytes(topic) for topic in row["topics"]),
        data=_bytes(row["data"]),
        block_number=_int(row["blockNumber"]),
        block_hash=_bytes(row["blockHash"]),
        transaction_hash=str(row["transactionHash"]),
        index=_int(row["logIndex"]),
    )


def _block(block: BlockName) -> str:
    return hex(block) if isinstance(block, int) else block


def _int(value: object) -> int:
    try:
        return int(str(value), 16)
    except ValueError as exc:
        raise UnavailableError(f"The node sent {value!r} where a quantity belongs.") from exc


def _bytes(value: object) -> bytes:
    text = str(value)
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as exc:
        raise UnavailableError(f"The node sent {text[:80]!r} where bytes belong.") from exc
