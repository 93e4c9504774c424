"""Reading a chain: state, calls, logs and receipts, with errors translated at the seam."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import anyio

from headwater_contracts.abi import WrongContractError
from headwater_contracts.calls import Call, require_uint
from headwater_contracts.json_rpc import JsonRpc, RpcError, refusal
from headwater_contracts.records import Block, Log, Receipt, SentCall
from headwater_contracts.reverts import revert_error
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress, HexStr
    from web3 import AsyncWeb3
    from web3.types import BlockIdentifier, FilterParams, RPCEndpoint

    from headwater_contracts.provider import HttpxProvider

__all__ = ["Block", "BlockName", "ChainReader", "Log", "Receipt", "SentCall", "WrongNetworkError"]

BlockName = int | str
"""A block number, or `latest`, `pending`, `safe`, `finalized`, `earliest`."""

_RECEIPT_POLL_S = 0.05


class WrongNetworkError(HeadwaterError):
    """The node serves another chain than the caller works on; nothing was sent."""

    code = "wrong_network"
    http_status = 409


class ChainReader:
    """Reads one chain. Safe to share between tasks.

    Before its first answer the node is asked which chain it serves; every method but `chain_id`
    raises `WrongNetworkError` where that is another.

    Args:
        rpc: the connection; closed with the reader.
        chain_id: the chain that the caller works on.

    Raises:
        InvalidInputError: `chain_id` is not a positive integer of 256 bits.
    """

    def __init__(self, rpc: JsonRpc, chain_id: int) -> None:
        self._rpc = rpc
        if require_uint("chain_id", chain_id, 256) == 0:
            raise InvalidInputError("There is no chain with the id 0.")
        self._expected_chain_id = chain_id
        self._checked = False
        self._contracts: set[Address] = set()

    @classmethod
    def connect(cls, url: str, chain_id: int) -> Self:
        """A reader for a node's URL; it connects when it is first asked something.

        Raises:
            InvalidInputError: not an http or https URL, or no chain's id.
        """
        return cls(JsonRpc(url), chain_id)

    @property
    def rpc(self) -> JsonRpc:
        """The connection itself, for whoever sends transactions."""
        return self._rpc

    @cached_property
    def web3(self) -> "AsyncWeb3[HttpxProvider]":
        """web3 over the same connection, for whatever this class has no method for.

        web3 is imported when it is first asked for: it takes longer to import than all the rest.
        """
        from headwater_contracts.provider import web3_over

        return web3_over(self._rpc)

    @property
    def expected_chain_id(self) -> int:
        """The chain this reader is for."""
        return self._expected_chain_id

    async def chain_id(self) -> int:
        """The id that the node reports."""
        with _asking("eth_chainId"):
            return int(await self.web3.eth.chain_id)

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
        await self.require_chain()
        with _asking("eth_blockNumber"):
            return int(await self.web3.eth.block_number)

    async def block(self, block: BlockName = "latest") -> Block:
        """A block's header.

        Raises:
            UnavailableError: the node has no such block.
        """
        from web3.exceptions import BlockNotFound

        await self.require_chain()
        with _asking("eth_getBlockByNumber"):
            try:
                return Block.from_web3(await self.web3.eth.get_block(_block(block)))
            except BlockNotFound as exc:
                raise UnavailableError(f"The node has no block {block}.", block=block) from exc

    async def balance(self, account: Address, block: BlockName = "latest") -> int:
        """Wei of the chain's own coin."""
        address = _checksummed(account)
        await self.require_chain()
        with _asking("eth_getBalance"):
            return int(await self.web3.eth.get_balance(address, _block(block)))

    async def nonce(self, account: Address, block: BlockName = "pending") -> int:
        """The nonce of the account's next transaction."""
        address = _checksummed(account)
        await self.require_chain()
        with _asking("eth_getTransactionCount"):
            return int(await self.web3.eth.get_transaction_count(address, _block(block)))

    async def code(self, account: Address, block: BlockName = "latest") -> bytes:
        """A contract's code; empty for a plain account."""
        address = _checksummed(account)
        await self.require_chain()
        with _asking("eth_getCode"):
            return bytes(await self.web3.eth.get_code(address, _block(block)))

    async def require_contract(self, address: Address) -> None:
        """Make sure that a contract stands at an address; asks once for each.

        A transaction to a plain account succeeds whatever it says, and does nothing.

        Raises:
            WrongContractError: there is no code.
        """
        if address in self._contracts:
            return
        if not await self.code(address):
            raise WrongContractError(
                f"There is no contract at {address} on chain {self._expected_chain_id}.",
                address=address,
                chain_id=self._expected_chain_id,
            )
        self._contracts.add(address)

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
            result = await self._request("eth_call", _message(call, sender), _block_text(block))
        except RpcError as exc:
            raise _translated(exc, call) from exc
        with _asking("eth_call"):
            return bytes.fromhex(result.removeprefix("0x"))

    async def estimate_gas(self, call: Call, *, sender: Address) -> int:
        """Gas with which the call succeeds now, in gas units.

        Raises:
            ContractRevertError: the contract refuses whatever the gas.
        """
        await self.require_chain()
        try:
            result = await self._request("eth_estimateGas", _message(call, sender))
        except RpcError as exc:
            raise _translated(exc, call) from exc
        with _asking("eth_estimateGas"):
            return int(result, 16)

    async def receipt(self, transaction_hash: str) -> Receipt | None:
        """What a transaction did, or None while it is not mined."""
        from web3.exceptions import TransactionIndexingInProgress, TransactionNotFound

        await self.require_chain()
        with _asking("eth_getTransactionReceipt"):
            try:
                fields = await self.web3.eth.get_transaction_receipt(
                    cast("HexStr", transaction_hash)
                )
            except (TransactionNotFound, TransactionIndexingInProgress):
                return None
            return Receipt.from_web3(fields)

    async def transaction_input(self, transaction_hash: str) -> bytes | None:
        """What a transaction called its recipient with, or None where the node has no such one."""
        sent = await self.transaction(transaction_hash)
        return None if sent is None else sent.data

    async def transaction(self, transaction_hash: str) -> SentCall | None:
        """Whom a transaction called and with what, or None where the node has no such one."""
        from web3.exceptions import TransactionNotFound

        await self.require_chain()
        with _asking("eth_getTransactionByHash"):
            try:
                fields = await self.web3.eth.get_transaction(cast("HexStr", transaction_hash))
            except TransactionNotFound:
                return None
            return SentCall.from_web3(fields)

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
        addresses = [address] if isinstance(address, str) else address
        query: FilterParams = {
            "address": [_checksummed(one) for one in addresses],
            "topics": [_topic(topic) for topic in topics],
            "fromBlock": _block(from_block),
            "toBlock": _block(to_block),
        }
        await self.require_chain()
        with _asking("eth_getLogs"):
            return [Log.from_web3(row) for row in await self.web3.eth.get_logs(query)]

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

    async def _request(self, method: str, *params: object) -> str:
        """Ask through web3 below its own reading of reverts.

        That reading loses the bytes of some reverts and fails on others, such as a panic number
        that it does not know; contracts choose those bytes.
        """
        with _asking(method):
            result = await self.web3.manager.coro_request(cast("RPCEndpoint", method), params)
            if not isinstance(result, str):
                raise TypeError("not text")
            return result


@contextmanager
def _asking(method: str) -> Iterator[None]:
    """Turn what web3 raises while asking a node into this package's errors."""
    from web3.exceptions import Web3Exception, Web3RPCError

    try:
        yield
    except Web3RPCError as exc:
        response: Any = exc.rpc_response or {}
        raise refusal(method, response.get("error", exc.message)) from exc
    except (Web3Exception, *_MALFORMED) as exc:
        raise UnavailableError(
            f"The node answered {method} with something else than it promises: {exc}.",
            method=method,
        ) from exc


_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading an answer of another shape raises, in web3's readers and in ours."""


def _translated(error: RpcError, call: Call) -> HeadwaterError:
    """A node tells a revert by its data, its code 3, or, older ones, by the word."""
    if error.data is not None or error.rpc_code == 3 or "revert" in error.message.lower():
        return revert_error(error.data, call.description)
    return error


def _message(call: Call, sender: Address | None) -> dict[str, str]:
    fields = {"to": str(call.to), "data": "0x" + call.data.hex(), "value": hex(call.value)}
    return fields if sender is None else fields | {"from": str(sender)}


def _topic(topic: bytes | Sequence[bytes] | None) -> "HexStr | list[HexStr] | None":
    if topic is None:
        return None
    if isinstance(topic, bytes):
        return cast("HexStr", "0x" + topic.hex())
    return [cast("HexStr", "0x" + choice.hex()) for choice in topic]


def _checksummed(account: str) -> "ChecksumAddress":
    return cast("ChecksumAddress", parse_address(account))


def _hash(transaction_hash: str) -> "HexStr":
    return cast("HexStr", transaction_hash)


def _block(block: BlockName) -> "BlockIdentifier":
    return cast("BlockIdentifier", block)


def _block_text(block: BlockName) -> str:
    return hex(block) if isinstance(block, int) else block
