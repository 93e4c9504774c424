"""A defence: the cheapest setting of some levers that a fresh attack does not get through.

Each round takes the cheapest setting that stops every strategy found so far and attacks it from
scratch; what the attack finds joins the pool. When an attack finds nothing, or the rounds are used
up, the setting is attacked once more, with other seeds and four times the budget: that is the
figure to report, since the rounds before it chose the setting.

Source: the minimax search of robust design with the re-attack as its measure; the pool of finds as
in Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

from headwater_attribution.rules import Pay, RewardRule, RuleParameters
from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import AttackResult, Verdict, attack
from headwater_simulations.adversary.budget import Budget
from headwater_simulations.adversary.deviation import Strategy
from headwater_simulations.adversary.deviations import conduct_of
from headwater_simulations.adversary.space import Space
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.adversary.userrules import as_rule

_MOST_SETTINGS = 512
_WORLDS = 100
_PAIRS = 5 * 10**8
"""The first of the worlds on which settings are compared; attacks never get there."""

Setting = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lever:
    """A number that is searched: what whoever runs a market can set, or a what-if.

    Attributes:
        name: a field of the arena, or `shrinkage` or `cap` of the rule.
        values: that it may have, at least one; 0 and 1 of what is off or on.
        costs: what each value costs, in units of honest pay, beyond what it costs honest authors
            in pay, which is measured; nothing where this is left out.

    Raises:
        InvalidInputError: there is no such lever, no value, or not one cost for each value.
    """

    name: str
    values: tuple[int, ...]
    costs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in _OF_ARENA | _OF_RULE:
            raise InvalidInputError(f"There is no lever {self.name}.")
        if not all(0 <= cost < 1e6 for cost in self.costs):
            raise InvalidInputError("A lever's costs lie between 0 and a million times honest pay.")
        if self.name in _SWITCHES and not {0, 1}.issuperset(self.values):
            raise InvalidInputError(f"The lever {self.name} is 0 or 1.")
        if not self.values or (self.costs and len(self.costs) != len(self.values)):
            raise InvalidInputError("A lever has values, and a cost for each or none at all.")

    def cost(self, value: int) -> float:
        """Of a value, in units of honest pay."""
        return self.costs[self.values.index(value)] if self.costs else 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """One setting under attack.

    Attributes:
        setting: value by lever.
        cost: of the setting, what honest authors lose by it included, in units of honest pay.
        known: the largest gain of any strategy known before, under it.
        result: of the attack on it.
    """

    setting: Setting
    cost: float
    known: float
    result: AttackResult


@dataclass(frozen=True, slots=True)
class Defence:
    """What a search for a defence came to.

    Attributes:
        rounds: each setting that was tried, in order.
        reattack: the last setting under a larger attack with other seeds: the one to report.
    """

    rounds: tuple[Round, ...]
    reattack: AttackResult

    @property
    def holds(self) -> bool:
        """Whether the re-attack found nothing."""
        return self.reattack.verdict is Verdict.NONE_FOUND


def defend(
    rule: RewardRule | Pay,
    levers: Sequence[Lever],
    arena: Arena | None = None,
    space: Space | None = None,
    budget: Budget | None = None,
    *,
    rounds: int = 6,
    seed: int = 1,
) -> Defence:
    """Look for the cheapest setting of `levers` under which no deviation is found that pays.

    Raises:
        InvalidInputError: no lever, one named twice, more than 512 settings, or no round.
    """
    base, market, budget = as_rule(rule), arena or Arena(), budget or Budget()
    settings = _settings(levers)
    if rounds < 1:
        raise InvalidInputError("A defence is searched in at least one round.")
    rings = [_Fenced(base, market, setting, seed) for setting in settings]
    costs = _costs(levers, rings, market, base, seed)
    pool: list[Strategy] = []
    done: list[Round] = []
    for number in range(rounds):
        known = [fenced.worst(pool) for fenced in rings]
        index = _cheapest(costs, known, budget.tolerance)
        chosen = rings[index]
        result = attack(chosen.rule, chosen.arena, space, budget, seed=seed + number)
        done.append(Round(settings[index], costs[index], known[index], result))
        finds = [finalist.strategy for finalist in result.finalists]
        new = [strategy for strategy in (*finds, result.best.strategy) if strategy not in pool]
        pool += new
        if result.verdict is not Verdict.EXPLOIT or not new:
            break
    larger = replace(budget, candidates=4 * budget.candidates)
    again = attack(chosen.rule, chosen.arena, space, larger, seed=seed + 10**6)
    return Defence(tuple(done), again)


class _Fenced:
    """A rule and an arena under one setting, and worlds to compare it with others on."""

    def __init__(self, rule: RewardRule, arena: Arena, setting: Setting, seed: int) -> None:
        of_rule = {name: value for name, value in setting.items() if name in _OF_RULE}
        of_arena = {
            name: value == 1 if name in _SWITCHES else value
            for name, value in setting.items()
            if name in _OF_ARENA
        }
        self.rule = replace(rule, parameters=replace(rule.parameters, **of_rule))
        self.arena = replace(arena, **of_arena)  # type: ignore[arg-type]
        self.setting = setting
        self.ring = Ring(self.arena, self.rule, seed, _PAIRS, _WORLDS)
        self._known: dict[Strategy, float] = {}

    def worst(self, pool: Sequence[Strategy]) -> float:
        """The largest gain of any strategy in the pool; 0 of none."""
        new = [strategy for strategy in pool if strategy not in self._known]
        if new:
            gains = self.ring.trial([conduct_of(strategy) for strategy in new]).gains
            self._known.update(zip(new, gains.tolist(), strict=True))
        return max(self._known.values(), default=0.0)


def _costs(
    levers: Sequence[Lever], rings: Sequence[_Fenced], arena: Arena, rule: RewardRule, seed: int
) -> list[float]:
    """Each setting's stated costs, and what honest authors net less than without it."""
    open_door = Ring(arena, rule, seed, _PAIRS, _WORLDS)
    unit, net = float(open_door.honest_pay.mean()), float(open_door.honest_net.mean())
    return [
        sum(lever.cost(fenced.setting[lever.name]) for lever in levers)
        + (net - float(fenced.ring.honest_net.mean())) / unit
        for fenced in rings
    ]


def _cheapest(costs: Sequence[float], known: Sequence[float], tolerance: float) -> int:
    """The cheapest setting that stops what is known; where none does, the one that stops most."""
    stopping = [i for i, gain in enumerate(known) if gain < tolerance]
    if stopping:
        return min(stopping, key=lambda i: (costs[i], i))
    return min(range(len(known)), key=lambda i: (known[i], costs[i]))


def _settings(levers: Sequence[Lever]) -> list[Setting]:
    names = [lever.name for lever in levers]
    count = 1
    for lever in levers:
        count *= len(lever.values)
    if not names or len(set(names)) != len(names) or count > _MOST_SETTINGS:
        raise InvalidInputError(
            f"A defence has at least one lever, each once, and at most {_MOST_SETTINGS} settings."
        )
    return [
        dict(zip(names, values, strict=True))
        for values in product(*(lever.values for lever in levers))
    ]


_OF_ARENA = frozenset(each.name for each in fields(Arena)) - {"admission", "members", "authors"}
_SWITCHES = frozenset(each.name for each in fields(Arena) if each.type is bool)
_OF_RULE = frozenset(each.name for each in fields(RuleParameters))
