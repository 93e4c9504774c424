"""What a line does that condenses a row to its rarest words and was handed in before the row.

Five facts by the number of words taken, as `benchmarks/squatting.py` finds them on real text, with
straight lines between the points that were measured. Lines of fewer words don't enter.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.draws import Int64s

_MEASURED: Final = (
    # words, blocks, scores, found, leads, speaks: per cent
    (6, 33, 73, 90, 4, 5),
    (8, 51, 82, 95, 3, 6),
    (12, 78, 100, 96, 2, 2),
    (16, 87, 100, 97, 10, 13),
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
