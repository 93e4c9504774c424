"""Rules in order, first match decides, nothing allowed by default."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.pricing import TokenPrice
from headwater_wallet.errors import PolicyRefusedError
from headwater_wallet.policy import PaymentRequest, Rule, SpendPolicy, simple_policy
from support.shop import PAYEE, USDC

BUDGET = Amount(10_000, USDC)
MIXED = parse_address("0x" + "ab" * 20)


def asks(
    atomic: int = 100, payee: Address = PAYEE, origin: str = "http://shop.test"
) -> PaymentRequest:
    return PaymentRequest(Amount(atomic, USDC), payee, origin, origin + "/x")


TOKENS = Rule("allow", "cheap", most_per_thousand_input=2_000, most_per_thousand_output=8_000)


@pytest.mark.parametrize(
    ("price", "allowed"),
    [
        (TokenPrice(2_000, 8_000), True),
        (TokenPrice(0, 8_000, per_request=900), True),
        (TokenPrice(2_001, 8_000), False),
        (TokenPrice(2_000, 8_001), False),
        (None, False),
    ],
)
def test_a_ceiling_on_the_price_of_a_token_is_exact_and_wants_one_stated(
    price: TokenPrice | None, allowed: bool
) -> None:
    asked = replace(asks(1), token_price=price)
    assert TOKENS.decides(asked) is allowed
    only_output = replace(TOKENS, most_per_thousand_input=None)
    assert only_output.decides(asked) is (price is not None and price.per_thousand_output <= 8_000)


@pytest.mark.parametrize(
    ("reputation", "allowed"), [(60, True), (100, True), (59, False), (0, False), (None, False)]
)
def test_a_least_reputation_refuses_those_below_and_those_unknown(
    reputation: int | None, allowed: bool
) -> None:
    rule = Rule("allow", "known", least_reputation=60)
    assert rule.decides(replace(asks(1), reputation=reputation)) is allowed


def test_without_rules_nothing_is_paid() -> None:
    with pytest.raises(PolicyRefusedError, match="No rule"):
        SpendPolicy(BUDGET).check(asks())


def test_the_first_rule_that_decides_decides() -> None:
    allow, deny = Rule("allow", "yes"), Rule("deny", "no")
    assert SpendPolicy(BUDGET, (allow, deny)).check(asks()) is allow
    with pytest.raises(PolicyRefusedError, match="no"):
        SpendPolicy(BUDGET, (deny, allow)).check(asks())


def test_every_condition_of_a_rule_must_hold() -> None:
    rule = Rule("allow", "", frozenset({PAYEE}), frozenset({"http://shop.test"}), 100)
    policy = SpendPolicy(BUDGET, (rule,))
    assert policy.check(asks()) is rule
    for other in (asks(101), asks(payee=MIXED), asks(origin="http://other.test")):
        with pytest.raises(PolicyRefusedError):
            policy.check(other)


@pytest.mark.parametrize("form", [str.lower, str, lambda a: "0x" + a[2:].upper()])
def test_a_denied_payee_is_denied_in_any_letter_case(form: object) -> None:
    written = Address(form(MIXED))  # type: ignore[operator]
    policy = simple_policy(BUDGET, deny=[written])
    with pytest.raises(PolicyRefusedError, match="deny list"):
        policy.check(asks(payee=MIXED))
    assert policy.check(asks()).action == "allow"


@pytest.mark.parametrize("origin", ["http://SHOP.test", "http://shop.test", "HTTP://shop.test/"])
def test_a_denied_origin_is_denied_in_any_letter_case(origin: str) -> None:
    rules = (Rule("deny", "bad shop", origins=frozenset({origin})), Rule("allow", "rest"))
    policy = SpendPolicy(BUDGET, rules)
    with pytest.raises(PolicyRefusedError, match="bad shop"):
        policy.check(asks())


def test_a_mistyped_payee_in_a_rule_is_refused_when_it_is_written() -> None:
    with pytest.raises(InvalidInputError):
        Rule("deny", "", payees=frozenset({Address("0x1234")}))


@pytest.mark.parametrize(
    "asset", [replace(USDC, chain_id=1), replace(USDC, address=PAYEE), replace(USDC, decimals=18)]
)
def test_another_asset_is_refused_whatever_the_rules(asset: object) -> None:
    policy = SpendPolicy(BUDGET, (Rule("allow", "all"),))
    with pytest.raises(PolicyRefusedError, match="pays in"):
        policy.check(replace(asks(), amount=Amount(1, asset)))  # type: ignore[arg-type]


@given(cap=st.integers(1, 10_000), atomic=st.integers(0, 20_000))
def test_a_cap_on_a_payment_is_exact(cap: int, atomic: int) -> None:
    policy = simple_policy(BUDGET, per_payment=Amount(cap, USDC))
    if atomic <= cap:
        assert policy.check(asks(atomic)).action == "allow"
    else:
        with pytest.raises(PolicyRefusedError, match="above the cap"):
            policy.check(asks(atomic))


def test_escrow_is_a_fifth_of_the_budget_unless_named() -> None:
    assert SpendPolicy(BUDGET).deposit_limit == 2_000
    assert SpendPolicy(Amount(3, USDC)).deposit_limit == 1
    assert SpendPolicy(BUDGET, deposit=Amount(7, USDC)).deposit_limit == 7


def test_a_cap_in_another_asset_than_the_budget_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        simple_policy(BUDGET, per_payment=Amount(1, replace(USDC, chain_id=1)))
