"""How an answer's passages become shares: the arithmetic of production's combined method.

Half of a share is what the answer's score loses when all that an account would be quoted with is
taken out (an answer's score is that of its two best stars), half the words quoted, which go to
whoever committed them first; the lower end is the smaller half.

Arrays lie slot by slot, `[K, W, R]`: `K` passages, `W` worlds, `R` receipts. Scores run to 1,000.

Source: `headwater_attribution.methods`: `leave_one_out`, `span_match` and `combined`.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.columns import NO_ACCOUNT
from headwater_payments.split import PARTS
from headwater_simulations.draws import Bools, Int64s

ORIGINAL, RIVAL, SECOND, COPY, NOISE = range(5)
SLOTS = 5
_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Passages:
    """What an answer could quote.

    Attributes:
        accounts: `[K, W, R]` whose each is; `NO_ACCOUNT` where nothing came up.
        scores: `[K, W, R]` above 0 where something came up.
        in_star: `[W, R]` the copy is in its original's star.
        unchanged: `[W, 1]` share of the copy's words that stand in whole windows of the original's.
    """

    accounts: Int64s
    scores: Int64s
    in_star: Bools
    unchanged: Int64s


def shares(passages: Passages) -> tuple[Int64s, Int64s]:
    """Each passage's share and the lower end of its interval, `[K, W, R]` parts per 10^8."""
    removed, words = taken_out(passages), quoted_words(passages)
    return (removed + words) // 2, np.minimum(removed, words)


def taken_out(passages: Passages) -> Int64s:
    """`[K, W, R]` what the answer loses without an account, divided over its passages."""
    accounts, stars = passages.accounts, _stars(passages)
    full = _two_best(stars)
    drops, mine = np.empty_like(stars), np.empty_like(stars)
    summed = np.zeros_like(full)
    for slot in range(SLOTS):
        same = accounts == accounts[slot]
        drops[slot] = full - _two_best(np.where(same, 0, stars))
        mine[slot] = np.where(same, stars, 0).sum(axis=0)
        first = ~same[:slot].any(axis=0)
        summed += np.where(first, drops[slot], 0)
    whole = np.maximum(np.maximum(full, summed), 1)
    return np.asarray(drops * PARTS // whole * stars // np.maximum(mine, 1), dtype=np.int64)


def quoted_words(passages: Passages) -> Int64s:
    """`[K, W, R]` share of the answer's words that each passage's account was first to commit."""
    scores, in_star = passages.scores, passages.in_star
    copy_wins = scores[COPY] > scores[ORIGINAL]
    candidates = scores.copy()
    candidates[COPY] = np.where(in_star & ~copy_wins, 0, scores[COPY])
    candidates[ORIGINAL] = np.where(in_star & copy_wins, 0, scores[ORIGINAL])
    quoted = np.stack([_ahead(candidates, slot) < 2 for slot in range(SLOTS)]) & (candidates > 0)
    words = quoted * (PARTS // np.maximum(quoted.sum(axis=0), 1))
    owed = words[COPY] * passages.unchanged // PARTS * (scores[ORIGINAL] > 0)
    words[ORIGINAL] += owed
    words[COPY] -= owed
    return np.asarray(words, dtype=np.int64)


def unchanged_words(edit: Int64s) -> Int64s:
    """Parts of the words that stand in eight-word windows no word of which was replaced."""
    kept = np.full_like(edit, PARTS)
    for _ in range(_WINDOW):
        kept = kept * (PARTS - edit) // PARTS
    return kept


def _stars(passages: Passages) -> Int64s:
    stars = passages.scores.copy()
    stars[ORIGINAL] = np.where(
        passages.in_star, np.maximum(stars[ORIGINAL], stars[COPY]), stars[ORIGINAL]
    )
    stars[COPY] = np.where(passages.in_star, 0, stars[COPY])
    return np.where(passages.accounts == NO_ACCOUNT, 0, stars)


def _two_best(values: Int64s) -> Int64s:
    """The sum of the two largest along the first axis."""
    best = values[0]
    next_best = np.zeros_like(best)
    for value in values[1:]:
        next_best = np.maximum(next_best, np.minimum(best, value))
        best = np.maximum(best, value)
    return np.asarray(best + next_best, dtype=np.int64)


def _ahead(values: Int64s, slot: int) -> Int64s:
    """How many slots rank before this one: larger, or equal and earlier."""
    ahead = (values[:slot] >= values[slot]).sum(axis=0)
    return np.asarray(ahead + (values[slot + 1 :] > values[slot]).sum(axis=0), dtype=np.int64)
