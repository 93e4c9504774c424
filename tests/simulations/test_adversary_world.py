from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.apportion import Int64s
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.errors import UnsoundRuleError
from headwater_attribution.rules import (
    BY_ROWS,
    CAUSES,
    RULES,
    RewardRule,
    RuleParameters,
    pay_causes,
)
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary import world
from headwater_simulations.adversary.arena import MAX_PARTS, MAX_ROWS, MAX_WASH, Arena
from headwater_simulations.adversary.books import Books
from headwater_simulations.adversary.conduct import HONEST, Conduct, stack
from headwater_simulations.adversary.deviations import (
    DEVIATIONS,
    Collude,
    Copy,
    FarmPrior,
    FreeRide,
    Noise,
    Split,
    Wash,
    conduct_of,
)
from headwater_simulations.adversary.evidence import (
    COPY,
    NOISE,
    ORIGINAL,
    SLOTS,
    Passages,
    quoted_words,
    shares,
    taken_out,
    unchanged_words,
)
from headwater_simulations.adversary.nature import draw_nature, draw_queries
from headwater_simulations.adversary.rows import hand_in
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.draws import Draws
from headwater_simulations.errors import (
    ConservationError,
    HiddenColumnError,
    NothingEarnedError,
)

SMALL = Arena(authors=6, members=2, rows=4, epochs=2, queries=12)
HALF = PARTS // 2

conducts = st.builds(
    Conduct,
    identities=st.integers(1, MAX_PARTS),
    joined=st.integers(1, 3),
    unwritten=st.integers(0, PARTS),
    copied=st.integers(0, PARTS),
    copy_edit=st.integers(0, PARTS),
    restated=st.integers(0, PARTS),
    restate_edit=st.integers(0, PARTS),
    noise=st.integers(0, MAX_ROWS),
    filler=st.integers(0, MAX_ROWS),
    wash=st.integers(0, MAX_WASH),
    wash_price=st.integers(1, PARTS),
)


def gain(*strategy: object, rule: RewardRule = CAUSES, arena: Arena = SMALL) -> float:
    conduct = conduct_of(strategy)  # type: ignore[arg-type]
    return float(Ring(arena, rule, 1, 0, 60).trial([conduct]).gains[0])


def passages(
    accounts: list[int],
    scores: list[int],
    *,
    in_star: bool = False,
    follows: bool = False,
    new: bool = True,
    edit: int = 0,
) -> Passages:
    names = [a if s else NO_ACCOUNT for a, s in zip(accounts, scores, strict=True)]
    return Passages(
        np.array(names, dtype=np.int64).reshape(SLOTS, 1, 1),
        np.array(scores, dtype=np.int64).reshape(SLOTS, 1, 1),
        np.array([[in_star]]),
        np.array([[follows]]),
        np.full((2, 1, 1), new),
        unchanged_words(np.array([[edit]], dtype=np.int64)),
    )


def test_shares_worked_by_hand() -> None:
    answer = passages([0, 1, 2, 3, 4], [800, 400, 200, 0, 0])
    assert taken_out(answer)[:, 0, 0].tolist() == [PARTS // 2, PARTS // 3, 0, 0, 0]
    assert quoted_words(answer)[:, 0, 0].tolist() == [HALF, HALF, 0, 0, 0]
    parts, low = shares(answer)
    assert parts[:, 0, 0].tolist() == [HALF, (PARTS // 3 + HALF) // 2, 0, 0, 0]
    assert low[:, 0, 0].tolist() == [HALF, PARTS // 3, 0, 0, 0]


def test_two_rows_of_one_account_are_taken_out_together() -> None:
    apart = taken_out(passages([0, 1, 2, 3, 4], [800, 500, 450, 0, 0])).sum()
    together = taken_out(passages([0, 0, 2, 3, 4], [800, 500, 450, 0, 0]))[:, 0, 0]
    assert together[:2].sum() == pytest.approx(PARTS * (1300 - 450) / 1300, abs=2)
    assert together.sum() > apart


def test_a_row_far_below_the_best_is_not_quoted() -> None:
    answer = passages([0, 1, 2, 3, 4], [800, 399, 200, 0, 0])
    assert taken_out(answer)[:, 0, 0].tolist() == [(800 - 399 - 200) * PARTS // 800, 0, 0, 0, 0]
    assert quoted_words(answer)[:, 0, 0].tolist() == [PARTS, 0, 0, 0, 0]


def test_a_copy_that_says_nothing_of_its_own_neither_earns_nor_takes() -> None:
    alone = shares(passages([0, 1, 2, 3, 4], [800, 500, 200, 0, 0]))
    copied = shares(passages([0, 1, 2, 3, 4], [800, 500, 200, 900, 0], follows=True, edit=HALF))
    for mine, theirs in zip(alone, copied, strict=True):
        assert mine[:, 0, 0].tolist() == theirs[:, 0, 0].tolist()
    deserted = passages([0, 1, 2, 3, 4], [0, 500, 200, 900, 0], follows=True, edit=HALF)
    assert taken_out(deserted)[COPY, 0, 0] > 0


def test_who_says_nothing_more_than_the_subjects_author_is_quoted_only_without_it() -> None:
    answer = passages([0, 1, 2, 3, 4], [800, 500, 450, 0, 0], new=False)
    assert quoted_words(answer)[:, 0, 0].tolist() == [PARTS, 0, 0, 0, 0]
    without = passages([0, 1, 2, 3, 4], [0, 500, 450, 0, 0], new=False)
    assert quoted_words(without)[:, 0, 0].tolist() == [0, HALF, HALF, 0, 0]


def test_words_of_an_unedited_copy_belong_to_the_original() -> None:
    exact = quoted_words(passages([0, 1, 2, 3, 4], [800, 0, 0, 790, 0]))
    assert exact[:, 0, 0].tolist() == [PARTS, 0, 0, 0, 0]
    edited = quoted_words(passages([0, 1, 2, 3, 4], [800, 0, 0, 790, 0], edit=HALF))
    assert edited[COPY, 0, 0] == pytest.approx(HALF * (1 - 0.5**8), rel=1e-6)
    recognised = taken_out(passages([0, 1, 2, 3, 4], [800, 0, 0, 790, 0], in_star=True))
    assert recognised[:, 0, 0].tolist() == [PARTS, 0, 0, 0, 0]


@given(
    scores=st.lists(st.integers(0, 1_000), min_size=SLOTS, max_size=SLOTS),
    accounts=st.lists(st.integers(0, 3), min_size=SLOTS, max_size=SLOTS),
)
def test_leave_one_out_is_what_a_plain_loop_finds(scores: list[int], accounts: list[int]) -> None:
    found = taken_out(passages(accounts, scores))[:, 0, 0]

    def answer_score(without: int | None) -> int:
        left = [s for s, a in zip(scores, accounts, strict=True) if a != without]
        best = sorted(left, reverse=True)[:2]
        return sum(s for s in best if 2 * s >= max(best))

    drops = {a: answer_score(None) - answer_score(a) for a in set(accounts)}
    present = {a for a, s in zip(accounts, scores, strict=True) if s}
    whole = max(1, answer_score(None), sum(drops[a] for a in present))
    for account in present:
        mine = sum(int(f) for f, a in zip(found, accounts, strict=True) if a == account)
        assert mine == pytest.approx(drops[account] * PARTS / whole, abs=SLOTS + 1)
    assert found.sum() <= PARTS


@settings(max_examples=25, deadline=None)
@given(conduct=conducts, rule=st.sampled_from(list(RULES.values())))
def test_money_is_conserved_whatever_a_coalition_does(conduct: Conduct, rule: RewardRule) -> None:
    arena = replace(SMALL, stake=500, audit=HALF, cost_identity=30)
    ring = Ring(arena, rule, 3, 0, 4)
    trial = ring.trial([conduct])
    low, high, most = ring.limits(conduct)
    assert (trial.net >= low).all()
    assert (trial.net <= high).all()
    assert (ring.honest_pay <= most).all()


def test_honest_play_gains_exactly_nothing() -> None:
    for rule in RULES.values():
        assert gain(rule=rule) == 0
        assert (Ring(SMALL, rule, 1, 0, 5).trial([HONEST]).excess(0) == 0).all()


@pytest.mark.parametrize("side_by_side", [1, 7, 40])
def test_a_trial_is_the_same_for_any_batch_size(side_by_side: int) -> None:
    tried = [conduct_of((deviation(*_mildest(deviation)),)) for deviation in DEVIATIONS]
    whole = Ring(SMALL, CAUSES, 5, 3, 9).trial(tried)
    pieces = Ring(SMALL, CAUSES, 5, 3, 9, side_by_side).trial(tried)
    alone = Ring(SMALL, CAUSES, 5, 3, 9).trial(tried[3:4])
    assert (whole.net == pieces.net).all()
    assert (whole.honest_pay == pieces.honest_pay).all()
    assert (alone.net[0] == whole.net[3]).all()


def _mildest(deviation: type) -> list[int]:
    return [each.mildest for each in deviation.dimensions]  # type: ignore[attr-defined]


def test_the_rule_reads_public_columns_only() -> None:
    draws = Draws(1, np.arange(3))
    rows = hand_in(SMALL, stack([HONEST], SMALL), draw_nature(SMALL, draws))
    expelled = np.zeros((1, 3, SMALL.members * MAX_PARTS), dtype=np.bool_)
    columns = world._columns(SMALL, rows, expelled)
    public = columns.public()
    assert set(public) == {"rows"}
    for name in world.HIDDEN:
        with pytest.raises(HiddenColumnError, match=name):
            public[name]


def test_identities_of_the_coalition_share_a_controller() -> None:
    draws = Draws(1, np.arange(3))
    rows = hand_in(SMALL, stack([conduct_of((Split(4),))], SMALL), draw_nature(SMALL, draws))
    expelled = np.zeros((1, 3, SMALL.members * MAX_PARTS), dtype=np.bool_)
    controller = world._columns(SMALL, rows, expelled)["controller"][0]
    own = SMALL.members * MAX_PARTS
    assert set(controller[:own].tolist()) == {0}
    assert len(set(controller[own:].tolist())) == SMALL.authors - SMALL.members
    assert (rows.accepted[0, :, :own] > 0).sum(axis=1).max() == 8


def test_the_rule_is_called_once_an_epoch_with_all_worlds() -> None:
    seen = []

    def counted(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        seen.append(columns.worlds)
        return pay_causes(columns, parameters)

    ring = Ring(SMALL, RewardRule("counted/1", "counted", True, counted), 1, 0, 5)
    ring.trial([HONEST] * 3)
    assert seen == [5, 5, 15, 15]


def test_splitting_brings_nothing_under_the_shipped_rule() -> None:
    assert gain(Split(8)) == pytest.approx(0, abs=0.01)


def test_filler_pays_where_rows_are_paid_and_only_there() -> None:
    assert gain(FarmPrior(400), rule=BY_ROWS) > 0.5
    assert gain(FarmPrior(400)) < 0
    assert gain(Noise(400), rule=BY_ROWS) > gain(Noise(400))


def test_what_is_not_written_is_not_paid() -> None:
    assert gain(FreeRide(PARTS)) < gain(FreeRide(HALF)) < 0
    everything = Ring(SMALL, CAUSES, 1, 0, 20)
    nothing = everything.trial([conduct_of((FreeRide(PARTS),))])
    assert (nothing.net == 0).all()


def test_a_copier_gains_by_escaping_likeness() -> None:
    blind = replace(SMALL, dedup_recall=0)
    assert gain(Copy(PARTS, 0)) < 0.05
    assert gain(Copy(PARTS, HALF), arena=blind) > gain(Copy(PARTS, 0), arena=blind)
    assert gain(Copy(PARTS, PARTS * 6 // 10)) > gain(Copy(PARTS, PARTS // 10))


def test_recognised_copies_that_get_in_stand_in_the_star_of_their_original() -> None:
    open_door = replace(SMALL, admission=False, dedup_recall=PARTS)
    assert gain(Copy(PARTS, 0), arena=open_door) < 0.05
    assert gain(Copy(PARTS, 0), rule=RULES["influence/1"], arena=open_door) > 0.1


def test_copying_pays_where_a_question_does_not_show_it() -> None:
    reworded = Copy(PARTS, PARTS * 6 // 10)
    assert gain(reworded, arena=replace(SMALL, precedence=0)) > 0.2
    assert gain(reworded, arena=replace(SMALL, precedence=PARTS, stray_reach=0)) < 0.02


def test_two_who_stand_as_one_show_more_than_each_alone() -> None:
    assert gain(Collude(2)) > 0


def test_washing_costs_what_others_take_of_it() -> None:
    arena = replace(SMALL, false_refusal=0)
    ring = Ring(arena, CAUSES, 1, 0, 30)
    bought = ring.trial([conduct_of((Wash(10, PARTS),))])
    lost = (ring.honest_net - bought.net[0]) / (10 * arena.epochs * arena.price)
    assert lost.mean() == pytest.approx(1 - arena.contributors_share / PARTS, abs=0.001)


def test_an_audit_takes_the_stake_of_who_copies_and_of_nobody_honest() -> None:
    audited = replace(SMALL, stake=10_000, audit=PARTS)
    plain = replace(SMALL, stake=0, audit=0)
    copy = Copy(PARTS, PARTS * 6 // 10)
    assert gain(copy, arena=audited) < gain(copy, arena=plain) - 0.5
    assert (
        Ring(audited, CAUSES, 1, 0, 9).honest_net == Ring(plain, CAUSES, 1, 0, 9).honest_net
    ).all()


def test_books_that_do_not_balance_are_caught() -> None:
    books = Books((1, 1), 2)
    books.pay_out(np.ones((1, 1, 2), dtype=np.int64), np.zeros((1, 1), dtype=np.int64))
    with pytest.raises(ConservationError):
        books.check()


def test_a_rule_that_makes_money_is_refused_and_one_that_pays_nothing_has_no_unit() -> None:
    def twice(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        return cast(Int64s, 2 * columns.charges[:, :, None] * (columns.accounts >= 0))

    def nothing(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        return np.zeros_like(columns.rows)

    with pytest.raises(UnsoundRuleError):
        Ring(SMALL, RewardRule("twice/1", "twice", True, twice), 1, 0, 2)
    with pytest.raises(NothingEarnedError):
        Ring(SMALL, RewardRule("nothing/1", "nothing", False, nothing), 1, 0, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"members": 0},
        {"members": 5},
        {"rows": 0},
        {"queries": 0},
        {"price": -1},
        {"dedup_recall": PARTS + 1},
        {"blind_at": 0},
        {"cap_identities": MAX_PARTS + 1},
        {"stake": 2**31},
    ],
)
def test_an_arena_that_makes_no_sense_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_a_conduct_beyond_what_an_arena_has_room_for_is_refused() -> None:
    for wrong in (Split(MAX_PARTS + 1), Noise(MAX_ROWS + 1), Wash(MAX_WASH + 1, PARTS)):
        with pytest.raises(InvalidInputError):
            conduct_of((wrong,))
    with pytest.raises(InvalidInputError):
        Ring(SMALL, CAUSES, 1, 0, 1).trial([])


def test_slots_keep_their_meaning() -> None:
    draws = Draws(1, np.arange(2))
    queries = draw_queries(SMALL, draws, 0)
    assert (queries.author[:, SMALL.queries :, 0] < SMALL.members).all()
    assert all(len(set(three)) == 3 for three in queries.author.reshape(-1, 3).tolist())
    assert (ORIGINAL, COPY, NOISE) == (0, 3, 4)
