"""What an attacker by text knows, and what an attack is."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_models.trials.library import Authors, Row

FIRST, LATER = -100, 1_000
"""Numbers of attackers who hand in before everybody else, and after."""

COPIES: Final = 5
"""Accounts of an attacker who needs several."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What an attacker knows: all that is or will be public, and whom to attack.

    Attributes:
        authors: the honest rows.
        public: texts of the same kind that are nobody's.
        questions: what will be asked.
        victim: the author to attack.
        random: what the attacker draws from.
    """

    authors: Authors
    public: Sequence[str]
    questions: Sequence[str]
    victim: int
    random: np.random.Generator

    @property
    def rows(self) -> list[Row]:
        """The honest rows."""
        return [row for number in sorted(self.authors) for row in self.authors[number]]

    def replaced(self, text: str, share: float) -> str:
        """`share` of the words replaced by words of other rows."""
        words, rows = text.split(), self.rows
        for place in np.flatnonzero(self.random.random(len(words)) < share).tolist():
            _, other = rows[int(self.random.integers(len(rows)))]
            choices = other.split()
            words[place] = choices[int(self.random.integers(len(choices)))]
        return unicodedata.normalize("NFC", " ".join(words))


Attack = Callable[[Stage], Mapping[int, Sequence[Row]]]
"""From what is known to what each attacker hands in, by number."""
