"""The reference market as a game among contributors: payoffs of mixes, regret, and recovery.

Symbols: `W` worlds, `K` conducts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.proportions import wilson
from headwater_simulations.economy.behaviour import COST, behaviours
from headwater_simulations.economy.running import run_economy
from headwater_simulations.economy.scenario import Conduct, Economy
from headwater_simulations.equilibria.flows import replicator
from headwater_simulations.metrics import Floats, Interval

_RARE = 0.02
"""Share at which a conduct is tried that nobody follows: its payoff needs somebody to follow it."""

_SETTLING = 12
_RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the search for an equilibrium.

    Attributes:
        known: the conducts that the population plays.
        mix: `[K]` where they settle.
        best: the conduct that earns most there, of all.
        regret: what it earns beyond the population's mean, as a part of the mean's size.
    """

    known: tuple[Conduct, ...]
    mix: Floats
    best: Conduct
    regret: Interval


@dataclass(frozen=True, slots=True)
class Recovery:
    """Whether a market finds back to honest work from a share of deviators.

    Attributes:
        share: of deviators at the start, parts per 10^8.
        recovered: worlds that end with fewer than half of that.
        chance: of recovering, with Wilson's 95 % interval.
    """

    share: int
    recovered: int
    chance: Interval


def mix_payoffs(economy: Economy, mix: Floats, worlds: int = 8, steps: int = 40) -> Floats:
    """`[W, K]` what a contributor of each conduct nets in a step while nobody changes.

    Conducts that fewer than 2 % follow are followed by 2 % here.

    Raises:
        InvalidInputError: the mix is none.
    """
    if mix.shape != (len(Conduct),) or (mix < 0).any() or abs(mix.sum() - 1) > 1e-9:
        raise InvalidInputError("A mix has a share for each conduct, and they sum to 1.")
    followed = np.maximum(mix, _RARE)
    followed /= followed.sum()
    still = replace(
        economy, imitation=0, mutation=0, entry=0, switching=0, owner_period=0, steps=steps
    )
    start = _followed(still, {each: int(followed[each] * PARTS) for each in Conduct})
    run = run_economy(start, np.arange(worlds))
    costs = behaviours(economy)[COST]
    net = np.zeros((worlds, len(Conduct)))
    for each in Conduct:
        name = each.name.lower()
        people = np.maximum(run.metric(f"are_{name}").sum(axis=1), 1)
        net[:, each] = run.metric(f"paid_{name}").sum(axis=1) / people - costs[each]
    return net


def regret(payoffs: Floats, mix: Floats, seed: int = 1) -> Interval:
    """What the best conduct nets beyond the mix's mean ÷ the mean's size; 95 % by bootstrap.

    Worlds are drawn with replacement and the best conduct is picked anew in each drawing, so the
    interval knows that a maximum of estimates is too high.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, 13.3; regret of a mix as
    in Wellman, Tuyls and Greenwald, "Empirical Game-Theoretic Analysis", 2025.
    """
    drawn = np.random.default_rng(seed).integers(len(payoffs), size=(_RESAMPLES, len(payoffs)))
    means = np.concatenate([payoffs.mean(axis=0)[None], payoffs[drawn].mean(axis=1)])
    held = means @ mix
    found = (means.max(axis=1) - held) / np.maximum(np.abs(held), 1e-9)
    low, high = np.quantile(found[1:], (0.025, 0.975))
    return Interval(float(low), float(found[0]), float(high))


def respond(
    economy: Economy, *, tolerance: float = 0.1, worlds: int = 8, rounds: int = len(Conduct)
) -> tuple[Round, ...]:
    """Add the best response to what a population plays until none earns clearly more.

    From honest work alone, each round lets the known conducts settle by replicator dynamics on
    payoffs of simulated markets, and adds the conduct that earns most there.

    Source: Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement
    Learning", 2017 (policy-space response oracles), with the conducts as the oracle's answers.
    """
    known, done = [Conduct.HONEST], []
    mix = np.zeros(len(Conduct))
    mix[Conduct.HONEST] = 1
    for _ in range(rounds):
        for _ in range(_SETTLING if len(known) > 1 else 0):
            found = mix_payoffs(economy, mix, max(2, worlds // 4)).mean(axis=0)
            scale = max(float(np.abs(found).max()), 1e-9)
            mix = replicator(found / scale, mix, 2.0)
        payoffs = mix_payoffs(economy, mix, worlds)
        best = Conduct(int(payoffs.mean(axis=0).argmax()))
        done.append(Round(tuple(known), mix.copy(), best, regret(payoffs, mix)))
        if done[-1].regret.low <= tolerance or best in known:
            break
        known.append(best)
        # The newcomer enters as a tenth.
        mix *= 0.9
        mix[best] += 0.1
    return tuple(done)


def recovery(
    economy: Economy, conduct: Conduct, shares: Sequence[int], worlds: int = 16
) -> tuple[Recovery, ...]:
    """From which shares of deviators a market finds back: the basin of the honest state.

    Raises:
        InvalidInputError: the conduct is honest, or a share is none.
    """
    if conduct is Conduct.HONEST or not all(0 < share <= PARTS for share in shares):
        raise InvalidInputError("A basin has a deviating conduct and shares above 0, up to 10^8.")
    found = []
    for share in shares:
        run = run_economy(_followed(economy, {conduct: share}), np.arange(worlds))
        left = run.metric(f"are_{conduct.name.lower()}")[:, -5:].mean(axis=1)
        recovered = int((left < economy.contributors * share / PARTS / 2).sum())
        found.append(Recovery(share, recovered, wilson(recovered, worlds)))
    return tuple(found)


def _followed(economy: Economy, shares: Mapping[Conduct, int]) -> Economy:
    """The market with these shares of its contributors at the start, the rest of them honest."""
    return replace(
        economy,
        spam=shares.get(Conduct.SPAM, 0),
        copy=shares.get(Conduct.COPY, 0),
        sybil=shares.get(Conduct.SYBIL, 0),
        poison=shares.get(Conduct.POISON, 0),
        free_ride=shares.get(Conduct.FREE_RIDE, 0),
        wash=shares.get(Conduct.WASH, 0),
    )
