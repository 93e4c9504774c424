"""Checking what a seller says about a payment, before the ledger believes any of it."""

import hashlib
from dataclasses import dataclass

from headwater_contracts.clients.batch_settlement import ChannelState
from headwater_payments.address import Address
from headwater_payments.amount import parse_atomic
from headwater_payments.channels import ChargeAboveCapError, voucher_to_sign
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import RECEIPT_SIGNER
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json
from headwater_payments.metering import parse_receipt
from headwater_payments.signing import recover
from headwater_payments.x402 import JsonObject, PaymentRequirements, chain_id_of
from headwater_wallet.spend_records import Intent
from headwater_wallet.terms import Terms


@dataclass(frozen=True, slots=True)
class ChargeClaim:
    """A charge as the seller states it, and its running total on the channel, where it gives one.

    Atomic units.
    """

    charge: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A channel as the seller sees it: escrow, charged total, and the voucher that proves it."""

    balance: int
    charged: int
    signed: int


def charge_claim(extra: JsonObject, terms: Terms, intent: Intent) -> ChargeClaim:
    """The charge that a settlement states.

    Raises:
        ChargeAboveCapError: it exceeds what was agreed.
        InvalidInputError: malformed, or about another channel.
    """
    stated = extra.get("chargedAmount")
    charge = intent.amount if stated is None else parse_atomic(stated)
    if charge > intent.amount:
        raise ChargeAboveCapError(
            f"it charged {charge} atomic units where at most {intent.amount} were agreed.",
            charge=str(charge),
            cap=str(intent.amount),
        )
    state = extra.get("channelState")
    if intent.channel_id is None or not isinstance(state, dict):
        return ChargeClaim(charge, None)
    identifier = state.get("channelId", intent.channel_id)
    if not isinstance(identifier, str) or identifier.lower() != intent.channel_id:
        raise InvalidInputError("The settlement is about another channel.")
    return ChargeClaim(charge, parse_atomic(state.get("chargedCumulativeAmount")))


def stated_balance(extra: JsonObject) -> int:
    """The channel's escrow as a settlement states it; zero where it doesn't.

    Raises:
        InvalidInputError: malformed.
    """
    state = extra.get("channelState")
    return parse_atomic(state.get("balance")) if isinstance(state, dict) else 0


def standing_of(
    offered: PaymentRequirements, channel: bytes, authorizer: Address
) -> Standing | None:
    """The channel's standing in a corrective 402, once our own signature under it is checked.

    Raises:
        InvalidInputError: malformed, or a voucher that `authorizer` never signed or that covers
            less than what is charged.
    """
    state, proof = offered.extra.get("channelState"), offered.extra.get("voucherState")
    if not isinstance(state, dict):
        return None
    charged = parse_atomic(state.get("chargedCumulativeAmount"))
    balance = parse_atomic(state.get("balance", "0"))
    if not isinstance(proof, dict):
        return Standing(balance, charged, 0)
    signed = parse_atomic(proof.get("signedMaxClaimable"))
    voucher = voucher_to_sign(channel, signed, chain_id_of(offered.network))
    if recover(voucher, parse_hex(proof.get("signature"))) != authorizer or charged > signed:
        raise InvalidInputError("It shows a voucher that this wallet never signed.")
    return Standing(balance, charged, signed)


def proven_by_chain(standing: Standing | None, escrow: ChannelState) -> Standing:
    """A channel's standing with what the chain shows, where nobody else remembers.

    The contract has checked our signature under everything that was claimed.
    """
    claimed = escrow.total_claimed
    if standing is None:
        return Standing(escrow.balance, claimed, claimed)
    return Standing(standing.balance, max(standing.charged, claimed), max(standing.signed, claimed))


def check_receipt(header: str | None, terms: Terms, intent: Intent, charge: int) -> None:
    """Check a metering receipt against the payment it is for; sellers need not give one.

    Raises:
        InvalidInputError: it is malformed, signed by another, or about another payment, payee,
            channel or charge.
    """
    if header is None:
        return
    body = read_json(header, "The receipt")
    if not isinstance(body, dict):
        raise InvalidInputError("The receipt is not an object.")
    receipt, signature = parse_receipt(body)
    signer = receipt.signed_by(signature, chain_id_of(terms.chosen.network))
    extra = terms.chosen.extra
    announced = str(extra.get(RECEIPT_SIGNER, extra.get("receiverAuthorizer", signer)))
    if signer.lower() != announced.lower():
        raise InvalidInputError("The receipt is signed by another than the terms name.")
    expected = hashlib.sha256(intent.payment_id.encode()).digest()
    if receipt.payment_id != expected or receipt.charge != charge:
        raise InvalidInputError("The receipt is about another payment or another charge.")
    channel = intent.channel_id or to_hex(bytes(32))
    if receipt.payee != intent.payee or to_hex(receipt.channel_id) != channel:
        raise InvalidInputError("The receipt is about another payee or another channel.")
