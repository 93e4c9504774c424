"""How signed transfers ended on chain, and what of a budget that gives back.

A signature of a single transfer can be used once, until its time is over. While it can, all of it
counts as spent, whatever the seller says it charged: it could still take the rest. Two things end
that, and the chain shows both: the signature's nonce is spent, and then what was taken is all; or
its time is over with the nonce unspent, and then nothing ever is.

Only blocks that have settled count, since a newer one may be replaced.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from headwater_contracts.clients.permit2 import (
    ExactPermit2ProxyClient,
    Permit2Client,
    UptoPermit2ProxyClient,
)
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.reader import Block, ChainReader, Log
from headwater_payments.address import Address, parse_address
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.permit2 import EXACT_PERMIT2_PROXY, PERMIT2, UPTO_PERMIT2_PROXY
from headwater_payments.transfers import TransferOutline, outline, parse_transfer
from headwater_payments.x402 import PaymentPayload
from headwater_wallet.claims import BLOCKS_AT_ONCE, CONFIRMATIONS
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import Intent

CLOCKS_APART_S: Final = 300
"""How far the chain's clock may stand behind ours, when a transfer is looked for."""
_USED: Final = keccak(b"AuthorizationUsed(address,bytes32)")
_CANCELED: Final = keccak(b"AuthorizationCanceled(address,bytes32)")
_MOVED: Final = keccak(b"Transfer(address,address,uint256)")


@dataclass(frozen=True, slots=True)
class TransferEnd:
    """A payment that has ended on chain, in atomic units.

    Attributes:
        payment_id: which payment.
        taken: what the chain shows was taken.
        given_back: what its budget has back.
        told: what the seller had said it charged; None where it had said nothing.
    """

    payment_id: str
    taken: int
    given_back: int
    told: int | None


class TransferEnds:
    """Finds out how signed transfers ended.

    Args:
        reader: the chain.
        confirmations: newest blocks that do not count yet.
    """

    def __init__(self, reader: ChainReader, *, confirmations: int = CONFIRMATIONS) -> None:
        self._reader, self._confirmations = reader, confirmations
        self._permit2 = Permit2Client(reader, PERMIT2)
        self._proxies: dict[Address, ExactPermit2ProxyClient | UptoPermit2ProxyClient] = {
            EXACT_PERMIT2_PROXY: ExactPermit2ProxyClient(reader, EXACT_PERMIT2_PROXY),
            UPTO_PERMIT2_PROXY: UptoPermit2ProxyClient(reader, UPTO_PERMIT2_PROXY),
        }

    async def settle(self, ledger: SpendLedger) -> list[TransferEnd]:
        """End every payment of the ledger whose signature is used up or out of time.

        Those of which the chain does not show how much was taken stay counted in full: a permit
        that was settled through another contract than x402's own, for one.

        Raises:
            UnavailableError: the chain or the database does not answer; what was ended stays so.
            WrongNetworkError: the node serves another chain than the payments are on.
        """
        number = await self._reader.block_number() - self._confirmations
        if number < 0:
            return []
        last, ends = await self._reader.block(number), []
        for intent in await ledger.intents("sent", "unknown", "released", "settled"):
            paid, header = self._open_payload(intent), intent.header
            if header is None or paid is None:
                continue
            if intent.state == "sent" and not _over(paid, last):
                continue
            taken = await self.taken(paid, intent.created_at, last)
            if taken is None:
                continue
            if (await ledger.end(intent.payment_id, taken, header)).header == header:
                back = intent.budgeted - taken
                ends.append(TransferEnd(intent.payment_id, taken, back, intent.charge))
        return ends

    async def taken(self, paid: PaymentPayload, signed_at: int, last: Block) -> int | None:
        """Atomic units that a signed transfer took by a block, and that no more can follow.

        Args:
            paid: the payment, as it was signed.
            signed_at: Unix seconds; older blocks are not looked at.
            last: the youngest block that counts.

        Returns:
            None while more can be taken, or where the chain does not show how much was.

        Raises:
            UnavailableError: the chain does not answer.
        """
        signed = outline(parse_transfer(paid.payload), paid.accepted)
        if not await self._used(signed, last.number):
            return 0 if last.timestamp >= signed.valid_before else None
        token = parse_address(paid.accepted.asset)
        async for log in self._logs(token, signed, signed_at - CLOCKS_APART_S, last):
            if (amount := await self._took(log, signed)) is not None:
                return amount
        return None

    def _open_payload(self, intent: Intent) -> PaymentPayload | None:
        """The signed payment, where its budget counts more than its seller said it took."""
        counted = intent.budgeted > (intent.charge or 0)
        if intent.scheme == BATCH or intent.header is None or not counted:
            return None
        paid = PaymentPayload.from_header(intent.header)
        return paid if paid.accepted.network == self._network else None

    @property
    def _network(self) -> str:
        return f"eip155:{self._reader.expected_chain_id}"

    async def _used(self, signed: TransferOutline, block: int) -> bool:
        if signed.nonce_book == PERMIT2:
            nonce = int.from_bytes(signed.nonce, "big")
            return await self._permit2.nonce_used(signed.payer, nonce, block=block)
        token = SettlementTokenClient(self._reader, signed.nonce_book)
        return await token.authorization_used(signed.payer, signed.nonce, block=block)

    async def _logs(
        self, token: Address, signed: TransferOutline, since: int, last: Block
    ) -> AsyncIterator[Log]:
        """The token's logs that may be of this transfer, the youngest blocks first."""
        payer, payee = _word(signed.payer), _word(signed.payee)
        by_permit = signed.nonce_book == PERMIT2
        topics: Sequence[bytes | Sequence[bytes]] = (
            (_MOVED, payer, payee) if by_permit else ((_USED, _CANCELED), payer, signed.nonce)
        )
        end, timestamp = last.number, last.timestamp
        while end >= 0 and timestamp >= since:
            first = max(0, end - BLOCKS_AT_ONCE + 1)
            for log in await self._reader.logs(token, topics, from_block=first, to_block=end):
                yield log
            timestamp, end = (await self._reader.block(first)).timestamp, first - 1

    async def _took(self, log: Log, signed: TransferOutline) -> int | None:
        """What the transfer behind a log took; None where it is another's."""
        if signed.nonce_book != PERMIT2:
            return signed.ceiling if log.topics[0] == _USED else 0
        # A permit leaves no log that names it. That x402's own proxy was called with it does.
        sent = await self._reader.transaction(log.transaction_hash)
        proxy = (
            None if sent is None or sent.recipient is None else self._proxies.get(sent.recipient)
        )
        called = None if proxy is None or sent is None else proxy.read_settle(sent.data)
        if called is None or called.owner.lower() != signed.payer.lower():
            return None
        return called.amount if called.nonce.to_bytes(32, "big") == signed.nonce else None


def _over(paid: PaymentPayload, last: Block) -> bool:
    """Whether the time of a signature is over; before that its answer may still be on its way."""
    return last.timestamp >= outline(parse_transfer(paid.payload), paid.accepted).valid_before


def _word(address: Address) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])
