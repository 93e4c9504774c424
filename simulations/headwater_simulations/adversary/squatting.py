"""What a line does that holds a row's rarest words and was handed in before the row.

Five facts by the number of words taken, as `benchmarks/squatting.py` finds them on real text, with
straight lines between the points that were measured.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.draws import Int64s

_MEASURED: Final = (
    # words, blocks, scores, found, leads, speaks: per cent
    (4, 8, 51, 89, 0, 2),
    (6, 24, 63, 91, 5, 8),
    (8, 44, 74, 94, 7, 11),
    (12, 70, 90, 98, 20, 31),
    (16, 92, 94, 98, 33, 50),
)
FEWEST_WORDS, MOST_WORDS = _MEASURED[0][0], _MEASURED[-1][0]


@dataclass(frozen=True, slots=True)
class Squats:
    """The figures for each of some numbers of words; parts per 10^8, 0 where there are no words.

    Attributes:
        blocks: squatted rows that admission refuses as copies of the line.
        scores: of a row's own score for a question about it, the line's.
        found: questions about a row that was refused that find the line.
        leads: answers in which the row, where it got in, follows the line.
        speaks: answers that quote the line beside the row.
    """

    blocks: Int64s
    scores: Int64s
    found: Int64s
    leads: Int64s
    speaks: Int64s


def squats(words: Int64s) -> Squats:
    """What lines of `[C]` words do."""
    at, *measured = (np.array(column) for column in zip(*_MEASURED, strict=True))
    read = [np.interp(words, at, column * (PARTS // 100)) for column in measured]
    return Squats(*(np.where(words > 0, np.rint(each).astype(np.int64), 0) for each in read))
