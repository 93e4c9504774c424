"""The one place that sends transactions: nonces in order, fees, receipts, reverts with a reason."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import anyio
from eth_hash.auto import keccak

from headwater_contracts.calls import Call
from headwater_contracts.json_rpc import RpcError
from headwater_contracts.reader import ChainReader, Receipt
from headwater_payments.address import Address
from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.errors import (
    TransactionError,
    TransactionPendingError,
    TransactionReplacedError,
)
from headwater_wallet.fees import FeePolicy, Fees, fees_of, read_transaction

GAS_MARGIN: Final = 120
"""Per cent of the estimate that a transaction may use: state moves between the two."""

_RECEIPT_POLL_S: Final = 0.05


@runtime_checkable
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
    """A transaction as it is broadcast; whoever keeps it can look it up and broadcast it again.

    Several with one nonce are versions of one transaction: at most one of them is mined.
    """

    transaction_hash: str
    raw: bytes
    nonce: int


BeforeBroadcast = Callable[[SignedTransaction], Awaitable[None]]
"""Called with a transaction before it leaves; if it raises, nothing leaves."""


class TransactionSender:
    """Sends one account's transactions, one after the other.

    One that is not mined in time is replaced by the same call with the same nonce and higher fees:
    of all its versions the chain takes one, so what it pays for is paid once.

    Args:
        reader: the chain.
        signer: the account.
        receipt_timeout_s: seconds to wait for a transaction to be mined.
        fees: when a transaction is replaced, and how far its fees may rise.
    """

    def __init__(
        self,
        reader: ChainReader,
        signer: TransactionSigner,
        *,
        receipt_timeout_s: float = 120,
        fees: FeePolicy | None = None,
    ) -> None:
        self._reader, self._signer, self._timeout = reader, signer, receipt_timeout_s
        self._fees = fees or FeePolicy()
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
        `outcome` later. It is called for each version before that leaves.

        Returns:
            The receipt of the version that was mined.

        Raises:
            ContractRevertError: the contract refuses; where this is known beforehand, nothing is
                sent and no gas is spent.
            TransactionPendingError: no receipt came in time, or the node could not be asked for
                one; the details hold the hashes.
            TransactionError: it was refused, or mined and failed.
            WrongNetworkError: the node serves another chain; nothing was sent.
            WrongContractError: there is no contract to call; nothing was sent.
            UnavailableError: the chain does not answer; nothing was sent.
        """
        async with self._turn:
            if call.data:
                await self._reader.require_contract(call.to)
            gas = await self._reader.estimate_gas(call, sender=self.address)
            signed = await self._sign_new(call, gas * GAS_MARGIN // 100)
            if before_broadcast is not None:
                await before_broadcast(signed)
            versions = [signed]
            try:
                await self._broadcast(signed.raw, _named(call))
                receipt = await self._wait(versions, call, before_broadcast)
            except TransactionError:
                raise
            except HeadwaterError as exc:
                # Whatever went wrong behind the broadcast says nothing of what is in the mempool.
                what = f"The chain does not tell what became of {_named(call)}"
                raise _pending(versions, what) from exc
        self.sent += 1
        self.gas_used += receipt.gas_used
        if not receipt.succeeded:
            with suppress(UnavailableError, RpcError):
                await self._reader.call(call, sender=self.address)  # says why
            raise TransactionError(
                f"The transaction to {_named(call)} was mined and failed.",
                transaction=receipt.transaction_hash,
            )
        return receipt

    async def outcome(
        self,
        *versions: SignedTransaction,
        before_broadcast: BeforeBroadcast | None = None,
    ) -> Receipt | None:
        """What became of a transaction of this account that was signed before; never a second one.

        One that is not mined is broadcast once more, the very same, since it may never have left.
        Where the next block asks for more than it offers, and the caller can write that down, it is
        replaced by one that offers more.

        Args:
            versions: every one that was signed with its nonce.
            before_broadcast: as for `send`; without it nothing is replaced.

        Returns:
            The receipt of the version that was mined, or None while none is.

        Raises:
            TransactionReplacedError: another transaction took their nonce: none has an effect.
            UnavailableError: the chain does not answer.
        """
        newest = max(versions, key=_offered)
        if (receipt := await self._receipt_of(versions)) is not None:
            return receipt
        if await self._reader.nonce(self.address, "latest") > newest.nonce:
            # One may have been mined between the two questions.
            if (receipt := await self._receipt_of(versions)) is not None:
                return receipt
            raise TransactionReplacedError(
                f"Another transaction has nonce {newest.nonce} of {self.address}.",
                transaction=newest.transaction_hash,
            )
        leaving = newest
        if before_broadcast is not None and await self._is_priced_out(newest):
            replacement = await self._replacement(newest)
            if replacement is not None:
                await before_broadcast(replacement)
                leaving, versions = replacement, (*versions, replacement)
        # A node that holds it already says so by refusing it.
        with suppress(TransactionError):
            await self._broadcast(leaving.raw, "look again")
        return await self._receipt_of(versions)

    async def _sign_new(self, call: Call, gas: int) -> SignedTransaction:
        fees = await self._market()
        return await self._sign(
            {
                "type": 2,
                "chainId": self._reader.expected_chain_id,
                "nonce": await self._reader.nonce(self.address),
                "to": call.to,
                "data": to_hex(call.data),
                "value": call.value,
                "gas": gas,
            },
            fees,
        )

    async def _sign(self, fields: dict[str, Any], fees: Fees) -> SignedTransaction:
        offer = {"maxFeePerGas": fees.max_wei, "maxPriorityFeePerGas": fees.priority_wei}
        raw = await self._signer.sign_transaction({**fields, **offer})
        return SignedTransaction(to_hex(keccak(raw)), raw, int(fields["nonce"]))

    async def _replacement(self, signed: SignedTransaction) -> SignedTransaction | None:
        """The same call under the same nonce for higher fees; None where there cannot be one."""
        fields = read_transaction(signed.raw)
        # What was sent stays under way where its signer allows no higher fees, or the node does
        # not tell the market's: that must not be taken for the end of it.
        with suppress(HeadwaterError):
            fees = self._fees.next(fees_of(fields), await self._market())
            return None if fees is None else await self._sign(fields, fees)
        return None

    async def _is_priced_out(self, signed: SignedTransaction) -> bool:
        return (await self._reader.block()).base_fee_wei > _offered(signed)

    async def _market(self) -> Fees:
        """What a new transaction offers: room for the base fee to double, and the usual tip."""
        block = await self._reader.block()
        priority = await self._priority_fee()
        return Fees(2 * block.base_fee_wei + priority, priority)

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

    async def _wait(
        self,
        versions: list[SignedTransaction],
        call: Call,
        before_broadcast: BeforeBroadcast | None,
    ) -> Receipt:
        """The receipt of whichever version is mined, raising the fees while none is.

        What replaces the last of the versions is added to them.
        """
        with anyio.move_on_after(self._timeout):
            for _ in range(self._fees.most_bumps):
                with anyio.move_on_after(self._fees.bump_after_s):
                    return await self._mined(versions)
                replacement = await self._replacement(versions[-1])
                if replacement is None:
                    break
                if before_broadcast is not None:
                    await before_broadcast(replacement)
                versions.append(replacement)
                # Refused where an earlier version has just been mined.
                with suppress(TransactionError):
                    await self._broadcast(replacement.raw, _named(call))
            return await self._mined(versions)
        raise _pending(versions, f"No receipt came within {self._timeout:g} s for {_named(call)}")

    async def _mined(self, versions: Sequence[SignedTransaction]) -> Receipt:
        while (found := await self._receipt_of(versions)) is None:  # noqa: ASYNC110  a node
            await anyio.sleep(_RECEIPT_POLL_S)
        return found

    async def _receipt_of(self, versions: Sequence[SignedTransaction]) -> Receipt | None:
        for each in reversed(versions):
            if (receipt := await self._reader.receipt(each.transaction_hash)) is not None:
                return receipt
        return None


def _offered(signed: SignedTransaction) -> int:
    """Wei per unit of gas that a version offers at most: of two, the later offers more."""
    return fees_of(read_transaction(signed.raw)).max_wei


def _named(call: Call) -> str:
    return call.description or call.to


def _pending(versions: Sequence[SignedTransaction], what: str) -> TransactionPendingError:
    hashes = [each.transaction_hash for each in versions]
    return TransactionPendingError(
        f"{what}; it may still be mined.", transaction=hashes[-1], versions=hashes
    )
