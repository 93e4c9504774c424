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
    found: dict[int, int] = {}
    first: list[tuple[Hit, AbstractSet[str]]] = []
    for hit in sorted(hits, key=lambda each: each.position):
        said = stems_of(hit.position) & worth.keys()
        whole = _sum(said, worth)
        shared = {
            earlier.position: _sum(said & before, worth)
            for earlier, before in first
            if earlier.score_micro >= WITHIN * hit.score_micro
        }
        best = max(shared, key=lambda position: shared[position], default=None)
        if best is not None and shared[best] >= COVERED * whole:
            found[hit.position] = best
        else:
            first.append((hit, said))
    return found


def _sum(stems: AbstractSet[str], worth: Mapping[str, float]) -> float:
    return sum(worth[stem] for stem in sorted(stems))
