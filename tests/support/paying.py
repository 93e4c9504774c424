"""Ledgers and payments made by hand, for tests below the transports."""

from dataclasses import replace
from typing import Any

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import channel_id
from headwater_payments.structs import ChannelConfig
from headwater_wallet.spend_records import ChannelTerms, NewPayment
from support.shop import PAYEE, USDC

PAYER = Address("0x" + "11" * 20)
URL = "http://shop.test/paid/x"


def new_payment(number: int | str, atomic: int, scheme: str = "batch-settlement") -> NewPayment:
    return NewPayment(f"payment-{number}", scheme, URL, PAYEE, Amount(atomic, USDC), 1_000)


def channel_terms(number: int = 0, *, concurrent: bool = True, **changed: Any) -> ChannelTerms:
    config = ChannelConfig(
        payer=PAYER,
        payer_authorizer=PAYER,
        receiver=PAYEE,
        receiver_authorizer=PAYEE,
        token=USDC.address,
        withdraw_delay=900,
        salt=number.to_bytes(32, "big"),
    )
    terms = ChannelTerms(channel_id(config, 84532), 84532, config, concurrent, 10_000)
    return replace(terms, **changed)
