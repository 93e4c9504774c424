"""Finding on chain the transaction that made a signed transfer."""

from collections.abc import Awaitable, Callable
from typing import Final

from eth_utils.crypto import keccak

from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.events.token import Transfer
from headwater_contracts.reader import ChainReader, Log
from headwater_payments.address import Address
from headwater_payments.amount import parse_atomic
from headwater_payments.permit2 import PERMIT2
from headwater_payments.transfers import TransferOutline
from headwater_payments.x402 import PaymentRequirements

BLOCKS_AT_ONCE: Final = 1_000
_USED: Final = keccak(b"AuthorizationUsed(address,bytes32)")
_MOVED: Final = keccak(b"Transfer(address,address,uint256)")


class TransferFinder:
    """Reads a token's logs backwards for the use of a signed transfer.

    Args:
        reader: the chain.
        permit_used: whether a Permit2 nonce of an owner's is spent.
    """

    def __init__(
        self, reader: ChainReader, permit_used: Callable[[Address, bytes], Awaitable[bool]]
    ) -> None:
        self._reader, self._permit_used = reader, permit_used

    async def is_closed(self, signed: TransferOutline) -> bool:
        """Whether the chain accepts the signature no more: used, cancelled, or out of time.

        Raises:
            UnavailableError: the chain does not answer.
        """
        latest = await self._reader.block(await self._reader.block_number())
        if latest.timestamp >= signed.valid_before:  # every later block is younger still
            return True
        return await self._used(signed)

    async def find(
        self, signed: TransferOutline, terms: PaymentRequirements, since: int
    ) -> str | None:
        """The hash of the transaction that moved the price to the payee under this nonce.

        A nonce that was cancelled, or used for another transfer, is none of it.

        Args:
            signed: what the payer signed.
            terms: the token and the price; of an `upto` payment, what was to be settled.
            since: Unix seconds; older blocks are not looked at.

        Raises:
            UnavailableError: the chain does not answer.
        """
        if not await self._used(signed):
            return None
        token = SettlementTokenClient(self._reader, terms.asset)
        last = await self._reader.block_number()
        while last >= 0:
            first = max(0, last - BLOCKS_AT_ONCE + 1)
            for log in await self._reader.logs(
                token.address, _topics(signed), from_block=first, to_block=last
            ):
                if await self._pays(token, log, signed, parse_atomic(terms.amount)):
                    return log.transaction_hash
            if (await self._reader.block(first)).timestamp < since:
                return None
            last = first - 1
        return None

    async def _used(self, signed: TransferOutline) -> bool:
        if signed.nonce_book == PERMIT2:
            return await self._permit_used(signed.payer, signed.nonce)
        token = SettlementTokenClient(self._reader, signed.nonce_book)
        return await token.authorization_used(signed.payer, signed.nonce)

    async def _pays(
        self, token: SettlementTokenClient, log: Log, signed: TransferOutline, amount: int
    ) -> bool:
        receipt = await self._reader.receipt(log.transaction_hash)
        wanted = (signed.payer.lower(), signed.payee.lower(), amount)
        paid = receipt is not None and any(
            isinstance(event, Transfer)
            and (event.sender.lower(), event.to.lower(), event.value) == wanted
            for each in receipt.logs
            if (event := token.decode_log(each)) is not None
        )
        if not paid or signed.nonce_book != PERMIT2:
            return paid
        # Permit2 records no use of a permit: that the nonce was given along tells it from another
        # transfer of the same payer's.
        called_with = await self._reader.transaction_input(log.transaction_hash)
        return called_with is not None and signed.nonce in called_with


def _topics(signed: TransferOutline) -> list[bytes]:
    payer = bytes(12) + bytes.fromhex(signed.payer[2:])
    if signed.nonce_book != PERMIT2:
        return [_USED, payer, signed.nonce]
    return [_MOVED, payer, bytes(12) + bytes.fromhex(signed.payee[2:])]
