import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.mechanisms import (
    Links,
    best_wash,
    break_even_stake,
    correlated_agreement,
    delta_signs,
    determinant_pay,
    eigentrust,
    expected_gain,
    funding_match,
    ideal_match,
    output_agreement,
    pagerank,
    uniform_teleport,
    volume_rewards,
    wash_profit,
)

Int64s = npt.NDArray[np.int64]


def ints(values: object) -> Int64s:
    return np.array(values, dtype=np.int64)


def floats(values: object) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


# Peer prediction

HALVES = ints([[[0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1], [1] * 8]])
"""Two agents who answer alike, half the tasks each way, and one who always says 1."""


def test_output_agreement_counts_equal_answers() -> None:
    assert output_agreement(HALVES, 2)[0].tolist() == [0.75, 0.75, 0.5]


def test_the_determinant_pays_what_answers_say_about_each_other() -> None:
    # The first two: M = diag(1/2, 1/2) in both halves, det² = 1/16, over two peers.
    assert determinant_pay(HALVES, 2)[0].tolist() == [1 / 32, 1 / 32, 0]


def test_correlated_agreement_pays_nothing_for_answers_that_ignore_the_task() -> None:
    assert delta_signs(HALVES, 2)[0].tolist() == [[1, 0], [0, 1]]
    # Same task: always alike. Two tasks: 24 of 56 ordered pairs alike. Over two peers.
    assert correlated_agreement(HALVES, 2)[0] == pytest.approx([(1 - 24 / 56) / 2] * 2 + [0])


@st.composite
def reports(draw: st.DrawFn) -> Int64s:
    agents, half = draw(st.integers(2, 5)), draw(st.integers(3, 8))
    row = st.lists(st.integers(0, 2), min_size=2 * half, max_size=2 * half)
    return ints([draw(st.lists(row, min_size=agents, max_size=agents))])


@given(reports(), st.permutations(range(3)), st.integers(0, 2))
def test_the_determinant_ignores_other_words_and_pays_no_constant(
    said: Int64s, words: list[int], constant: int
) -> None:
    translated = said.copy()
    translated[:, 0] = ints(words)[said[:, 0]]
    assert determinant_pay(translated, 3) == pytest.approx(determinant_pay(said, 3), abs=1e-12)
    said[:, 0] = constant
    assert determinant_pay(said, 3)[0, 0] == 0
    assert correlated_agreement(said, 3)[0, 0] == pytest.approx(0, abs=1e-12)


def test_reports_that_say_nothing_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="two agents"):
        output_agreement(HALVES[:, :1], 2)
    with pytest.raises(InvalidInputError, match="whole number"):
        output_agreement(HALVES, 1)
    with pytest.raises(InvalidInputError, match="two tasks for each"):
        determinant_pay(HALVES[:, :, :3], 2)
    with pytest.raises(InvalidInputError, match="two tasks or more"):
        correlated_agreement(HALVES[:, :, :1], 2)


# Reputation


def links(nodes: int, pairs: list[tuple[int, int]], weights: list[float] | None = None) -> Links:
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    return Links(nodes, ints([sources]), ints([targets]), floats([weights or [1.0] * len(pairs)]))


def test_two_pages_and_a_hub_solve_by_hand() -> None:
    # r0 = .05 + .85 (r1 + r2), r1 = r2 = .05 + .85 r0 / 2, so r0 = .135 / .2775.
    graph = links(3, [(0, 1), (0, 2), (1, 0), (2, 0)])
    rank = pagerank(graph, uniform_teleport(graph))[0]
    assert rank[0] == pytest.approx(0.135 / 0.2775)
    assert rank[1] == rank[2] == pytest.approx((1 - 0.135 / 0.2775) / 2)


def test_eigentrust_weighs_and_pagerank_counts_links() -> None:
    graph = links(3, [(0, 1), (0, 2), (1, 0), (2, 0)], [3.0, 1.0, 1.0, -1.0])
    seeds = floats([[1.0, 0.0, 0.0]])
    trust = eigentrust(graph, seeds, caution=0.2)[0]
    # t0 = .2 + .8 (t1 + t2): node 2's distrust leaves it nobody, so it trusts the seed.
    assert trust == pytest.approx([1 / 1.8, 0.8 * 0.75 / 1.8, 0.8 * 0.25 / 1.8])
    counted = pagerank(graph, seeds, damping=0.8)[0]
    assert counted[1] == counted[2]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20),
    st.lists(st.floats(-1, 5), min_size=20, max_size=20),
)
def test_reputation_is_a_distribution_and_a_fixed_point(
    pairs: list[tuple[int, int]], weights: list[float]
) -> None:
    graph = links(6, pairs, weights[: len(pairs)])
    start = uniform_teleport(graph)
    for rank in (pagerank(graph, start), eigentrust(graph, start)):
        assert rank.sum() == pytest.approx(1)
        assert (rank > 0).all()
    flow = np.zeros((6, 6))
    for (source, target), weight in zip(pairs, weights, strict=False):
        flow[source, target] += weight > 0
    out = flow.sum(axis=1, keepdims=True)
    step = np.where(out > 0, flow / np.maximum(out, 1), 1 / 6)
    rank = pagerank(graph, start)[0]
    assert rank == pytest.approx(0.15 / 6 + 0.85 * rank @ step, abs=1e-10)


def test_graphs_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="there are"):
        links(2, [(0, 2)])
    with pytest.raises(InvalidInputError, match="sources, targets"):
        Links(2, ints([[0]]), ints([[0, 1]]), floats([[1]]))
    graph = links(2, [(0, 1)])
    with pytest.raises(InvalidInputError, match="distribution"):
        pagerank(graph, floats([[1.0, 1.0]]))
    with pytest.raises(InvalidInputError, match="damping"):
        pagerank(graph, uniform_teleport(graph), damping=1.0)


# Stakes


@given(st.integers(0, 10**10), st.integers(1, PARTS))
def test_the_break_even_stake_is_the_smallest_that_deters(gain: int, caught: int) -> None:
    stake = int(break_even_stake(ints([gain]), ints([caught]))[0])
    assert (PARTS - caught) * gain <= caught * stake
    assert stake == 0 or (PARTS - caught) * gain > caught * (stake - 1)


def test_an_entry_cost_deters_like_a_stake() -> None:
    tenth = ints([PARTS // 10])
    assert expected_gain(ints([100]), ints([800]), tenth)[0] == pytest.approx(10)
    assert expected_gain(ints([100]), ints([800]), tenth, entry_cost=100)[0] == pytest.approx(0)


def test_stakes_out_of_range_are_refused() -> None:
    one = ints([1])
    with pytest.raises(InvalidInputError, match="never caught"):
        break_even_stake(one, one * 0)
    with pytest.raises(InvalidInputError, match="Gains"):
        break_even_stake(one * 2**62, one)
    with pytest.raises(InvalidInputError, match="Chances"):
        expected_gain(one, one, one * (PARTS + 1))
    with pytest.raises(InvalidInputError, match="Stakes"):
        expected_gain(one, -one, one)


# Funding


def test_many_small_contributions_are_matched_and_one_large_is_not() -> None:
    ideal = ideal_match(ints([[[100, 0, 0, 0], [25, 25, 25, 25]]]))
    assert ideal.tolist() == [[0, 300]]


@given(
    st.integers(0, 10**9),
    st.lists(st.lists(st.integers(0, 10**6), min_size=4, max_size=4), min_size=1, max_size=4),
)
def test_a_pool_pays_what_it_has_and_no_more_than_the_ideal(
    pool: int, donated: list[list[int]]
) -> None:
    paid = funding_match(ints([pool]), ints([donated]))[0]
    ideal = ideal_match(ints([donated]))[0]
    assert 0 <= paid.sum() <= pool
    assert (paid <= ideal + 1).all()
    if ideal.sum() > pool + 4:
        assert paid.sum() == pool


def test_funding_refuses_debts_and_sums_that_floats_cannot_hold() -> None:
    with pytest.raises(InvalidInputError, match="at least 0"):
        ideal_match(ints([[[-1]]]))
    with pytest.raises(InvalidInputError, match="below 2"):
        funding_match(ints([1]), ints([[[2**53, 2**53]]]))


# Consume


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(PARTS // 1000, PARTS))
def test_no_other_wash_pays_more_than_the_best(pool: int, volume: int, fee: int) -> None:
    pools, volumes = ints([pool]), ints([volume])
    best = best_wash(pools, volumes, fee)
    gained = wash_profit(pools, volumes, best, fee)[0]
    for other in (best // 2, best * 2, best + 1 + volume // 10):
        # Three units: two divisions and a product are rounded.
        assert wash_profit(pools, volumes, other, fee)[0] <= gained + 3
    if pool * PARTS <= fee * volume:
        assert best[0] == 0


def test_rewards_follow_volume_to_the_last_unit() -> None:
    assert volume_rewards(ints([100]), ints([[1, 1, 1]])).tolist() == [[34, 33, 33]]
    assert volume_rewards(ints([100]), ints([[0, 0, 0]])).tolist() == [[0, 0, 0]]


def test_washing_without_a_fee_or_volume_has_no_best() -> None:
    with pytest.raises(InvalidInputError, match="needs a fee"):
        best_wash(ints([1]), ints([1]), 0)
    with pytest.raises(InvalidInputError, match="needs a fee"):
        best_wash(ints([1]), ints([0]), 1)
