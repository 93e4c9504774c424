"""Charges are read exactly, whatever their size, and never guessed."""

import json
from decimal import Context

import pytest
from agents.fake_market import ASSET, NETWORK, settlement
from hypothesis import given
from hypothesis import strategies as st

from headwater_agents.answers import Purchase
from headwater_agents.charges import Charge, charge_from_event, charge_from_headers
from headwater_agents.pydantic_model import request_usage
from headwater_agents.refusals import refusal, refusal_text
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.x402 import PAYMENT_RESPONSE, SettlementResponse
from headwater_wallet.errors import BudgetExceededError, PaymentUnknownError

amounts = st.integers(1, 2**128 - 1)


@given(amounts)
def test_a_charge_is_the_same_from_header_and_event_to_the_last_unit(amount: int) -> None:
    stated = settlement(amount)
    by_header = charge_from_headers({PAYMENT_RESPONSE: stated.to_header()})
    by_event = charge_from_event({"settlement": stated.to_json()})
    assert by_header == by_event
    assert by_header is not None
    assert by_header.amount == amount


@given(amounts)
def test_a_one_off_payment_states_its_charge_as_the_amount(amount: int) -> None:
    stated = SettlementResponse(success=True, network=NETWORK, amount=str(amount))
    charge = charge_from_headers({PAYMENT_RESPONSE: stated.to_header()})
    assert charge is not None
    assert charge.amount == amount


@given(st.integers(0, 2**128 - 1))
def test_the_cost_of_a_request_is_its_charge_exactly(amount: int) -> None:
    purchase = Purchase("m-1", "k", "text", Charge(amount, NETWORK))
    cost = request_usage(purchase, ASSET).cost
    assert cost is not None
    assert cost.scaleb(6, Context(prec=60)) == amount


def test_what_states_no_charge_is_no_charge() -> None:
    failed = SettlementResponse(success=False, network=NETWORK, amount="5")
    silent = SettlementResponse(success=True, network=NETWORK, amount="", extra={"reserved": "9"})
    for stated in (failed, silent):
        assert charge_from_headers({PAYMENT_RESPONSE: stated.to_header()}) is None
    assert charge_from_headers({}) is None


@pytest.mark.parametrize("value", ["not base64!", "e30="])
def test_a_malformed_statement_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError):
        charge_from_headers({PAYMENT_RESPONSE: value})
    with pytest.raises(InvalidInputError):
        charge_from_event(value)


@pytest.mark.parametrize(
    ("error", "paid", "retry"),
    [
        (BudgetExceededError("too dear", left="1"), "no", False),
        (UnavailableError("not there"), "no", True),
        (PaymentUnknownError("who knows"), "unknown", False),
    ],
)
def test_a_refusal_says_what_was_paid_and_whether_to_try_again(
    error: HeadwaterError, paid: str, retry: bool
) -> None:
    told = refusal(error)
    assert (told["paid"], told["retry"]) == (paid, retry)
    assert json.loads(refusal_text(error))["error"] == error.code
