"""Payments that are one transfer each, whichever way it is signed: EIP-3009 or Permit2.

What seller, facilitator and wallet need to know of such a payment is the same: who pays whom, how
much at most, until when, and the nonce that makes it work once.

Source: x402 `exact` and `upto` on EVM.
"""

from dataclasses import dataclass

from headwater_payments.address import Address, parse_address
from headwater_payments.batch_payload import token_domain
from headwater_payments.exact import (
    ExactPayload,
    SignedTransferError,
    check_exact,
    parse_exact_payload,
)
from headwater_payments.permit2 import PERMIT2
from headwater_payments.permit2_payload import (
    PERMIT2_METHOD,
    UPTO,
    Permit2Payload,
    check_permit2,
    parse_permit2_payload,
)
from headwater_payments.x402 import JsonObject, PaymentRequirements, chain_id_of

SignedTransfer = ExactPayload | Permit2Payload


@dataclass(frozen=True, slots=True)
class TransferOutline:
    """What a signed transfer can do.

    Attributes:
        payer: whose money.
        payee: who gets it.
        ceiling: atomic units that move, or at most may.
        valid_before: the first Unix second at which it works no more.
        nonce: 32 bytes; it works once with a payer and a book.
        nonce_book: the contract that keeps the nonce: the token, or Permit2.
    """

    payer: Address
    payee: Address
    ceiling: int
    valid_before: int
    nonce: bytes
    nonce_book: Address


def uses_permit2(terms: PaymentRequirements) -> bool:
    """Whether terms are met by a signature for Permit2."""
    return terms.scheme == UPTO or terms.extra.get("assetTransferMethod") == PERMIT2_METHOD


def parse_transfer(payload: JsonObject) -> SignedTransfer:
    """Read a signed transfer of either kind.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    if "permit2Authorization" in payload:
        return parse_permit2_payload(payload)
    return parse_exact_payload(payload)


def outline(payment: SignedTransfer, terms: PaymentRequirements) -> TransferOutline:
    """What a signed transfer can do, under the terms that it accepts.

    Raises:
        InvalidInputError: the terms' asset is no address.
    """
    if isinstance(payment, Permit2Payload):
        permit = payment.permit
        # Permit2 takes a signature in the second of its deadline too.
        return TransferOutline(
            payment.payer,
            permit.witness.to,
            permit.permitted.amount,
            permit.deadline + 1,
            permit.nonce.to_bytes(32, "big"),
            PERMIT2,
        )
    signed = payment.authorization
    return TransferOutline(
        signed.sender,
        signed.to,
        signed.value,
        signed.valid_before,
        signed.nonce,
        parse_address(terms.asset),
    )


def check_transfer(payment: SignedTransfer, terms: PaymentRequirements, *, now: int) -> None:
    """Check everything about a transfer that needs no chain, against the full price.

    Raises:
        SignedTransferError: the first thing that does not hold.
        InvalidInputError: the signature is malformed, or the terms are.
    """
    if isinstance(payment, Permit2Payload) != uses_permit2(terms):
        # A transfer of exactly the price, where what was used is settled, would pay too much.
        raise SignedTransferError(
            "The transfer is not signed in the way that the terms ask for.",
            reason="invalid_payload",
        )
    if isinstance(payment, Permit2Payload):
        check_permit2(payment, terms, now=now)
        return
    chain_id = chain_id_of(terms.network)
    token = token_domain(terms.extra, parse_address(terms.asset), chain_id)
    check_exact(payment, terms, token, now=now)
