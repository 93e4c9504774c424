"""A single payment by Permit2, as x402's `exact` and `upto` carry it: write, sign, read and check.

`exact` moves the whole amount. `upto` moves what was used, as the facilitator named in the
signature says, and at most the amount. Both need the payer to have approved Permit2 for the token.

Source: x402 `exact` and `upto` on EVM; error codes as in the published package.
"""

from dataclasses import dataclass
from typing import Final

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import MAX_VALIDITY_S, SignedTransferError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.permit2 import (
    DEADLINE_BUFFER_S,
    EXACT_PERMIT2_PROXY,
    UPTO_PERMIT2_PROXY,
    ExactPermit,
    ExactWitness,
    TokenPermissions,
    UptoPermit,
    UptoWitness,
    permit2_domain,
)
from headwater_payments.signing import Signer, recover
from headwater_payments.x402 import JsonObject, PaymentRequirements, chain_id_of

UPTO: Final = "upto"
"""The scheme by which what was used is paid, at most the price, in one transfer."""

PERMIT2_METHOD: Final = "permit2"
"""What `extra.assetTransferMethod` says of payments by Permit2."""

_UINT256_MAX: Final = 2**256 - 1


class Permit2PaymentError(SignedTransferError):
    """A Permit2 signature does not pay what was asked; `details["reason"]` is x402's code."""

    code = "permit2_payment_invalid"


@dataclass(frozen=True, slots=True)
class Permit2Payload:
    """A payer's permit and its signature."""

    payer: Address
    permit: ExactPermit | UptoPermit
    signature: bytes

    def to_json(self) -> JsonObject:
        """The wire form."""
        permit, witness = self.permit, self.permit.witness
        told: JsonObject = {"to": witness.to, "validAfter": str(witness.valid_after)}
        if isinstance(witness, UptoWitness):
            told["facilitator"] = witness.facilitator
        return {
            "signature": to_hex(self.signature),
            "permit2Authorization": {
                "from": self.payer,
                "permitted": permitted_to_json(permit.permitted),
                "spender": permit.spender,
                "nonce": str(permit.nonce),
                "deadline": str(permit.deadline),
                "witness": told,
            },
        }


def parse_permit2_payload(payload: JsonObject) -> Permit2Payload:
    """Read a payment by Permit2: `upto` where its witness names a facilitator, else `exact`.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    body = member(payload, "permit2Authorization")
    told = member(body, "witness")
    to = parse_address(told.get("to", ""))
    valid_after = parse_atomic(told.get("validAfter"), maximum=_UINT256_MAX)
    permitted, spender, nonce, deadline = parse_permit(body)
    permit: ExactPermit | UptoPermit
    if "facilitator" in told:
        witness = UptoWitness(to, parse_address(told["facilitator"]), valid_after)
        permit = UptoPermit(permitted, spender, nonce, deadline, witness)
    else:
        permit = ExactPermit(permitted, spender, nonce, deadline, ExactWitness(to, valid_after))
    return Permit2Payload(
        payer=parse_address(body.get("from", "")),
        permit=permit,
        signature=parse_hex(payload.get("signature")),
    )


async def sign_permit2(
    signer: Signer, terms: PaymentRequirements, *, now: int, nonce: bytes
) -> Permit2Payload:
    """Sign a transfer of the price, or of at most the price, until the terms time out.

    Args:
        signer: the payer.
        terms: the requirements being met; `upto` ones name their facilitator in `extra`.
        now: Unix time in seconds.
        nonce: 32 random bytes; a nonce moves money once.

    Raises:
        InvalidInputError: `upto` terms without a facilitator, or an address is malformed; nothing
            was signed.
    """
    permitted = TokenPermissions(parse_address(terms.asset), parse_atomic(terms.amount))
    deadline = now + min(terms.max_timeout_seconds, MAX_VALIDITY_S)
    number, payee = int.from_bytes(nonce, "big"), parse_address(terms.pay_to)
    permit: ExactPermit | UptoPermit
    if terms.scheme == UPTO:
        witness = UptoWitness(payee, facilitator_of(terms), 0)
        permit = UptoPermit(permitted, UPTO_PERMIT2_PROXY, number, deadline, witness)
    else:
        exactly = ExactWitness(payee, 0)
        permit = ExactPermit(permitted, EXACT_PERMIT2_PROXY, number, deadline, exactly)
    signature = await signer.sign_typed_data(
        TypedData(permit2_domain(chain_id_of(terms.network)), permit)
    )
    return Permit2Payload(signer.address, permit, signature)


def check_permit2(payment: Permit2Payload, terms: PaymentRequirements, *, now: int) -> None:
    """Check everything about a permit that needs no chain, against the full price.

    Raises:
        Permit2PaymentError: the first thing that does not hold.
        InvalidInputError: the signature is malformed, or the terms are.
    """
    permit, upto = payment.permit, terms.scheme == UPTO
    spender = UPTO_PERMIT2_PROXY if upto else EXACT_PERMIT2_PROXY
    if permit.spender != spender or isinstance(permit, UptoPermit) != upto:
        _refuse("invalid_permit2_spender", "It is signed for another spender.")
    if permit.witness.to.lower() != terms.pay_to.lower():
        _refuse("invalid_permit2_recipient_mismatch", "It pays another recipient.")
    if isinstance(permit, UptoPermit) and permit.witness.facilitator != facilitator_of(terms):
        _refuse("upto_facilitator_mismatch", "It names another facilitator.")
    if permit.deadline < now + DEADLINE_BUFFER_S:
        _refuse("permit2_deadline_expired", "It has expired, or is about to.")
    if permit.witness.valid_after > now:
        _refuse("permit2_not_yet_valid", "It is not valid yet.")
    if permit.permitted.amount != parse_atomic(terms.amount):
        _refuse("permit2_amount_mismatch", "It permits another amount.")
    if permit.permitted.token.lower() != terms.asset.lower():
        _refuse("permit2_token_mismatch", "It pays in another token.")
    typed = TypedData(permit2_domain(chain_id_of(terms.network)), permit)
    if recover(typed, payment.signature) != payment.payer:
        _refuse("invalid_permit2_signature", "Its payer did not sign it.")


def facilitator_of(terms: PaymentRequirements) -> Address:
    """The account that may settle an `upto` payment.

    Raises:
        InvalidInputError: the terms name none.
    """
    named = terms.extra.get("facilitatorAddress")
    if not isinstance(named, str):
        raise InvalidInputError("Terms of the scheme upto name a facilitatorAddress in `extra`.")
    return parse_address(named)


def parse_permit(body: JsonObject) -> tuple[TokenPermissions, Address, int, int]:
    """The members that all permits share: what is permitted, spender, nonce and deadline.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    permitted = member(body, "permitted")
    return (
        TokenPermissions(
            token=parse_address(permitted.get("token", "")),
            amount=parse_atomic(permitted.get("amount"), maximum=_UINT256_MAX),
        ),
        parse_address(body.get("spender", "")),
        parse_atomic(body.get("nonce"), maximum=_UINT256_MAX),
        parse_atomic(body.get("deadline"), maximum=_UINT256_MAX),
    )


def permitted_to_json(permitted: TokenPermissions) -> JsonObject:
    """The wire form of what is permitted."""
    return {"token": permitted.token, "amount": str(permitted.amount)}


def member(body: JsonObject, name: str) -> JsonObject:
    """An object within another.

    Raises:
        InvalidInputError: it is missing, or no object.
    """
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidInputError(f"The payment lacks the object {name!r}.")
    return value


def _refuse(reason: str, sentence: str) -> None:
    raise Permit2PaymentError(
        f"The Permit2 signature does not pay this request. {sentence}", reason=reason
    )
