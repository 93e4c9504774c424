"""x402's `exact` scheme on EVM with EIP-3009: one signed transfer of exactly the price.

Source: x402 `exact` on EVM; EIP-3009.
"""

from dataclasses import dataclass

from headwater_payments.address import parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import Signer, recover
from headwater_payments.structs import TransferWithAuthorization
from headwater_payments.x402 import JsonObject, PaymentRequirements

SCHEME = "exact"
MAX_VALIDITY_S = 3_600
"""The longest that a signed authorization stays good, whatever a seller asks for."""


class SignedTransferError(HeadwaterError):
    """What was signed does not pay what was asked; `details["reason"]` is x402's error code."""

    code = "signed_transfer_invalid"
    http_status = 402


class ExactPaymentError(SignedTransferError):
    """An EIP-3009 transfer does not pay what was asked; `details["reason"]` is x402's code."""

    code = "exact_payment_invalid"


@dataclass(frozen=True, slots=True)
class ExactPayload:
    """An EIP-3009 transfer and its signature."""

    authorization: TransferWithAuthorization
    signature: bytes

    def to_json(self) -> JsonObject:
        """The wire form."""
        signed = self.authorization
        return {
            "signature": to_hex(self.signature),
            "authorization": {
                "from": signed.sender,
                "to": signed.to,
                "value": str(signed.value),
                "validAfter": str(signed.valid_after),
                "validBefore": str(signed.valid_before),
                "nonce": to_hex(signed.nonce),
            },
        }


def parse_exact_payload(payload: JsonObject) -> ExactPayload:
    """Read an EIP-3009 payload.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    body = payload.get("authorization")
    if not isinstance(body, dict):
        raise InvalidInputError("The payment lacks the object 'authorization'.")
    return ExactPayload(
        authorization=TransferWithAuthorization(
            sender=parse_address(body.get("from", "")),
            to=parse_address(body.get("to", "")),
            value=parse_atomic(body.get("value"), maximum=2**256 - 1),
            valid_after=parse_atomic(body.get("validAfter"), maximum=2**256 - 1),
            valid_before=parse_atomic(body.get("validBefore"), maximum=2**256 - 1),
            nonce=parse_hex(body.get("nonce"), length=32),
        ),
        signature=parse_hex(payload.get("signature")),
    )


async def sign_exact(
    signer: Signer, terms: PaymentRequirements, token: Domain, *, now: int, nonce: bytes
) -> ExactPayload:
    """Sign a transfer of the price, valid until the terms time out, an hour at most.

    Args:
        signer: the payer.
        terms: the requirements being met.
        token: the token's EIP-712 domain.
        now: Unix time in seconds.
        nonce: 32 random bytes; a nonce moves money once.
    """
    authorization = TransferWithAuthorization(
        sender=signer.address,
        to=parse_address(terms.pay_to),
        value=parse_atomic(terms.amount),
        valid_after=0,
        valid_before=now + min(terms.max_timeout_seconds, MAX_VALIDITY_S),
        nonce=nonce,
    )
    signature = await signer.sign_typed_data(TypedData(token, authorization))
    return ExactPayload(authorization, signature)


def check_exact(
    payment: ExactPayload, terms: PaymentRequirements, token: Domain, *, now: int
) -> None:
    """Check everything about a transfer that needs no chain: payee, price, times, signature.

    Raises:
        ExactPaymentError: the first thing that does not hold.
        InvalidInputError: the signature is malformed.
    """
    signed = payment.authorization
    if signed.to.lower() != terms.pay_to.lower():
        _refuse("invalid_exact_evm_payload_recipient_mismatch", "It pays another recipient.")
    if signed.value != parse_atomic(terms.amount):
        _refuse("invalid_exact_evm_payload_authorization_value_mismatch", "It pays another amount.")
    if now < signed.valid_after:
        _refuse("invalid_exact_evm_payload_authorization_valid_after", "It is not valid yet.")
    if now >= signed.valid_before:
        _refuse("invalid_exact_evm_payload_authorization_valid_before", "It has expired.")
    if recover(TypedData(token, signed), payment.signature) != signed.sender:
        _refuse("invalid_exact_evm_payload_signature", "Its payer did not sign it.")


def _refuse(reason: str, sentence: str) -> None:
    raise ExactPaymentError(
        f"The signed transfer does not pay this request. {sentence}", reason=reason
    )
