"""Offers are ranked by what they leave the buyer, and never beyond its budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.errors import InvalidInputError
from headwater_payments.routing import BY_PRICE, Preference, Prospect, learnt, rank

PRICES, QUALITIES, WAITS = st.integers(0, 10**12), st.integers(0, 1_000), st.integers(0, 600_000)
PROSPECTS = st.lists(st.builds(Prospect, PRICES, QUALITIES, WAITS), max_size=8)
PREFERENCES = st.builds(Preference, st.integers(0, 10**12), st.integers(0, 10**6))
BUDGETS = st.none() | PRICES


def test_a_hand_worked_market() -> None:
    cheap_and_bad, good, slow, dear = (
        Prospect(100, 300),
        Prospect(600, 900),
        Prospect(400, 900, latency_ms=2_500),
        Prospect(2_500, 1_000),
    )
    offers = [cheap_and_bad, good, slow, dear]
    # Worth 2,000 at best: leaves 500, 1,200, 1,400 and a loss.
    assert rank(offers, Preference(2_000)) == [2, 1, 0]
    # Two and a half seconds cost 500, so the slow one leaves 900.
    assert rank(offers, Preference(2_000, wait_cost=200)) == [1, 2, 0]
    assert rank(offers, Preference(2_000), budget=399) == [0]
    assert rank(offers, BY_PRICE) == [0, 2, 1, 3]
    assert rank([], Preference(2_000)) == []


@given(PROSPECTS, PREFERENCES, BUDGETS)
def test_what_is_taken_is_affordable_worth_it_and_in_order(
    prospects: list[Prospect], preference: Preference, budget: int | None
) -> None:
    taken = rank(prospects, preference, budget)
    left = [
        preference.surplus(prospects[place].price, prospects[place].quality, each.latency_ms)
        for place in taken
        for each in [prospects[place]]
    ]
    assert left == sorted(left, reverse=True)
    assert len(set(taken)) == len(taken)
    for place, each in enumerate(prospects):
        affordable = budget is None or each.price <= budget
        surplus = preference.surplus(each.price, each.quality, each.latency_ms)
        assert (place in taken) == (affordable and (surplus >= 0 or preference.value == 0))
    equals = [(surplus, place) for surplus, place in zip(left, taken, strict=True)]
    assert equals == sorted(equals, key=lambda each: (-each[0], each[1]))


@given(PROSPECTS.filter(len), PREFERENCES, st.data())
def test_a_lower_price_never_ranks_lower(
    prospects: list[Prospect], preference: Preference, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(prospects) - 1))
    one = prospects[place]
    cheaper = Prospect(data.draw(st.integers(0, one.price)), one.quality, one.latency_ms)
    before = rank(prospects, preference)
    after = rank([*prospects[:place], cheaper, *prospects[place + 1 :]], preference)
    if place in before:
        assert after.index(place) <= before.index(place)


@given(QUALITIES, QUALITIES)
def test_what_is_learnt_lies_between_what_was_expected_and_seen(expected: int, seen: int) -> None:
    assert min(expected, seen) <= learnt(expected, seen) <= max(expected, seen)
    assert learnt(expected, seen) == expected + (seen - expected) // 4


def test_negative_preferences_are_refused() -> None:
    for value, wait_cost in ((-1, 0), (1, -1)):
        with pytest.raises(InvalidInputError):
            Preference(value, wait_cost)
