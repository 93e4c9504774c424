from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.valuation import (
    banzhaf,
    by_cluster,
    coverage_game,
    jaccard,
    knn_shapley,
    leave_one_out,
    members,
    neighbour_game,
    normalised,
    robust_shapley,
    shapley,
)
from headwater_payments.errors import InvalidInputError

Floats = npt.NDArray[np.float64]


def floats(values: object) -> Floats:
    return np.array(values, dtype=np.float64)


def bools(values: object) -> npt.NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)


GLOVES = floats([[0, 0, 0, 0, 0, 1, 1, 1]])
"""Players 0 and 1 have a left glove each, player 2 the right one: a pair is worth 1."""


def test_the_glove_game_has_the_values_of_the_textbook() -> None:
    assert shapley(GLOVES)[0] == pytest.approx([1 / 6, 1 / 6, 4 / 6])
    assert banzhaf(GLOVES)[0] == pytest.approx([1 / 4, 1 / 4, 3 / 4])
    assert leave_one_out(GLOVES)[0].tolist() == [0, 0, 1]
    assert normalised(banzhaf(GLOVES))[0] == pytest.approx([0.2, 0.2, 0.6])


def test_worlds_do_not_touch_each_other() -> None:
    both = np.concatenate((GLOVES, GLOVES * 3))
    assert shapley(both)[1] == pytest.approx(3 * shapley(GLOVES)[0])


@given(st.lists(st.floats(-10, 10), min_size=15, max_size=15))
def test_shapley_is_the_mean_over_all_orders_of_arrival(worths: list[float]) -> None:
    table = [0.0, *worths]
    total = np.zeros(4)
    for order in permutations(range(4)):
        there = 0
        for player in order:
            total[player] += table[there | 1 << player] - table[there]
            there |= 1 << player
    found = shapley(floats([table]))[0]
    assert found == pytest.approx(total / 24, abs=1e-9)
    assert found.sum() == pytest.approx(table[-1], abs=1e-9)


def test_a_game_is_a_full_table() -> None:
    for shape in ((1, 3), (1, 1), (4,), (1, 2**17)):
        with pytest.raises(InvalidInputError, match="table"):
            shapley(np.zeros(shape))
    with pytest.raises(InvalidInputError, match="players"):
        members(17)


def test_a_worthless_game_has_no_shares() -> None:
    assert normalised(floats([[0.0, -1.0]])).tolist() == [[0, 0]]


# Nearest neighbours


def test_three_neighbours_worked_by_hand() -> None:
    # Nearest first: right, wrong, right, and K = 1.
    # s3 = 1/3; s2 = 1/3 + (0 - 1)/1 x 1/2 = -1/6; s1 = -1/6 + (1 - 0)/1 x 1 = 5/6; the sum is 1.
    values = knn_shapley(floats([[[1, 2, 3]]]), bools([[[1, 0, 1]]]), nearest=1)
    assert values[0, 0] == pytest.approx([5 / 6, -1 / 6, 1 / 3])
    # K = 2: s3 = 1/3; s2 = 1/3 - 1/2 = -1/6; s1 = -1/6 + 1/2 = 1/3; the sum is v = 1/2.
    two = knn_shapley(floats([[[1, 2, 3]]]), bools([[[1, 0, 1]]]), nearest=2)
    assert two[0, 0] == pytest.approx([1 / 3, -1 / 6, 1 / 3])


def test_values_stand_where_their_points_stand() -> None:
    values = knn_shapley(floats([[[3, 1, 2]]]), bools([[[1, 1, 0]]]), nearest=1)
    assert values[0, 0] == pytest.approx([1 / 3, 5 / 6, -1 / 6])


@given(
    st.lists(st.tuples(st.floats(0, 9), st.booleans()), min_size=1, max_size=8), st.integers(1, 10)
)
def test_the_recursion_is_the_shapley_value_of_the_classifier(
    points: list[tuple[float, bool]], nearest: int
) -> None:
    distances = floats([[distance for distance, _ in points]])
    right = bools([[is_right for _, is_right in points]])
    exact = shapley(neighbour_game(distances, right, nearest))
    closed = knn_shapley(distances[:, None], right[:, None], nearest)[:, 0]
    assert closed == pytest.approx(exact, abs=1e-9)


def test_neighbours_of_no_shape_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="K >= 1"):
        knn_shapley(floats([[[1.0]]]), bools([[[1]]]), nearest=0)
    with pytest.raises(InvalidInputError, match="K >= 1"):
        neighbour_game(floats([[1.0]]), bools([[1, 0]]), nearest=1)


# Copies

OWNS = bools([[[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]])


def test_coverage_counts_what_somebody_owns_once() -> None:
    assert coverage_game(OWNS)[0].tolist() == [0, 2, 2, 3, 1, 3, 3, 4]
    weighted = coverage_game(OWNS, floats([1, 10, 100, 1000]))
    assert weighted[0, -1] == 1111
    # A shared item is halved under Shapley.
    assert shapley(weighted)[0] == pytest.approx([6, 105, 1000])


def test_the_robust_value_halves_a_copied_point() -> None:
    copied = np.concatenate((OWNS, OWNS[:, :1]), axis=1)
    value = shapley(coverage_game(copied))
    alike = jaccard(copied)
    assert alike[0, 0] == pytest.approx([1, 1 / 3, 0, 1])
    robust = robust_shapley(value, alike)
    assert robust[0, 2] == value[0, 2]
    assert robust[0, 0] == pytest.approx(value[0, 0] * 2 ** -(1 + 1 / 3))


@given(st.data())
def test_clusters_that_see_the_copies_leave_them_nothing(data: st.DataObject) -> None:
    items, sellers = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    row = st.lists(st.booleans(), min_size=items, max_size=items)
    owns = bools([data.draw(st.lists(row, min_size=sellers, max_size=sellers))])
    copies = data.draw(st.integers(1, 4))
    copied = np.concatenate((owns, np.repeat(owns[:, :1], copies, axis=1)), axis=1)
    clusters = np.array([*range(sellers), *[0] * copies])
    quotient = by_cluster(copied, clusters)
    assert (quotient == owns).all()
    assert (shapley(coverage_game(quotient)) == shapley(coverage_game(owns))).all()


def test_shapes_and_clusters_that_disagree_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="gaps"):
        by_cluster(OWNS, np.array([0, 2, 2]))
    with pytest.raises(InvalidInputError, match="number the players"):
        by_cluster(OWNS, np.array([0, 1]))
    with pytest.raises(InvalidInputError, match="penalty"):
        robust_shapley(np.ones((1, 3)), np.ones((1, 3, 2)))
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        robust_shapley(np.ones((1, 3)), np.full((1, 3, 3), 2.0))
    with pytest.raises(InvalidInputError, match="worth"):
        coverage_game(OWNS, floats([1.0]))
