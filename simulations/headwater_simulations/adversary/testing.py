"""For tests of one's own: a rule that does not survive an attack fails the test."""

from headwater_attribution.rules import Pay, RewardRule
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import AttackResult, Verdict, attack
from headwater_simulations.adversary.budget import Budget
from headwater_simulations.adversary.case import Case, replay
from headwater_simulations.adversary.describe import describe, gain_text
from headwater_simulations.adversary.space import Space
from headwater_simulations.errors import ExploitableError


def assert_unexploitable(
    rule: RewardRule | Pay,
    arena: Arena | None = None,
    space: Space | None = None,
    budget: Budget | None = None,
    *,
    seed: int = 1,
) -> AttackResult:
    """Attack `rule` and return the result if nothing was found that pays.

    Raises:
        ExploitableError: a deviation pays, or the budget was too small to say that none of the
            finalists does.
    """
    result = attack(rule, arena, space, budget, seed=seed)
    if result.verdict is not Verdict.NONE_FOUND:
        best = result.best
        raise ExploitableError(
            f"The rule {result.rule.rule_id}: {result.verdict}: {describe(best.strategy)} gains "
            f"{gain_text(best.gain)} of honest pay, at a tolerance of {result.budget.tolerance:g}.",
            verdict=str(result.verdict),
            strategy=[str(each) for each in best.strategy],
            low=best.gain.low,
        )
    return result


def assert_stopped(case: Case, rule: RewardRule | Pay | None = None) -> None:
    """Replay a case: what it describes must not pay any more.

    Raises:
        ExploitableError: it pays, or might.
    """
    again = replay(case, rule)
    if again.verdict is not Verdict.NONE_FOUND:
        raise ExploitableError(
            f"The case against {case.rule}: {again.verdict}: {describe(case.strategy)} gains "
            f"{gain_text(again.gain)} of honest pay, at a tolerance of {case.tolerance:g}.",
            verdict=str(again.verdict),
        )
