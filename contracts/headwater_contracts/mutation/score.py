"""How many mutants the tests noticed, how sure a sample makes of it, and why the rest may stay."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter

from headwater_contracts.mutation.campaign import Fate, Outcome
from headwater_contracts.mutation.mutants import Mutant
from headwater_contracts.toolchain import SOLIDITY_ROOT
from headwater_payments.json_text import read_json

ANSWERS = SOLIDITY_ROOT / "mutation-answers.json"


WHOLE: Final = "all"
"""The name of the row that adds the sources up."""


class Answer(BaseModel, frozen=True, extra="forbid"):
    """Why no test can notice a mutant: it does the same, or nothing that anybody can see."""

    source: str
    change: str
    answer: str

    def is_for(self, mutant: Mutant) -> bool:
        """Whether it answers this mutant."""
        return self.source == mutant.source and self.change == mutant.change


@dataclass(frozen=True, slots=True)
class Score:
    """The mutants of one source, or of all: `tried` of `possible`, those that compiled."""

    source: str
    possible: int
    tried: int
    killed: int

    @property
    def interval(self) -> tuple[float, float]:
        """Where the score of all mutants lies, 0 to 1, at 95 % confidence; exact if all are tried.

        Source: Edwin B. Wilson, "Probable inference, the law of succession, and statistical
        inference", 1927; the variance by the factor for draws without replacement.
        """
        if self.tried == 0:
            return 0.0, 1.0
        share = self.killed / self.tried
        if self.tried >= self.possible:
            return share, share
        # Of a finite whole, so many draws are worth more.
        draws = self.tried * (self.possible - 1) / (self.possible - self.tried)
        z = 1.959964
        centre = (share + z * z / (2 * draws)) / (1 + z * z / draws)
        spread = math.sqrt(share * (1 - share) / draws + z * z / (4 * draws * draws))
        half = z * spread / (1 + z * z / draws)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        share = 100 * self.killed / self.tried if self.tried else 0.0
        low, high = (100 * bound for bound in self.interval)
        between = "all tried" if self.tried >= self.possible else f"{low:.0f} to {high:.0f} %"
        if self.source == WHOLE and self.tried < self.possible:
            # As many of each source, whatever its size, are no sample of the whole.
            between = "–"
        counts = f"{self.possible} | {self.tried} | {self.killed}"
        return f"| {self.source} | {counts} | {share:.1f} % | {between} |"


def scores_of(possible: Iterable[Mutant], outcomes: Sequence[Outcome]) -> list[Score]:
    """The score of each source, and of all in the last row.

    Args:
        possible: all mutants of the sources, of which those in `outcomes` were drawn.
        outcomes: what became of the drawn ones; what did not compile is in neither count.
    """
    counts: dict[str, int] = {}
    for mutant in possible:
        counts[mutant.source] = counts.get(mutant.source, 0) + 1
    rows = []
    for source, count in counts.items():
        mine = [outcome.fate for outcome in outcomes if outcome.mutant.source == source]
        invalid, killed = mine.count(Fate.INVALID), mine.count(Fate.KILLED)
        rows.append(Score(source, count - invalid, len(mine) - invalid, killed))
    whole = Score(
        WHOLE,
        sum(row.possible for row in rows),
        sum(row.tried for row in rows),
        sum(row.killed for row in rows),
    )
    return [*rows, whole]


def read_answers(path: Path = ANSWERS) -> list[Answer]:
    """The committed answers.

    Raises:
        InvalidInputError: the file is not JSON.
    """
    return TypeAdapter(list[Answer]).validate_python(read_json(path.read_text("utf-8")))


def judge(
    outcomes: Iterable[Outcome], answers: Sequence[Answer]
) -> tuple[list[Mutant], list[Answer]]:
    """Survivors without an answer, and answers to mutants that some test did notice."""
    rows = list(outcomes)
    alive = [row.mutant for row in rows if row.fate is Fate.SURVIVED]
    killed = [row.mutant for row in rows if row.fate is Fate.KILLED]
    unanswered = [each for each in alive if not any(answer.is_for(each) for answer in answers)]
    # The same change may stand at two places of a source, of which one is noticed.
    stale = [
        answer
        for answer in answers
        if any(answer.is_for(each) for each in killed)
        and not any(answer.is_for(each) for each in alive)
    ]
    return unanswered, stale
