"""Finding on chain the transaction that made a signed transfer."""

from typing import Final

from eth_utils.crypto import keccak

from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.events.token import Transfer
from headwater_contracts.reader import ChainReader
from headwater_payments.exact import ExactPayload
from headwater_payments.x402 import PaymentRequirements

BLOCKS_AT_ONCE: Final = 1_000
_USED: Final = keccak(b"AuthorizationUsed(address,bytes32)")


class TransferFinder:
    """Reads a token's logs backwards for the use of an EIP-3009 authorization."""

    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader

    async def is_closed(self, payment: ExactPayload, terms: PaymentRequirements) -> bool:
        """Whether the chain accepts the authorization no more: used, cancelled, or out of time.

        Raises:
            UnavailableError: the chain does not answer.
        """
        signed = payment.authorization
        latest = await self._reader.block(await self._reader.block_number())
        if latest.timestamp >= signed.valid_before:  # every later block is younger still
            return True
        token = SettlementTokenClient(self._reader, terms.asset)
        return await token.authorization_used(signed.sender, signed.nonce)

    async def find(
        self, payment: ExactPayload, terms: PaymentRequirements, since: int
    ) -> str | None:
        """The hash of the transaction that moved the price to the payee under this nonce.

        A nonce that was cancelled, or used for another transfer, is none of it.

        Args:
            payment: what the payer signed.
            terms: the token, the payee and the price.
            since: Unix seconds; older blocks are not looked at.

        Raises:
            UnavailableError: the chain does not answer.
        """
        signed = payment.authorization
        token = SettlementTokenClient(self._reader, terms.asset)
        if not await token.authorization_used(signed.sender, signed.nonce):
            return None
        payer = bytes(12) + bytes.fromhex(signed.sender[2:])
        last = await self._reader.block_number()
        while last >= 0:
            first = max(0, last - BLOCKS_AT_ONCE + 1)
            for log in await self._reader.logs(
                token.address, [_USED, payer, signed.nonce], from_block=first, to_block=last
            ):
                if await self._pays(token, log.transaction_hash, payment):
                    return log.transaction_hash
            if (await self._reader.block(first)).timestamp < since:
                return None
            last = first - 1
        return None

    async def _pays(
        self, token: SettlementTokenClient, transaction: str, payment: ExactPayload
    ) -> bool:
        receipt = await self._reader.receipt(transaction)
        signed = payment.authorization
        wanted = (signed.sender.lower(), signed.to.lower(), signed.value)
        return receipt is not None and any(
            isinstance(event, Transfer)
            and (event.sender.lower(), event.to.lower(), event.value) == wanted
            for log in receipt.logs
            if (event := token.decode_log(log)) is not None
        )
