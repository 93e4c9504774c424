"""Who said it first: of rows that answer a question alike, the one that was committed earliest.

Likeness of texts can't see a paraphrase: with a third of its words replaced a copy is new text to
it. To a question it is not. Whoever copies a row so that questions still find it keeps the terms
that questions are asked in, and then the earlier row answers as well.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from headwater_models.bm25 import Hit

COVERED = 0.8
"""A row follows an earlier one that holds this share of its worth to the question, or more;"""

WITHIN = 0.7
"""and that scores at least this share of its score: a late row that answers far better stands."""

Following = Mapping[int, int]
"""Positions of rows that follow, and the position of the row that each follows."""


def followers(
    hits: Sequence[Hit], worth: Mapping[str, float], stems_of: Callable[[int], AbstractSet[str]]
) -> Following:
    """Which of the rows say nothing to a question that an earlier one of them doesn't.

    Nobody follows a follower, so likeness isn't carried on from row to row. Of several rows that
    it could follow, a row follows the one that holds most, and of equals the earliest.

    Args:
        hits: rows that match the question, in any order; a smaller position is an earlier row.
        worth: what each stem of the question is worth.
        stems_of: the stems of the row at a position.
    """
    bits = {stem: 1 << place for place, stem in enumerate(sorted(worth))}
    worth_of = _Worth([worth[stem] for stem in sorted(worth)])
    found: dict[int, int] = {}
    first: list[tuple[Hit, int]] = []
    for hit in sorted(hits, key=lambda each: each.position):
        said = sum(bits[stem] for stem in stems_of(hit.position) & worth.keys())
        most, leader = 0.0, None
        for earlier, before in first:
            shared = worth_of[said & before]
            if shared > most and earlier.score_micro >= WITHIN * hit.score_micro:
                most, leader = shared, earlier.position
        if leader is not None and most >= COVERED * worth_of[said]:
            found[hit.position] = leader
        else:
            first.append((hit, said))
    return found


class _Worth(dict[int, float]):
    """What sets of stems are worth, one bit a stem; each is summed once."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, stems: int) -> float:
        worth = sum(value for place, value in enumerate(self._values) if stems >> place & 1)
        self[stems] = worth
        return worth
