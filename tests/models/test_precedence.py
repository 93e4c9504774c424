from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from headwater_models.bm25 import Hit
from headwater_models.precedence import COVERED, WITHIN, followers

WORTH = {"rain": 2.0, "water": 1.0, "fallen": 1.0, "gauge": 1.0}


def following(rows: Mapping[int, tuple[int, set[str]]]) -> dict[int, int]:
    """Who follows whom of rows by position, each with its score and stems."""
    hits = [Hit(position, score) for position, (score, _) in rows.items()]
    return dict(followers(hits, WORTH, lambda position: rows[position][1]))


def test_a_later_row_that_says_the_same_follows_the_earlier() -> None:
    assert following({3: (900, {"rain", "water"}), 1: (800, {"rain", "water", "tube"})}) == {3: 1}


def test_what_is_new_to_the_question_makes_a_row_stand() -> None:
    assert following({1: (800, {"rain"}), 3: (900, {"rain", "water"})}) == {}


def test_words_that_nobody_asked_for_make_no_row_new() -> None:
    assert following({1: (800, {"rain"}), 3: (900, {"rain", "anything", "else"})}) == {3: 1}


def test_a_later_row_that_scores_far_more_stands() -> None:
    assert following({1: (700, {"rain"}), 3: (1_001, {"rain"})}) == {}
    assert following({1: (700, {"rain"}), 3: (1_000, {"rain"})}) == {3: 1}


def test_nobody_follows_a_follower() -> None:
    chain = {
        1: (500, {"rain", "water", "fallen", "gauge"}),
        2: (700, {"rain", "water", "fallen"}),
        3: (1_000, {"rain", "water"}),
    }
    assert following(chain) == {2: 1}


def test_of_several_a_row_follows_the_one_that_holds_most_then_the_earliest() -> None:
    rows = {
        1: (900, {"rain", "water"}),
        2: (900, {"rain", "fallen", "gauge"}),
        3: (900, {"rain", "fallen", "gauge"}),
        4: (900, {"rain", "fallen", "gauge"}),
    }
    assert following(rows) == {3: 2, 4: 2}


@given(
    st.dictionaries(
        st.integers(0, 30),
        st.tuples(st.integers(1, 1_000), st.sets(st.sampled_from([*WORTH, "tube"]))),
        max_size=12,
    )
)
def test_who_follows_says_nothing_new_and_whom_it_follows_came_before(
    rows: dict[int, tuple[int, set[str]]],
) -> None:
    found = following(rows)
    for later, earlier in found.items():
        assert earlier < later
        assert earlier not in found
        score, stems = rows[later]
        said = {stem: WORTH[stem] for stem in stems & WORTH.keys()}
        before = sum(worth for stem, worth in said.items() if stem in rows[earlier][1])
        assert before >= COVERED * sum(said.values()) - 1e-9
        assert rows[earlier][0] >= WITHIN * score
