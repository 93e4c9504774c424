"""Each deviation pays where its door is open, and not where it is shut."""

from dataclasses import replace

import numpy as np
import pytest

from headwater_attribution.rules import BY_ROWS, CAUSES, RewardRule
from headwater_payments.split import PARTS
from headwater_simulations.adversary import (
    DEVIATIONS,
    Arena,
    Budget,
    Copy,
    Deviation,
    Fabricate,
    Grief,
    GrindSeeds,
    OmitReceipts,
    Poison,
    Schedule,
    Space,
    Split,
    Squat,
    Verdict,
    Wash,
    Whitewash,
    attack,
    possible,
)
from headwater_simulations.adversary.conduct import stack
from headwater_simulations.adversary.deviations import conduct_of, fitted
from headwater_simulations.adversary.flaws import Usage
from headwater_simulations.adversary.open_markets import DOORS
from headwater_simulations.adversary.planted import FLAWS, flawed
from headwater_simulations.adversary.squatting import FEWEST_WORDS, MOST_WORDS, squats
from headwater_simulations.adversary.trial import Ring, Trial

HALF = PARTS // 2
REWORDED = Copy(PARTS, PARTS * 6 // 10)
BY_USAGE = RewardRule("usage/test", "usage", False, Usage(HALF))
OPERATED = Arena(operator=True)
TINY = Budget(
    candidates=192,
    generation=32,
    search_worlds=6,
    shortlist=8,
    pick_worlds=30,
    finalists=2,
    proof_worlds=600,
    tolerance=0.15,
)


def tried(arena: Arena, *deviations: Deviation, rule: RewardRule = CAUSES) -> Trial:
    return Ring(arena, rule, 1, 0, 60).trial([conduct_of(deviations)])


def gain(arena: Arena, *deviations: Deviation, rule: RewardRule = CAUSES) -> float:
    return float(tried(arena, *deviations, rule=rule).gains[0])


def test_squatting_pays_who_sees_rows_beforehand_and_nobody_else() -> None:
    seen = Arena(foreseen=PARTS)
    squat = Squat(PARTS, 8)
    assert gain(seen, squat) > 0.5
    assert gain(replace(seen, foreseen=PARTS // 10), squat) < gain(seen, squat) / 4
    assert gain(replace(seen, foreseen=0), squat) == 0
    assert gain(replace(seen, admission=False), squat) < gain(seen, squat)
    assert tried(seen, squat).damages[0] > 0.5


def test_the_more_words_a_line_takes_the_more_it_gets() -> None:
    seen = Arena(foreseen=PARTS)
    gains = [gain(seen, Squat(PARTS, words)) for words in (FEWEST_WORDS, 8, MOST_WORDS)]
    assert gains == sorted(gains)
    measured = squats(np.array([0, FEWEST_WORDS, 7, MOST_WORDS]))
    assert measured.blocks[0] == measured.scores[0] == 0
    assert (np.diff(measured.blocks) > 0).all()
    assert measured.blocks.max() <= PARTS


def test_false_statements_pay_where_a_question_does_not_show_them() -> None:
    assert gain(Arena(precedence=0), Poison(PARTS)) > 0.5
    assert gain(Arena(), Poison(PARTS)) < 0.1
    assert gain(Arena(precedence=0, poison_recall=PARTS), Poison(PARTS)) < 0


def test_buyers_who_got_false_answers_leave_the_subject() -> None:
    base = Arena(epochs=4, precedence=0)
    leaving, staying = (replace(base, turnoff=turnoff) for turnoff in (PARTS, 0))
    assert tried(leaving, Poison(PARTS)).damages[0] > tried(staying, Poison(PARTS)).damages[0]
    assert gain(leaving, Poison(PARTS)) < gain(staying, Poison(PARTS))


def test_who_comes_back_under_a_new_name_pays_only_a_low_stake() -> None:
    lenient = Arena(epochs=6, audit=HALF, precedence=0, stake=500)
    assert gain(lenient, REWORDED) < 0.1
    assert gain(lenient, REWORDED, Whitewash(1)) > gain(lenient, REWORDED, Whitewash(4)) > 0.1
    strict = replace(lenient, stake=10_000)
    assert gain(strict, REWORDED, Whitewash(1)) < 0
    dear = replace(lenient, cost_identity=10_000)
    assert gain(dear, REWORDED, Whitewash(1)) < 0


def test_accusing_the_honest_pays_where_courts_err_and_cases_are_cheap() -> None:
    court = Arena(stake=10_000)
    err = replace(court, court_error=HALF)
    assert gain(err, Grief(8)) > 0.5
    assert gain(court, Grief(8)) < 0
    assert gain(replace(court, challenge_bond=0, court_error=0), Grief(8)) == 0
    # Of a stake that is taken the accuser gets two fifths, and the accused lose all of it.
    free = tried(replace(err, challenge_bond=0), Grief(8))
    assert free.damages[0] == pytest.approx(free.gains[0] / 0.4)


def test_leaving_receipts_out_pays_where_a_pool_is_divided_and_harms_everywhere() -> None:
    assert gain(OPERATED, OmitReceipts(PARTS), rule=BY_USAGE) > 0.2
    left_out = tried(OPERATED, OmitReceipts(PARTS))
    assert left_out.gains[0] <= 0
    assert left_out.damages[0] > 0.5
    assert gain(Arena(), OmitReceipts(PARTS), rule=BY_USAGE) == 0


def test_made_up_evidence_pays_an_operator_whom_nobody_checks() -> None:
    assert gain(OPERATED, Fabricate(PARTS)) > 0.5
    assert gain(OPERATED, Fabricate(PARTS // 10)) > 0.05
    checked = replace(OPERATED, recompute=PARTS // 10, operator_bond=40_000)
    assert gain(checked, Fabricate(PARTS)) < 0
    assert gain(checked, Fabricate(PARTS // 100)) < 0
    assert gain(Arena(), Fabricate(PARTS)) == 0


def test_an_operator_who_is_caught_is_not_believed_again_and_the_epoch_is_put_right() -> None:
    checked = Arena(operator=True, recompute=PARTS, operator_bond=7_000)
    ring = Ring(checked, CAUSES, 1, 0, 20)
    trial = ring.trial([conduct_of((Fabricate(PARTS),))])
    assert (ring.honest_net - trial.net[0] == 7_000).all()
    assert (trial.others[0] == ring.honest_others).all()


def test_choosing_the_seed_pays_while_it_is_made_of_the_receipts_alone() -> None:
    early = Arena(
        operator=True, late_seed=False, recompute=PARTS // 50, operator_bond=30_000, epochs=2
    )
    fabricate, grind = Fabricate(PARTS // 5), GrindSeeds(16)
    assert gain(early, fabricate, grind) > 0.1 > gain(early, fabricate)
    late = replace(early, late_seed=True)
    assert gain(late, fabricate, grind) == gain(late, fabricate)


def test_an_operators_own_income_counts_and_its_washing_costs_what_the_platform_takes() -> None:
    arena = replace(OPERATED, false_refusal=0)
    assert Ring(arena, CAUSES, 1, 0, 20).honest_pay.mean() > arena.epochs * arena.queries * 300
    ring = Ring(arena, CAUSES, 1, 0, 30)
    bought = ring.trial([conduct_of((Wash(10, PARTS),))])
    lost = (ring.honest_net - bought.net[0]) / (10 * arena.epochs * arena.price)
    assert lost.mean() == pytest.approx(arena.platform_share / PARTS, abs=0.001)


def test_the_last_epoch_is_the_one_to_cheat_in_where_only_the_future_is_at_stake() -> None:
    final = Arena(epochs=4, audit=PARTS, precedence=0, cost_reworded=4)
    assert gain(final, REWORDED) < 0 < gain(final, REWORDED, Schedule(4, 1))
    assert gain(final, REWORDED, Schedule(4, 1)) > gain(final, REWORDED, Schedule(1, 1))
    staked = replace(final, stake=10_000)
    assert gain(staked, REWORDED, Schedule(4, 1)) < 0


def test_a_schedule_of_everything_is_no_schedule_and_before_it_begins_all_is_honest() -> None:
    arena = Arena(epochs=3)
    always, later = conduct_of((REWORDED,)), conduct_of((REWORDED, Split(4), Schedule(2, 1)))
    ring = Ring(arena, CAUSES, 1, 0, 20)
    whole = ring.trial([conduct_of((REWORDED, Schedule(1, 8))), always])
    assert (whole.net[0] == whole.net[1]).all()
    conducts = stack([later], arena)
    assert [int(conducts.in_epoch(epoch).copied[0]) for epoch in range(3)] == [0, PARTS, 0]
    assert [int(conducts.in_epoch(epoch).identities[0]) for epoch in range(3)] == [1, 4, 1]


def test_a_conduct_gains_the_same_whatever_stands_beside_it() -> None:
    doors = Arena(operator=True, late_seed=False, foreseen=HALF)
    arena = replace(doors, epochs=3, audit=HALF, stake=900, recompute=500)
    strategies: list[tuple[Deviation, ...]] = [
        (Squat(HALF, 9), Poison(HALF), Whitewash(1)),
        (REWORDED, Schedule(2, 1)),
        (Fabricate(HALF), GrindSeeds(7)),
        (Grief(3), OmitReceipts(HALF)),
    ]
    conducts = [conduct_of(strategy) for strategy in strategies]
    ring = Ring(arena, CAUSES, 3, 0, 12)
    together = ring.trial(conducts)
    for place, conduct in enumerate(conducts):
        alone = Ring(arena, CAUSES, 3, 0, 12, side_by_side=5).trial([conduct])
        assert (alone.net[0] == together.net[place]).all()
        assert (alone.others[0] == together.others[place]).all()
        least, most, _ = ring.limits(conduct)
        assert least <= together.net[place].min()
        assert together.net[place].max() <= most


def test_only_what_can_change_something_is_searched_unless_asked_for() -> None:
    idle = {Squat, Whitewash, Grief, OmitReceipts, Fabricate, GrindSeeds, Schedule}
    assert set(possible(Arena())) == set(DEVIATIONS) - idle
    all_doors = Arena(
        foreseen=1, audit=1, stake=1, operator=True, late_seed=False, recompute=1, epochs=2
    )
    assert possible(all_doors) == DEVIATIONS
    assert fitted((Schedule(8, 8), Grief(8)), Arena(authors=9)) == (Schedule(2, 1), Grief(6))


@pytest.mark.parametrize("door", DOORS)
def test_an_attack_finds_each_open_door(door: str) -> None:
    plant = flawed(41, FLAWS.index(door))
    used = {type(each) for strategy in plant.exploits for each in strategy}
    space = Space(tuple(kind for kind in (*possible(plant.arena),) if kind in {*used, Split, Wash}))
    result = attack(plant.rule, plant.arena, space, TINY, seed=2)
    assert result.verdict is Verdict.EXPLOIT
    assert result.minimal is not None
    assert used & {type(each) for each in result.minimal.strategy}


def test_filler_still_pays_under_pay_by_rows_with_everything_else_allowed() -> None:
    assert attack(BY_ROWS, Arena(foreseen=PARTS), None, TINY).verdict is Verdict.EXPLOIT
