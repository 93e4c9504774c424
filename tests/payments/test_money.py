"""Amounts are exact, splits lose nothing, journals balance."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.address import Address
from headwater_payments.amount import Amount, Asset, parse_atomic, total
from headwater_payments.errors import InvalidInputError
from headwater_payments.ledger import (
    GENESIS,
    Entry,
    LedgerBrokenError,
    Posting,
    balances,
    check_journal,
    make_entry,
    transfer,
)
from headwater_payments.pricing import TokenPrice
from headwater_payments.split import PARTS, split_amount

USDC = Asset(84532, Address("0x036CbD53842c5426634e7929541eC2318f3dCF7e"), "USDC", 6, "USDC", "2")


@given(st.integers(0, 2**127))
def test_decimal_and_atomic_forms_agree_exactly(atomic: int) -> None:
    with_decimal = USDC.amount(str(Amount(atomic, USDC).decimal))
    assert with_decimal.atomic == atomic


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "0.0000001", "one", "", None])
def test_what_is_not_an_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        USDC.amount(text)


@pytest.mark.parametrize("text", ["９", "２５", "1_000", " 1", "1 ", "1\n", "0x1", "1,5", "."])
def test_an_amount_is_a_plain_decimal_number(text: str) -> None:
    with pytest.raises(InvalidInputError, match="give a plain decimal number"):
        USDC.amount(text)


@pytest.mark.parametrize("exponent", ["999", "999999", "999999999", "9" * 18])
def test_no_exponent_is_too_large_to_be_refused_in_words(exponent: str) -> None:
    for value in (f"1e{exponent}", Decimal(f"1e{exponent}")):
        with pytest.raises(InvalidInputError, match="lies between"):
            USDC.amount(value)
    with pytest.raises(InvalidInputError, match="finer"):
        USDC.amount(f"1e-{exponent}")


def test_digits_beyond_any_amount_are_not_rounded_away() -> None:
    with pytest.raises(InvalidInputError, match="finer"):
        USDC.amount("1." + "0" * 200 + "1")
    assert USDC.amount("1." + "0" * 200) == USDC.amount(1)


def test_amounts_of_different_assets_do_not_mix() -> None:
    other = replace(USDC, chain_id=1)
    with pytest.raises(InvalidInputError):
        Amount(1, USDC) + Amount(1, other)
    with pytest.raises(InvalidInputError):
        assert Amount(1, USDC) <= Amount(1, other)


def test_money_that_is_not_there_cannot_be_taken() -> None:
    with pytest.raises(InvalidInputError):
        Amount(1, USDC) - Amount(2, USDC)


def test_totals_and_text() -> None:
    assert str(total([USDC.amount("0.25"), USDC.amount(1)], USDC)) == "1.250000 USDC"
    assert USDC.amount("0.25").decimal == Decimal("0.25")


@pytest.mark.parametrize("text", ["1.0", "-5", "١٢", "1e3", 12, "9" * 80, ""])
def test_atomic_units_on_the_wire_are_plain_digits(text: object) -> None:
    with pytest.raises(InvalidInputError):
        parse_atomic(text)


@given(st.integers(0, 10**30), st.lists(st.integers(0, PARTS), min_size=1, max_size=12))
def test_a_split_hands_out_every_unit_and_no_part_is_off_by_one(
    amount: int, weights: list[int]
) -> None:
    if not sum(weights):
        with pytest.raises(InvalidInputError):
            split_amount(amount, weights)
        return
    parts = split_amount(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


def test_a_split_worked_by_hand() -> None:
    assert split_amount(100, [1, 1, 1]) == [34, 33, 33]
    assert split_amount(1, [30, 70]) == [0, 1]


def test_a_fraction_of_a_unit_is_charged_as_a_whole_one() -> None:
    price = TokenPrice(per_thousand_input=500, per_thousand_output=1500)
    assert price.charge(1200, 300) == 1050
    assert price.charge(1, 0) == 1
    assert price.charge(0, 0) == 0


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_charge_exceeds_its_ceiling(used: int, unused: int, tokens_in: int) -> None:
    price = TokenPrice(3, 7, 2)
    assert price.charge(tokens_in, used) <= price.ceiling(tokens_in, used + unused)


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        TokenPrice(-1, 0)


def _journal(moves: list[tuple[str, str, int]]) -> list[Entry]:
    entries: list[Entry] = []
    for source, destination, amount in moves:
        previous = entries[-1].hash if entries else GENESIS
        postings = transfer(source, destination, "USDC", amount)
        entries.append(make_entry(len(entries), "pay", "r", postings, previous))
    return entries


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.integers(1, 10**24)),
        max_size=12,
    )
)
def test_all_balances_of_a_journal_sum_to_zero(moves: list[tuple[str, str, int]]) -> None:
    entries = _journal(moves)
    check_journal(entries)
    assert sum(balances(entries).values()) == 0


def test_an_unbalanced_entry_cannot_be_made() -> None:
    with pytest.raises(InvalidInputError):
        make_entry(0, "gift", "r", [Posting("a", "USDC", 5)], GENESIS)


@pytest.mark.parametrize("tamper", ["amount", "drop", "swap"])
def test_a_journal_that_was_altered_says_where(tamper: str) -> None:
    entries = _journal([("a", "d", 5), ("b", "e", 6), ("c", "f", 7)])
    if tamper == "amount":
        entries[1] = replace(entries[1], postings=transfer("b", "e", "USDC", 60))
    elif tamper == "drop":
        del entries[1]
    else:
        entries[1], entries[2] = entries[2], entries[1]
    with pytest.raises(LedgerBrokenError, match="Entry 1"):
        check_journal(entries)
