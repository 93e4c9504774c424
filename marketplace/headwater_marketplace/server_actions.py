"""What a seller asks of a facilitator: claim vouchers, sweep a receiver's money, refund escrow.

These are the server-authored payloads of x402's `batch-settlement`: a facilitator only submits
them, under signatures that the receiver's authorizer has made.

Source: x402 `batch-settlement` on EVM, payload types `claim`, `settle` and `refund`.
"""

from collections.abc import Sequence

from headwater_contracts.calls import Call
from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.batch_payload import parse_config
from headwater_payments.channels import channel_domain, channel_id
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.signing import Signer
from headwater_payments.structs import ChannelConfig, ClaimBatch, ClaimEntry, Refund
from headwater_payments.x402 import JsonObject

_PREFIX = "invalid_batch_settlement_evm_"
KINDS = ("claim", "settle", "refund")


class ServerActions:
    """Builds the calls for server-authored payloads on one chain.

    Args:
        contract: the settlement contract.
        chain_id: of the chain it is on.
        authorizer: signs where a seller left the signature to its facilitator, if it may.
    """

    def __init__(
        self, contract: BatchSettlementClient, chain_id: int, authorizer: Signer | None
    ) -> None:
        self._contract, self._chain_id, self._authorizer = contract, chain_id, authorizer

    async def call(self, payload: JsonObject) -> Call:
        """The transaction that carries a payload out.

        Raises:
            InvalidInputError: malformed, or a signature is missing that only the seller can give.
        """
        kind = payload.get("type")
        if kind == "claim":
            claims = _claims(payload.get("claims"))
            if not claims:
                raise InvalidInputError("A claim is over one channel at least.")
            given = payload.get("claimAuthorizerSignature")
            return self._contract.claim_with_signature(
                claims, await self._claim_signature(claims, given)
            )
        if kind == "settle":
            return self._contract.settle(
                parse_address(payload.get("receiver", "")), parse_address(payload.get("token", ""))
            )
        if kind == "refund" and "refundNonce" in payload:
            return await self._refund(payload)
        raise InvalidInputError(
            f"{kind!r} is not an action of a seller.", reason=_PREFIX + "payload_type"
        )

    async def _refund(self, payload: JsonObject) -> Call:
        config = _config(payload.get("channelConfig"))
        amount = parse_atomic(payload.get("amount"))
        nonce = parse_atomic(payload.get("refundNonce"), maximum=2**256 - 1)
        claims = _claims(payload.get("claims"))
        identifier = channel_id(config, self._chain_id)
        signature = payload.get("refundAuthorizerSignature")
        signed = (
            parse_hex(signature)
            if signature
            else await self._sign(config.receiver_authorizer, Refund(identifier, nonce, amount))
        )
        refund = self._contract.refund_with_signature(config, amount, nonce, signed)
        if not claims:
            return refund
        given = payload.get("claimAuthorizerSignature")
        claim = self._contract.claim_with_signature(
            claims, await self._claim_signature(claims, given)
        )
        return self._contract.multicall([claim, refund])

    async def _claim_signature(self, claims: Sequence[VoucherClaim], given: object) -> bytes:
        if given:
            return parse_hex(given)
        batch = claim_batch(claims, self._chain_id)
        return await self._sign(claims[0].channel.receiver_authorizer, batch)

    async def _sign(self, authorizer: Address, struct: Refund | ClaimBatch) -> bytes:
        if self._authorizer is None:
            raise InvalidInputError(
                "The seller's signature is missing, and this facilitator signs for nobody.",
                reason=_PREFIX + "authorizer_not_configured",
            )
        if authorizer != self._authorizer.address:
            raise InvalidInputError(
                f"The channel's authorizer is {authorizer}; this facilitator signs as "
                f"{self._authorizer.address}.",
                reason=_PREFIX + "authorizer_address_mismatch",
            )
        return await self._authorizer.sign_typed_data(
            TypedData(channel_domain(self._chain_id), struct)
        )


def claim_batch(claims: Sequence[VoucherClaim], chain_id: int) -> ClaimBatch:
    """The struct that a receiver's authorizer signs for these claims."""
    return ClaimBatch(
        tuple(
            ClaimEntry(
                channel_id(claim.channel, chain_id), claim.max_claimable_amount, claim.total_claimed
            )
            for claim in claims
        )
    )


def _claims(rows: object) -> list[VoucherClaim]:
    if not isinstance(rows, list):
        raise InvalidInputError("The payload lacks its list of claims.")
    return [_claim(row) for row in rows]


def _claim(row: object) -> VoucherClaim:
    if not isinstance(row, dict) or not isinstance(row.get("voucher"), dict):
        raise InvalidInputError("A claim is an object with a voucher, a signature and a total.")
    voucher = row["voucher"]
    return VoucherClaim(
        channel=_config(voucher.get("channel")),
        max_claimable_amount=parse_atomic(voucher.get("maxClaimableAmount")),
        signature=parse_hex(row.get("signature")),
        total_claimed=parse_atomic(row.get("totalClaimed")),
    )


def _config(body: object) -> ChannelConfig:
    if not isinstance(body, dict):
        raise InvalidInputError("The payload lacks its channel configuration.")
    return parse_config(body)
