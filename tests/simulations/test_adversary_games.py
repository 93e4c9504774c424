"""Other economies' mechanisms under the search: it finds the cheat each is known to lose to."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary import (
    GAMES,
    Budget,
    Deviation,
    Game,
    Played,
    Space,
    Split,
    Strategy,
    Verdict,
    attack_game,
)
from headwater_simulations.adversary.game import Stage
from headwater_simulations.adversary.games import (
    Donors,
    LinkFarm,
    OneAnswer,
    Pages,
    Peers,
    SelfVote,
    SplitGift,
    Validators,
    WeightCopy,
)
from headwater_simulations.cli import app
from headwater_simulations.draws import Draws
from headwater_simulations.errors import NothingEarnedError

SMALL = Budget(
    candidates=48,
    generation=24,
    search_worlds=6,
    shortlist=4,
    pick_worlds=30,
    finalists=1,
    proof_worlds=2_000,
)


def gain(game: Game, *deviations: Deviation) -> float:
    return float(Stage(game, 5, 0, 40).compare([deviations]).gains[0])


@pytest.mark.parametrize(
    ("name", "cheat"),
    [
        ("yuma", WeightCopy),
        ("output-agreement", OneAnswer),
        ("pagerank", LinkFarm),
        ("quadratic-funding", SplitGift),
    ],
)
def test_the_known_cheat_is_found(name: str, cheat: type) -> None:
    result = attack_game(GAMES[name](), budget=SMALL)
    assert result.verdict is Verdict.EXPLOIT
    assert result.minimal is not None
    assert [type(each) for each in result.minimal.strategy] == [cheat]


@pytest.mark.parametrize(
    "name", ["yuma-drifting", "correlated-agreement", "determinant", "quadratic-funding-named"]
)
def test_where_the_cheat_does_not_pay_none_is_found(name: str) -> None:
    assert attack_game(GAMES[name](), budget=SMALL).verdict is Verdict.NONE_FOUND


def test_copied_weights_are_worth_less_the_later_they_come() -> None:
    steady, drifting = (Validators(drift=drift, cost=0) for drift in (0.0, 0.3))
    assert gain(drifting, WeightCopy(1)) < gain(steady, WeightCopy(1))
    assert gain(drifting, WeightCopy(8)) < 0
    saved = Validators(cost=1_000_000)
    assert gain(saved, WeightCopy(1)) > gain(Validators(cost=0), WeightCopy(1))


def test_a_vote_for_oneself_pays_above_the_majority_only() -> None:
    vote = SelfVote(10**8)
    assert gain(Validators(stake=0.6), vote) > 0.2
    assert gain(Validators(stake=0.3), vote) < 0


def test_sybils_add_rank_where_it_starts_over_anywhere() -> None:
    few, many = (gain(Pages(cost=0), LinkFarm(sybils)) for sybils in (2, 60))
    assert many > few + 3
    seeded = Pages(cost=0, seeds=4)
    assert gain(seeded, LinkFarm(60)) == pytest.approx(gain(seeded, LinkFarm(2)), rel=0.01)


def test_a_cartel_pays_from_some_size_on_and_a_gift_by_its_names() -> None:
    everything = OneAnswer(10**8)
    assert gain(Peers(members=2, cost=0), everything) < 0 < gain(Peers(members=18), everything)
    gains = [gain(Donors(cost_name=0), SplitGift(names)) for names in (2, 8, 32)]
    assert gains == sorted(gains)
    assert gain(Donors(), SplitGift(8)) < gains[1]


@pytest.mark.parametrize("name", GAMES)
def test_a_strategy_ends_the_same_whatever_stands_beside_it_and_within_its_limits(
    name: str,
) -> None:
    game = GAMES[name]()
    space = Space(game.kinds)
    used, at = space.anywhere(4, np.random.default_rng(2))
    strategies = [space.strategy(*point) for point in zip(used, at, strict=True)]
    stage = Stage(game, 3, 10, 6)
    together = stage.compare(strategies)
    for place, strategy in enumerate(strategies):
        assert (stage.compare([strategy]).net[0] == together.net[place]).all()
        least, most, honest = stage.limits_of(strategy)
        assert least <= together.net[place].min() <= together.net[place].max() <= most
        assert stage.honest_pay.max() <= honest


@dataclass(frozen=True, slots=True)
class Nothing:
    """A game that pays nobody."""

    kinds = (SplitGift,)

    def play(self, strategies: list[Strategy], draws: Draws) -> Played:
        nothing = np.zeros((len(strategies), len(draws.keys)), dtype=np.int64)
        return Played(nothing, nothing, nothing)

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        return 0, 0, 0


def test_what_a_game_does_not_know_or_pay_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Stage(Donors(), 1, 0, 3).compare([(Split(2),)])
    with pytest.raises(InvalidInputError):
        Stage(Donors(), 1, 0, 3).compare([])
    with pytest.raises(NothingEarnedError):
        Stage(Nothing(), 1, 0, 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        Stage(Donors(), 1, 0, 0)


def test_the_command_attacks_a_mechanism_by_name() -> None:
    found = CliRunner().invoke(app, ["mechanism", "quadratic-funding", "--json"])
    assert found.exit_code == 1
    assert json.loads(found.stdout)["verdict"] == "exploit"
    assert "SplitGift" in CliRunner().invoke(app, ["mechanism", "quadratic-funding"]).stdout
    unknown = CliRunner().invoke(app, ["mechanism", "lottery"])
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith("error[invalid_input]: ")
