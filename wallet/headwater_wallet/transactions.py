"""The one place that sends transactions: nonces in order, fees, receipts, reverts with a reason."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import anyio
from eth_utils.crypto import keccak

from headwater_contracts.calls import Call
from headwater_contracts.json_rpc import RpcError
from headwater_contracts.reader import ChainReader, Receipt
from headwater_payments.address import Address
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.errors import (
    TransactionError,
    TransactionPendingError,
    TransactionReplacedError,
)

GAS_MARGIN: Final = 120
"""Per cent of the estimate that a transaction may use: state moves between the two."""


class TransactionSigner(Protocol):
    """Signs transactions of one account."""

    @property
    def address(self) -> Address:
        """The account that pays the gas."""
        ...

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        """The raw signed transaction."""
        ...


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction as it is broadcast; whoever keeps it can look it up and broadcast it again."""

    transaction_hash: str
    raw: bytes
    nonce: int


BeforeBroadcast = Callable[[SignedTransaction], Awaitable[None]]
"""Called with a transaction before it leaves; if it raises, nothing leaves."""


class TransactionSender:
    """Sends one account's transactions, one after the other.

    Args:
        reader: the chain.
        signer: the account.
        receipt_timeout_s: seconds to wait for a transaction to be mined.
    """

    def __init__(
        self, reader: ChainReader, signer: TransactionSigner, *, receipt_timeout_s: float = 120
    ) -> None:
        self._reader, self._signer, self._timeout = reader, signer, receipt_timeout_s
        self._turn = anyio.Lock()
        self.gas_used = 0
        self.sent = 0

    @property
    def address(self) -> Address:
        """The sending account."""
        return self._signer.address

    @property
    def reader(self) -> ChainReader:
        """The chain that it sends to."""
        return self._reader

    async def send(self, call: Call, *, before_broadcast: BeforeBroadcast | None = None) -> Receipt:
        """Send a call and wait until it is mined.

        Cancelled after the broadcast, the transaction may still be mined: look it up by its hash.
        A caller that must know it after a crash too writes it down in `before_broadcast`, and asks
        `outcome` later.

        Raises:
            ContractRevertError: the contract refuses; where this is known beforehand, nothing is
                sent and no gas is spent.
            TransactionPendingError: no receipt came in time; the details hold the hash.
            TransactionError: it was refused, or mined and failed.
            WrongNetworkError: the node serves another chain; nothing was sent.
            WrongContractError: there is no contract to call; nothing was sent.
            UnavailableError: the chain does not answer.
        """
        async with self._turn:
            if call.data:
                await self._reader.require_contract(call.to)
            gas = await self._reader.estimate_gas(call, sender=self.address)
            signed = await self._sign(call, gas * GAS_MARGIN // 100)
            if before_broadcast is not None:
                await before_broadcast(signed)
            transaction_hash = await self._broadcast(signed.raw, call.description or call.to)
            receipt = await self._wait(transaction_hash, call)
        self.sent += 1
        self.gas_used += receipt.gas_used
        if not receipt.succeeded:
            await self._reader.call(call, sender=self.address)
            raise TransactionError(
                f"The transaction to {call.description or call.to} was mined and failed.",
                transaction=transaction_hash,
            )
        return receipt

    async def outcome(self, signed: SignedTransaction) -> Receipt | None:
        """What became of a transaction of this account that was signed before; never a second one.

        One that is not mined is broadcast once more, the very same, since it may never have left.

        Returns:
            Its receipt, or None while it is not mined.

        Raises:
            TransactionReplacedError: another transaction took its nonce: it has no effect, ever.
            UnavailableError: the chain does not answer.
        """
        if (receipt := await self._reader.receipt(signed.transaction_hash)) is not None:
            return receipt
        if await self._reader.nonce(self.address, "latest") > signed.nonce:
            # It may have been mined between the two questions.
            if (receipt := await self._reader.receipt(signed.transaction_hash)) is not None:
                return receipt
            raise TransactionReplacedError(
                f"Another transaction has nonce {signed.nonce} of {self.address}.",
                transaction=signed.transaction_hash,
            )
        # A node that holds it already says so by refusing it.
        with suppress(TransactionError):
            await self._broadcast(signed.raw, "look again")
        return await self._reader.receipt(signed.transaction_hash)

    async def _sign(self, call: Call, gas: int) -> SignedTransaction:
        block = await self._reader.block()
        priority = await self._priority_fee()
        nonce = await self._reader.nonce(self.address)
        raw = await self._signer.sign_transaction(
            {
                "type": 2,
                "chainId": self._reader.expected_chain_id,
                "nonce": nonce,
                "to": call.to,
                "data": to_hex(call.data),
                "value": call.value,
                "gas": gas,
                "maxFeePerGas": 2 * block.base_fee_wei + priority,
                "maxPriorityFeePerGas": priority,
            }
        )
        return SignedTransaction(to_hex(keccak(raw)), raw, nonce)

    async def _priority_fee(self) -> int:
        try:
            return int(str(await self._reader.rpc.request("eth_maxPriorityFeePerGas")), 16)
        except (RpcError, ValueError):
            # A node without a fee oracle, such as a development chain: no tip is needed there.
            return 0

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        try:
            return str(await self._reader.rpc.request("eth_sendRawTransaction", to_hex(raw)))
        except RpcError as exc:
            raise TransactionError(
                f"The node refused the transaction to {purpose}: {exc.message}"
            ) from exc

    async def _wait(self, transaction_hash: str, call: Call) -> Receipt:
        with anyio.move_on_after(self._timeout):
            return await self._reader.wait_for_receipt(transaction_hash)
        raise TransactionPendingError(
            f"No receipt came within {self._timeout:g} s for {call.description or call.to}; "
            "it may still be mined.",
            transaction=transaction_hash,
        )
