"""The compiled twins of the rules that Headwater's is compared with give the same integers."""

import numpy as np
from attribution.test_rules import ints, one_receipt
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.compiled_rules import influence_of_receipt, money_by_rows
from headwater_attribution.rules import RuleParameters, pay_influence, pay_rows

LARGEST = 2**31 - 1
MONEY = st.integers(0, 2**62 - 1)


@settings(max_examples=150, deadline=None)
@given(MONEY, st.lists(st.integers(-LARGEST // 8, LARGEST // 8), min_size=1, max_size=8))
def test_influence_compiled_is_the_reference(money: int, influence: list[int]) -> None:
    columns = one_receipt(money, [0] * len(influence), influence=influence)
    paid = np.empty(len(influence), dtype=np.int64)
    spent = influence_of_receipt(money, ints(influence), paid)
    assert paid.tolist() == pay_influence(columns, RuleParameters())[0, 0].tolist()
    assert spent == paid.sum() == (money if max(influence) > 0 else 0)


@settings(max_examples=150, deadline=None)
@given(MONEY, st.lists(st.integers(0, LARGEST // 8), min_size=1, max_size=8))
def test_rows_compiled_is_the_reference(money: int, rows: list[int]) -> None:
    columns = one_receipt(money, [0] * len(rows), rows=rows)
    paid = np.empty(len(rows), dtype=np.int64)
    spent = money_by_rows(money, ints(rows), paid)
    assert paid.tolist() == pay_rows(columns, RuleParameters())[0].tolist()
    assert spent == paid.sum() == (money if any(rows) else 0)


def test_the_last_units_go_to_the_largest_remainders_and_of_equals_to_the_first() -> None:
    paid = np.empty(3, dtype=np.int64)
    assert influence_of_receipt(10, ints([1, 1, 1]), paid) == 10
    assert paid.tolist() == [4, 3, 3]
    assert influence_of_receipt(10, ints([1, -5, 5]), paid) == 10
    assert paid.tolist() == [2, 0, 8]
