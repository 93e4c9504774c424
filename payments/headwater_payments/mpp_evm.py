"""MPP's `evm/charge`: a transfer by EIP-3009 whose nonce is bound to the challenge that asked.

What it moves is what x402's `exact` moves, so both wires share terms, checks and books; a
credential and a payment are each other's translation.

Source: MPP `evm/charge`; the challenge's hash as the published packages make it.
"""

from datetime import UTC, datetime
from typing import Final

from eth_hash.auto import keccak

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Asset, parse_atomic
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.exact import ExactPayload, parse_exact_payload
from headwater_payments.jws import canonical_json, encode_base64url
from headwater_payments.mpp import Challenge, Credential, challenge_of
from headwater_payments.x402 import (
    JsonObject,
    PaymentPayload,
    PaymentRequirements,
    chain_id_of,
)

METHOD: Final = "evm"
INTENT: Final = "charge"
MPP: Final = "mpp"
"""Under this name a wallet keeps the challenge among a payment's extensions."""
_TYPE: Final = "authorization"
_USUAL_TIMEOUT_S: Final = 300


def challenge_nonce(challenge: Challenge) -> bytes:
    """The EIP-3009 nonce that pays a challenge, 32 bytes."""
    return keccak(canonical_json([challenge.id, challenge.realm]))


def charge_request(terms: PaymentRequirements, decimals: int) -> str:
    """Terms of `exact` as the `request` of a challenge."""
    request = {
        "amount": terms.amount,
        "currency": parse_address(terms.asset),
        "recipient": parse_address(terms.pay_to),
        "methodDetails": {
            "chainId": chain_id_of(terms.network),
            "credentialTypes": [_TYPE],
            "decimals": decimals,
        },
    }
    return encode_base64url(canonical_json(request))


def terms_of_charge(challenge: Challenge, asset: Asset, now: int) -> PaymentRequirements | None:
    """A challenge as terms of `exact`, if it can be paid in `asset`; else None.

    The challenge does not say under which EIP-712 domain its token is: the asset does.

    Raises:
        InvalidInputError: it can, and is malformed or has expired.
    """
    if (challenge.method, challenge.intent) != (METHOD, INTENT):
        return None
    request = challenge.terms
    details = request.get("methodDetails")
    if not isinstance(details, dict) or details.get("chainId") != asset.chain_id:
        return None
    types = details.get("credentialTypes")
    if not isinstance(types, list) or _TYPE not in types or details.get("splits"):
        return None
    if str(request.get("currency")).lower() != asset.address.lower():
        return None
    if parse_atomic(request.get("amount")) == 0:
        raise InvalidInputError("A charge of nothing is not signed.")
    left = _USUAL_TIMEOUT_S if challenge.expires is None else _unix(challenge.expires) - now
    if left <= 0:
        raise InvalidInputError("The challenge has expired.")
    return PaymentRequirements(
        scheme=EXACT,
        network=asset.network,
        amount=str(request["amount"]),
        asset=asset.address,
        pay_to=parse_address(request.get("recipient")),
        max_timeout_seconds=left,
        extra={"name": asset.name, "version": asset.version},
    )


def credential_of(payment: PaymentPayload) -> Credential:
    """The credential for a payment that was made for a challenge, kept among its extensions.

    Raises:
        InvalidInputError: it was made for none.
    """
    kept = (payment.extensions or {}).get(MPP)
    challenge = challenge_of(kept.get("challenge") if isinstance(kept, dict) else None)
    signed = parse_exact_payload(payment.payload).to_json()
    payload = {
        "type": _TYPE,
        **signed["authorization"],
        "signature": signed["signature"],
    }
    source = f"did:pkh:{payment.accepted.network}:{signed['authorization']['from']}"
    return Credential(challenge, payload, source)


def payment_of(credential: Credential) -> ExactPayload:
    """The transfer that a credential carries, bound to its challenge.

    Raises:
        InvalidInputError: another type, malformed, or signed for another challenge or payer.
    """
    payload = credential.payload
    if payload.get("type") != _TYPE:
        raise InvalidInputError(f"Only credentials of the type {_TYPE!r} are taken.")
    payment = parse_exact_payload({"authorization": payload, "signature": payload.get("signature")})
    if payment.authorization.nonce != challenge_nonce(credential.challenge):
        raise InvalidInputError("The authorization was not signed for this challenge.")
    if credential.source is not None and not _names(credential.source, payment):
        raise InvalidInputError("The credential's source is not who signed it.")
    return payment


def kept_challenge(challenge: Challenge) -> JsonObject:
    """What a wallet keeps of a challenge with the payment for it."""
    return {MPP: {"challenge": challenge.to_json()}}


def payer_of(payment: ExactPayload) -> Address:
    """Who pays."""
    return payment.authorization.sender


def _names(source: str, payment: ExactPayload) -> bool:
    kind, _, account = source.rpartition(":")
    return kind.startswith("did:pkh:eip155:") and account.lower() == payer_of(payment).lower()


def _unix(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as exc:
        raise InvalidInputError(f"{text[:40]!r} is not a time in RFC 3339.") from exc
