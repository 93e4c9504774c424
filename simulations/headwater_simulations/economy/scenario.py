"""A reference market as one frozen record: who is in it, what they know, how fast they adapt."""

import tomllib
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from pathlib import Path

from headwater_attribution.rules import CAUSES, RewardRule, rule_named
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


class Conduct(IntEnum):
    """How a data contributor behaves. Nature knows it, no mechanism does."""

    HONEST = 0
    SPAM = 1
    COPY = 2
    SYBIL = 3
    POISON = 4
    FREE_RIDE = 5
    WASH = 6


ABSENT = len(Conduct)
"""The conduct of a contributor's place that nobody takes."""


@dataclass(frozen=True, slots=True)
class Economy:
    """A market of data contributors, model owners, services, buyers and validators.

    In each step every buyer may buy one answer, every validator rates one service, and everybody
    pays for what it does and may change how it behaves. Shares and probabilities are parts per
    10^8; money is atomic units; qualities run to 1,000.

    Attributes:
        buyers, contributors, services, owners, validators: how many of each.
        steps: T.
        by_turns: whether the agents of a role act one after the other, in an order drawn for each
            step, and see what those before them did; else all at once.
        capacity: answers that a service sells in a step, to those who come first; 0 for no bound.
            Who comes first is known by turns only.
        seed: of all randomness.
        rule: the reward rule, the very object that closes epochs in production.
        spam, copy, sybil, poison, free_ride, wash: contributors who start so; the rest is honest.
        absent: places of contributors that nobody takes at first.
        noisy: services that start by selling synthetic noise.
        copiers: validators who start by copying the reputation that they should measure.
        income: of a buyer in a step.
        shock_step, shock: step from which incomes are multiplied by `shock`; 0 for never.
        value: what an answer of quality 1,000 is worth to a buyer.
        price: that services start with.
        floor: the lowest price.
        contributors_share, owner_share, platform_share: of the price; the rest is the service's.
        validators_share: of what the platform takes.
        quality, noise_quality: of an honest service's answers, and of a noisy one's.
        unit_cost, noise_cost: of an answer.
        wobble: by which the quality of an answer varies up and down.
        spoiling: quality that an answer loses which quotes poison.
        dedup_recall, precedence, filler_recall, poison_recall: as in an arena.
        upkeep: of honest rows in a step; copies and noise cost a tenth.
        cheapest: buyers who take the cheaper of two offers when they try another service, in the
            order in which a marketplace lists them; the others weigh reputation.
        explore: buyers who try another service in a step.
        imitation: contributors and services who look at another of theirs in a step.
        mutation: contributors who change to any behaviour in a step.
        entry: empty places at which somebody thinks of entering, in a step.
        entry_cost: of entering.
        payback: steps in which what a contributor nets has to cover that for another to enter.
        switching: services that look at the terms of another's model in a step.
        owner_step: by which an owner moves its share of the price.
        owner_period: steps between such moves; 0 for never.
        price_step: parts per 10,000 by which a service moves its price.
        price_period: steps between such moves; 0 for never.
        measure_cost: of measuring a service.
        tolerance: how far a report may be off the reputation and still be paid.
        whitewash_below: reputation below which a noisy service comes back under a new name; 0 for
            never.
        identity_cost: of a new name.
        endowment: what everybody starts with.
    """

    buyers: int = 500
    contributors: int = 400
    services: int = 50
    owners: int = 10
    validators: int = 40
    steps: int = 200
    by_turns: bool = False
    capacity: int = 0
    seed: int = 1
    rule: RewardRule = CAUSES
    spam: int = 0
    copy: int = 0
    sybil: int = 0
    poison: int = 0
    free_ride: int = 0
    wash: int = 0
    absent: int = 0
    noisy: int = 0
    copiers: int = 0
    income: int = 1_000
    shock_step: int = 0
    shock: int = 1
    value: int = 2_000
    price: int = 600
    floor: int = 50
    contributors_share: int = PARTS * 50 // 100
    owner_share: int = PARTS * 10 // 100
    platform_share: int = PARTS * 10 // 100
    validators_share: int = PARTS * 50 // 100
    quality: int = 800
    noise_quality: int = 200
    unit_cost: int = 60
    noise_cost: int = 5
    wobble: int = 100
    spoiling: int = 500
    dedup_recall: int = PARTS * 95 // 100
    precedence: int = PARTS * 96 // 100
    filler_recall: int = PARTS * 95 // 100
    poison_recall: int = PARTS * 50 // 100
    upkeep: int = 100
    cheapest: int = 0
    explore: int = PARTS * 5 // 100
    imitation: int = PARTS * 2 // 100
    mutation: int = PARTS * 1 // 10_000
    entry: int = PARTS * 10 // 100
    entry_cost: int = 1_000
    payback: int = 50
    switching: int = PARTS * 2 // 1_000
    owner_step: int = PARTS * 1 // 100
    owner_period: int = 20
    price_step: int = 200
    price_period: int = 10
    measure_cost: int = 20
    tolerance: int = 150
    whitewash_below: int = 0
    identity_cost: int = 2_000
    endowment: int = 20_000

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("rule", "by_turns") and (
                isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31
            ):
                raise InvalidInputError(
                    f"A market's {each.name} is an integer from 0 to 2^31 - 1.", field=each.name
                )
        if not isinstance(self.by_turns, bool):
            raise InvalidInputError("A market is by_turns or isn't: true or false.")
        if self.capacity and not self.by_turns:
            raise InvalidInputError("A capacity serves who comes first, so it needs by_turns.")
        sizes = (self.buyers, self.contributors, self.services, self.owners, self.validators)
        if min(*sizes, self.steps) < 1 or max(sizes) > 10**6 or max(sizes[1:]) > 2**16:
            raise InvalidInputError(
                "A market has at least one of each, a million buyers and 65,536 of others at most."
            )
        if self.owners > min(self.contributors, self.services) or self.services < 2:
            raise InvalidInputError(
                "Each owner has a contributor and a service, and there are two services."
            )
        shares = (
            self.contributors_share + self.owner_share + self.platform_share,
            self.spam
            + self.copy
            + self.sybil
            + self.poison
            + self.free_ride
            + self.wash
            + self.absent,
            *(getattr(self, name) for name in _SHARES),
        )
        if max(shares) > PARTS or max(self.quality, self.noise_quality, self.wobble) > 1_000:
            raise InvalidInputError("Shares reach 10^8 together at most, and qualities 1,000.")
        if min(self.floor, self.price, self.shock) < 1 or self.price_step > 5_000:
            raise InvalidInputError(
                "Prices and shocks are at least 1, and a price step at most 5,000."
            )
        if self.payback > 10_000:
            raise InvalidInputError("A contributor looks 10,000 steps ahead at most.")

    @property
    def agents(self) -> int:
        """Everybody in it, all active in each step."""
        return self.buyers + self.contributors + self.services + self.owners + self.validators


_SHARES = (
    *("validators_share", "noisy", "copiers", "dedup_recall", "precedence", "filler_recall"),
    *("poison_recall", "explore", "imitation", "mutation", "cheapest", "entry", "switching"),
    "owner_step",
)


def read_economy(path: Path, base: Economy | None = None) -> Economy:
    """A market from a TOML file of its fields, such as `buyers = 100`; `rule` is a rule's id.

    Raises:
        InvalidInputError: it cannot be read, is no TOML, or names what a market doesn't have.
        UnknownMethodError: there is no rule of that id.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise InvalidInputError(f"{path} cannot be read: {exc.strerror}.") from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise InvalidInputError(f"The market is no TOML: {exc}.") from exc
    known = {each.name for each in fields(Economy)}
    if unknown := sorted(told.keys() - known):
        raise InvalidInputError(f"A market has no {unknown[0]!r}.")
    if "rule" in told:
        told["rule"] = rule_named(str(told["rule"]))
    return replace(base or Economy(), **told)
