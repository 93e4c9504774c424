"""How much an attack may try, and how sure its verdict must be."""

from dataclasses import dataclass, fields
from typing import Literal

from headwater_payments.errors import InvalidInputError

BudgetName = Literal["small", "standard", "full"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The sizes of an attack.

    Attributes:
        candidates: strategies that the search tries.
        generation: of them in one trial.
        search_worlds: on which each is tried.
        shortlist: strategies, each of another combination of kinds, that are tried again.
        pick_worlds: fresh ones, on which the finalists are picked and finds are shrunk.
        finalists: strategies that get a verdict.
        proof_worlds: fresh ones, on which they get it.
        error: probability that some bound of the verdict fails, all finalists together.
        tolerance: gain, in units of honest pay, up to which a rule counts as sound.
    """

    candidates: int = 2_048
    generation: int = 64
    search_worlds: int = 16
    shortlist: int = 24
    pick_worlds: int = 96
    finalists: int = 4
    proof_worlds: int = 2_000
    error: float = 0.01
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type is int and (
                isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**7
            ):
                raise InvalidInputError(f"A budget's {each.name} is an integer from 1 to 10^7.")
        if not 0 < self.error < 1 or not 0 <= self.tolerance < 100:
            raise InvalidInputError(
                "A budget's error lies between 0 and 1, its tolerance from 0 to 100."
            )

    @property
    def worlds(self) -> int:
        """Worlds that an attack runs at most, before it shrinks a find."""
        return (
            self.candidates * self.search_worlds
            + self.shortlist * self.pick_worlds
            + self.finalists * self.proof_worlds
        )


BUDGETS: dict[BudgetName, Budget] = {
    "small": Budget(candidates=512, search_worlds=8, pick_worlds=48, proof_worlds=1_500),
    "standard": Budget(),
    "full": Budget(
        candidates=262_144, generation=128, search_worlds=32, pick_worlds=400, proof_worlds=20_000
    ),
}
"""Budgets by name: two seconds, six seconds, and a quarter of an hour on one core."""


def budget_named(name: str) -> Budget:
    """The budget of this name.

    Raises:
        InvalidInputError: there is none.
    """
    for known, budget in BUDGETS.items():
        if name == known:
            return budget
    raise InvalidInputError(f"There is no budget {name}; there are {', '.join(BUDGETS)}.")
