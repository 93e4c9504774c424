from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.apportion import Int64s, apportion, portions
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.errors import UnknownMethodError, UnsoundRuleError
from headwater_attribution.rules import (
    BY_INFLUENCE,
    BY_ROWS,
    CAUSES,
    RULES,
    RewardRule,
    RuleParameters,
    rule_named,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS, portion, split_amount

LARGEST = 2**63 - 1


def ints(values: object) -> Int64s:
    return np.array(values, dtype=np.int64)


def one_receipt(
    charge: int,
    parts: list[int],
    low: list[int] | None = None,
    accounts: list[int] | None = None,
    influence: list[int] | None = None,
    rows: list[int] | None = None,
) -> RuleColumns:
    n = len(parts)
    return RuleColumns(
        ints([[charge]]),
        ints([[accounts or list(range(n))]]),
        ints([[parts]]),
        ints([[parts if low is None else low]]),
        ints([[influence or [0] * n]]),
        ints([rows or [1] * n]),
    )


@given(st.integers(0, LARGEST), st.integers(0, PARTS))
def test_portions_are_exact_up_to_the_largest_amount(amount: int, parts: int) -> None:
    assert portions(ints([amount]), ints([parts])).tolist() == [portion(amount, parts)]


@given(
    st.integers(0, LARGEST),
    st.lists(st.integers(0, 2**27), min_size=1, max_size=12).filter(lambda w: sum(w) > 0),
)
def test_apportioning_arrays_is_splitting_amounts(amount: int, weights: list[int]) -> None:
    assert apportion(ints([amount]), ints([weights]))[0].tolist() == split_amount(amount, weights)


def test_apportioning_at_the_bounds_is_exact() -> None:
    weights = [2**31 - 2, 1]
    got = apportion(ints([LARGEST]), ints([weights]))[0].tolist()
    assert got == split_amount(LARGEST, weights)
    with pytest.raises(InvalidInputError):
        apportion(ints([LARGEST]), ints([[2**31 - 1, 1]]))
    with pytest.raises(InvalidInputError):
        apportion(ints([1]), ints([[0, 0]]))
    with pytest.raises(InvalidInputError):
        apportion(ints([-1]), ints([[1]]))
    with pytest.raises(InvalidInputError):
        portions(ints([1]), ints([PARTS + 1]))


def test_a_receipt_worked_by_hand() -> None:
    rule = replace(CAUSES, parameters=RuleParameters(shrinkage=PARTS // 2))
    columns = one_receipt(
        1_000, [PARTS // 2, PARTS // 4, 0], low=[PARTS // 2, PARTS // 20, 0], accounts=[2, 0, -1]
    )
    payout = rule.settle(columns)
    assert payout.accounts.tolist() == [[150, 0, 500]]
    assert payout.unattributed.tolist() == [350]


def test_the_cap_binds_causes_together_and_the_cut_goes_to_nobody() -> None:
    rule = replace(CAUSES, parameters=RuleParameters(cap=PARTS // 2))
    assert rule.settle(one_receipt(1_000, [PARTS // 2, PARTS // 2])).accounts.tolist() == [
        [250, 250]
    ]
    assert rule.settle(one_receipt(1_000, [PARTS // 4, PARTS // 4])).accounts.tolist() == [
        [250, 250]
    ]
    many = rule.settle(one_receipt(1_000, [PARTS // 10] * 10))
    assert many.accounts.sum() == 500
    assert many.unattributed.tolist() == [500]


def test_influence_is_normalised_and_rows_are_counted() -> None:
    columns = one_receipt(1_000, [0, 0], influence=[30, 10], rows=[1, 9])
    assert BY_INFLUENCE.settle(columns).accounts.tolist() == [[750, 250]]
    assert BY_ROWS.settle(columns).accounts.tolist() == [[100, 900]]
    assert CAUSES.settle(columns).unattributed.tolist() == [1_000]


@pytest.mark.parametrize("rule", RULES.values())
def test_with_nobody_to_pay_everything_stays(rule: RewardRule) -> None:
    columns = one_receipt(1_000, [0], accounts=[NO_ACCOUNT], rows=[0])
    columns = replace(columns, rows=ints([[0]]))
    assert rule.settle(columns).unattributed.tolist() == [1_000]


SHARES = st.lists(st.integers(0, PARTS // 8), min_size=8, max_size=8)


@given(
    st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**55), st.integers(0, 2**32), st.data()
)
def test_every_rule_conserves_money_in_every_world(
    worlds: int, receipts: int, largest: int, seed: int, data: st.DataObject
) -> None:
    draw = np.random.default_rng(seed)
    shape = (worlds, receipts, 4)
    parts = draw.integers(0, PARTS // 4, shape, endpoint=True)
    columns = RuleColumns(
        draw.integers(0, largest, shape[:2], endpoint=True),
        draw.integers(0, 6, shape),
        parts,
        parts * draw.integers(0, 4, shape) // 4,
        draw.integers(0, 1_000, shape),
        draw.integers(0, 50, (worlds, 6)),
    )
    for rule in RULES.values():
        payout = rule.settle(columns)
        paid = payout.accounts.sum(axis=1) + payout.unattributed
        assert (paid == columns.charges.sum(axis=1)).all()
        assert (payout.accounts >= 0).all()
        one = data.draw(st.integers(0, worlds - 1))
        alone = RuleColumns(
            *(getattr(columns, name)[one : one + 1] for name in RuleColumns.__dataclass_fields__)
        )
        assert (rule.settle(alone).accounts[0] == payout.accounts[one]).all()


@given(st.integers(0, 2**60), SHARES, st.integers(0, PARTS), st.integers(0, PARTS), SHARES)
def test_splitting_a_cause_over_identities_never_pays_more(
    charge: int, halves: list[int], shrinkage: int, cap: int, lows: list[int]
) -> None:
    rule = replace(CAUSES, parameters=RuleParameters(shrinkage, cap))
    low = [min(a, b) for a, b in zip(halves, lows, strict=True)]
    whole = rule.settle(one_receipt(charge, [sum(halves)], [sum(low)]))
    split = rule.settle(one_receipt(charge, halves, low))
    assert split.accounts.sum() <= whole.accounts.sum()


def paid_causes_one_by_one(
    charge: int, parts: list[int], low: list[int], p: RuleParameters
) -> list[int]:
    """The shipped rule for one receipt, in Python integers and in the order one would say it."""
    credited = [
        certain + (share - certain) * (PARTS - p.shrinkage) // PARTS
        for share, certain in zip(parts, low, strict=True)
    ]
    if sum(credited) > p.cap:
        credited = [each * p.cap // sum(credited) for each in credited]
    return [charge * each // PARTS for each in credited]


@given(st.integers(0, 2**62 - 1), SHARES, SHARES, st.integers(0, PARTS), st.integers(0, PARTS))
def test_the_shipped_rule_over_arrays_is_the_rule_one_by_one(
    charge: int, parts: list[int], lows: list[int], shrinkage: int, cap: int
) -> None:
    parameters = RuleParameters(shrinkage, cap)
    low = [min(a, b) for a, b in zip(parts, lows, strict=True)]
    columns = one_receipt(charge, parts, low)
    assert CAUSES.pay(columns, parameters)[0, 0].tolist() == paid_causes_one_by_one(
        charge, parts, low, parameters
    )


@given(st.integers(0, 2**60), st.lists(SHARES, min_size=2, max_size=2), st.integers(0, PARTS))
def test_a_receipt_pays_its_own_causes_only(
    charge: int, shares: list[list[int]], shrinkage: int
) -> None:
    rule = replace(CAUSES, parameters=RuleParameters(shrinkage))
    both = RuleColumns(
        ints([[charge, 12_345]]),
        ints([[list(range(8)), list(range(8, 16))]]),
        ints([shares]),
        ints([shares]),
        ints([shares]) * 0,
        ints([[1] * 16]),
    )
    alone = rule.settle(one_receipt(charge, shares[0])).accounts[0]
    assert (rule.settle(both).accounts[0, :8] == alone).all()


def test_columns_out_of_range_are_refused() -> None:
    good = one_receipt(1_000, [PARTS // 2, PARTS // 2])
    for change in (
        {"charges": ints([[-1]])},
        {"charges": ints([[2**62]])},
        {"charges": ints([[LARGEST]])},
        {"charges": ints([[1, 2]])},
        {"parts": ints([[[PARTS, 1]]]), "low": ints([[[0, 0]]])},
        {"low": ints([[[PARTS, 0]]])},
        {"low": ints([[[-1, 0]]])},
        {"accounts": ints([[[0, 2]]])},
        {"accounts": ints([[[0, -1]]])},
    ):
        with pytest.raises(InvalidInputError):
            replace(good, **change)


def test_the_largest_charges_there_may_be_are_settled_exactly() -> None:
    columns = replace(
        one_receipt(2**62 - 1, [PARTS]), charges=ints([[2**61, 2**61 - 1]]), **two_slots(PARTS)
    )
    assert CAUSES.settle(columns).accounts.tolist() == [[2**62 - 1]]
    many = ints([[2**61] * 5])
    with pytest.raises(InvalidInputError):
        replace(columns, charges=many, **{n: ints([[[0]] * 5]) for n in two_slots(0)})


def two_slots(parts: int) -> dict[str, Int64s]:
    slots = {n: ints([[[0], [0]]]) for n in ("accounts", "parts", "low", "influence")}
    return {**slots, "parts": ints([[[parts], [parts]]]), "low": ints([[[parts], [parts]]])}


def test_a_rule_that_creates_money_is_stopped() -> None:
    greedy = RewardRule("greedy/1", "more than there is", False, lambda c, p: c.rows + 10_000)
    with pytest.raises(UnsoundRuleError, match="created money"):
        greedy.settle(one_receipt(1_000, [0]))


def test_a_rule_that_pays_no_integers_is_stopped() -> None:
    """Not-a-number is neither below 0 nor above what came in, so no comparison would notice it."""
    for part in (np.nan, 0.5):
        pay: Any = partial(lambda part, columns, _: columns.rows * part, part)
        with pytest.raises(UnsoundRuleError, match="float64: money is an array of integers"):
            RewardRule("vague/1", "floats", False, pay).settle(one_receipt(1_000, [0]))


def test_a_rule_cannot_raise_the_charges_that_it_is_shown() -> None:
    def forged(columns: RuleColumns, _: RuleParameters) -> Int64s:
        np.multiply(columns.charges, 2, out=columns.charges)
        return columns.rows

    columns = one_receipt(1_000, [0])
    with pytest.raises(ValueError, match="read-only"):
        RewardRule("forger/1", "writes first", False, forged).settle(columns)
    assert columns.charges.sum() == 1_000


def test_a_rule_that_moves_money_between_receipts_is_stopped() -> None:
    columns = replace(
        one_receipt(1_000, [0]),
        charges=ints([[500, 500]]),
        **{n: ints([[[0], [0]]]) for n in ("accounts", "parts", "low", "influence")},
    )
    robbing = RewardRule("rob/1", "one for the other", True, lambda c, p: ints([[[1_000], [0]]]))
    with pytest.raises(UnsoundRuleError, match="between receipts"):
        robbing.settle(columns)


def test_an_unknown_rule_is_named() -> None:
    assert rule_named("causes/1") is CAUSES
    with pytest.raises(UnknownMethodError, match="luck/1"):
        rule_named("luck/1")
