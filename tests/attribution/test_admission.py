import random
import time
from collections.abc import Callable

import pytest
from attribution.standard_library import standard_library

from headwater_attribution.admission import AdmissionDesk, Contribution, Verdict, admit
from headwater_attribution.canonical import words
from headwater_payments.address import parse_address

CHEATER = parse_address("0x" + "c4" * 20)
HONEST: tuple[Contribution, ...] = standard_library()
TEXT_WORDS = sorted({word for each in HONEST for row in each.rows for word in words(row)})
CONNECTIVES = ["the", "of", "a", "to", "and", "in", "is", "for", "that", "with", "by", "an"]


@pytest.fixture(scope="module")
def honest_verdicts() -> list[Verdict]:
    return admit(HONEST)


def cheat(rows: list[str]) -> list[Verdict]:
    """The verdicts on `rows`, submitted after the whole honest corpus."""
    desk = AdmissionDesk()
    for each in HONEST:
        desk.review(each)
    return desk.review(Contribution(9_999, CHEATER, "MIT", tuple(rows)))


def accepted_share(verdicts: list[Verdict]) -> float:
    return sum(verdict.accepted for verdict in verdicts) / len(verdicts)


def victim(rows: int) -> Contribution:
    return next(each for each in HONEST if len(each.rows) >= rows)


def near_copy(rows: tuple[str, ...], replaced: float, shuffle: bool, seed: int) -> list[str]:
    """Rows with a share of their words replaced at random, and the rest shuffled or in order."""
    draw = random.Random(seed)
    copies = []
    for row in rows:
        kept = [draw.choice(TEXT_WORDS) if draw.random() < replaced else w for w in words(row)]
        if shuffle:
            draw.shuffle(kept)
        copies.append(" ".join(kept))
    return copies


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(HONEST) >= 60
    assert sum(len(each.rows) for each in HONEST) >= 1_500


def test_honest_rows_nearly_all_pass(honest_verdicts: list[Verdict]) -> None:
    assert accepted_share(honest_verdicts) >= 0.95
    own_fault = [v for v in honest_verdicts if not v.accepted and v.similar_to is None]
    assert len(own_fault) / len(honest_verdicts) <= 0.03


def test_refused_honest_rows_name_an_earlier_row_they_repeat(
    honest_verdicts: list[Verdict],
) -> None:
    by_number = {each.contribution_id: each for each in HONEST}
    named = [v for v in honest_verdicts if v.similar_to is not None]
    assert named
    for verdict in named:
        assert verdict.similar_to is not None
        assert verdict.similar_to < verdict.ref
        earlier = by_number[verdict.similar_to.contribution_id].rows[verdict.similar_to.row]
        mine = by_number[verdict.ref.contribution_id].rows[verdict.ref.row]
        assert set(words(earlier)) & set(words(mine))


def test_an_exact_copy_of_a_contribution_is_refused_row_by_row() -> None:
    verdicts = cheat(list(victim(40).rows))
    assert accepted_share(verdicts) == 0
    assert {v.rule for v in verdicts} & {"same-text/1"}


def test_an_invisible_edit_does_not_make_a_new_row() -> None:
    rows = [row.replace("e", "\u0435").replace(" ", " \u200b") for row in victim(40).rows]
    assert accepted_share(cheat(rows)) == 0


@pytest.mark.parametrize("replaced", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
def test_a_near_copy_is_refused_almost_whole(replaced: float, shuffle: bool) -> None:
    desk = AdmissionDesk()
    for each in HONEST:
        desk.review(each)
    shares = []
    victims = [each for each in HONEST if len(each.rows) >= 20]
    for number, each in enumerate(victims[:6]):
        rows = tuple(near_copy(each.rows, replaced, shuffle, seed=number))
        shares.append(
            accepted_share(desk.review(Contribution(9_000 + number, CHEATER, "MIT", rows)))
        )
    assert sum(shares) / len(shares) <= (0.05 if replaced < 0.3 else 0.10)


LATIN = ("lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "do")


def lorem(draw: random.Random) -> str:
    return " ".join(draw.choice(LATIN) for _ in range(20))


def form(draw: random.Random) -> str:
    return (
        f"This is a very useful and important piece of information about "
        f"{draw.choice(TEXT_WORDS)} that everyone should know and use."
    )


def salad(draw: random.Random) -> str:
    return " ".join(
        draw.choice(CONNECTIVES if draw.random() < 0.35 else TEXT_WORDS) for _ in range(25)
    )


def keywords(draw: random.Random) -> str:
    return " ".join(draw.choice(TEXT_WORDS) for _ in range(25))


def one_keyword(draw: random.Random) -> str:
    return " and the ".join([draw.choice(TEXT_WORDS)] * 8)


def bait(draw: random.Random) -> str:
    return " ".join(f"how to {draw.choice(TEXT_WORDS)} a file in python" for _ in range(4))


def punctuation(draw: random.Random) -> str:
    return "=-=-= the =-=-= 12 345 678 910 of ### *** !!! " * 2 + str(draw.random())


@pytest.mark.parametrize("make", [lorem, form, salad, keywords, one_keyword, bait, punctuation])
def test_filler_and_stuffing_are_refused(make: Callable[[random.Random], str]) -> None:
    draw = random.Random(7)
    assert accepted_share(cheat([make(draw) for _ in range(40)])) <= 0.05


def test_verdicts_do_not_depend_on_what_comes_later(honest_verdicts: list[Verdict]) -> None:
    first = HONEST[:30]
    rows = sum(len(each.rows) for each in first)
    assert admit(first) == honest_verdicts[:rows]


def test_two_thousand_rows_are_judged_in_under_five_seconds() -> None:
    some, rows = [], 0
    for each in HONEST:
        if rows < 2_000:
            some.append(each)
            rows += len(each.rows)
    assert rows >= 1_500
    started = time.process_time()
    admit(some)
    assert time.process_time() - started < 5


def test_every_refusal_gives_a_sentence(honest_verdicts: list[Verdict]) -> None:
    for verdict in honest_verdicts:
        assert verdict.reason[0].isupper()
        assert verdict.reason.endswith(".")
        assert "/" in verdict.rule
