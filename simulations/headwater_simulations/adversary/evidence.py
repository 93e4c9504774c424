"""How an answer's passages become shares: the arithmetic of production's combined method.

An answer quotes the two best passages that say something of their own, the second only if it scores
at least half as much as the first. While the subject's author has a row among the passages, that
row has said it first: a copy follows it unless its changed words answer more of the question, and
another author's row likewise.

Half of a share is what the answer's score, the sum of what it quotes, loses when all that an
account would be quoted with is taken out, and what follows that with it; half is the words quoted,
which go to whoever committed them first. The lower end is the smaller half.

Arrays lie slot by slot, `[K, W, R]`: `K` passages, `W` worlds, `R` receipts. Scores run to 1,000.

Source: `headwater_attribution.methods`: `leave_one_out`, `span_match` and `combined`;
`headwater_models`: `corpus_backend`, `precedence` and `extractive`.
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
        in_star: `[W, R]` likeness shows the copy to be one: it is in its original's star.
        follows: `[W, R]` the question shows the copy to be one: it says nothing of its own to it.
        new: `[2, W, R]` the two other authors' rows answer more of the question than the subject's.
        unchanged: `[W, R]` share of the copy's words that stand in whole windows of the original's.
        led: `[W, R]` the copy's slot holds a line that came first, and the original follows it.
    """

    accounts: Int64s
    scores: Int64s
    in_star: Bools
    follows: Bools
    new: Bools
    unchanged: Int64s
    led: Bools | None = None


def shares(passages: Passages) -> tuple[Int64s, Int64s]:
    """Each passage's share and the lower end of its interval, `[K, W, R]` parts per 10^8."""
    removed, words = taken_out(passages), quoted_words(passages)
    return (removed + words) // 2, np.minimum(removed, words)


def taken_out(passages: Passages) -> Int64s:
    """`[K, W, R]` what the answer loses without an account, divided over what is quoted of it."""
    # What follows the subject's author stands in for it no more when that is taken out.
    accounts, standing = passages.accounts, _standing(passages)
    quoted = _quoted(standing)
    full = quoted.sum(axis=0)
    drops, mine = np.empty_like(standing), np.empty_like(standing)
    summed = np.zeros_like(full)
    for slot in range(SLOTS):
        same = accounts == accounts[slot]
        left = np.where(same, 0, standing)
        drops[slot] = np.maximum(full - _quoted(left).sum(axis=0), 0)
        mine[slot] = np.where(same, quoted, 0).sum(axis=0)
        first = ~same[:slot].any(axis=0) & (mine[slot] > 0)
        summed += np.where(first, drops[slot], 0)
    whole = np.maximum(np.maximum(full, summed), 1)
    return np.asarray(drops * PARTS // whole * quoted // np.maximum(mine, 1), dtype=np.int64)


def quoted_words(passages: Passages) -> Int64s:
    """`[K, W, R]` share of the answer's words that each passage's account was first to commit."""
    scores, in_star = passages.scores, passages.in_star
    quoted = _quoted(_standing(passages)) > 0
    copy_wins = in_star & (scores[COPY] > scores[ORIGINAL])
    quoted[COPY] |= quoted[ORIGINAL] & copy_wins
    quoted[ORIGINAL] &= ~copy_wins
    words = quoted * (PARTS // np.maximum(quoted.sum(axis=0), 1))
    owed = words[COPY] * passages.unchanged // PARTS * (scores[ORIGINAL] > 0)
    words[ORIGINAL] += owed
    words[COPY] -= owed
    return np.asarray(words, dtype=np.int64)


def quoted_scores(passages: Passages) -> Int64s:
    """`[K, W, R]` the scores of what each answer quotes, else 0."""
    return _quoted(_standing(passages))


def unchanged_words(edit: Int64s) -> Int64s:
    """Parts of the words that stand in eight-word windows no word of which was replaced."""
    kept = np.full_like(edit, PARTS)
    for _ in range(_WINDOW):
        kept = kept * (PARTS - edit) // PARTS
    return kept


def _standing(passages: Passages) -> Int64s:
    """`[K, W, R]` the scores, 0 for what says to the question only what the subject's author says.

    A copy in its original's star stands there, with the better score of the two.
    """
    stars = np.where(passages.accounts == NO_ACCOUNT, 0, passages.scores)
    first, copy = stars[ORIGINAL], stars[COPY]
    stars[ORIGINAL] = np.where(passages.in_star, np.maximum(first, copy), first)
    silent = np.zeros(stars.shape, dtype=np.bool_)
    silent[COPY], silent[RIVAL], silent[SECOND] = passages.follows, *~passages.new
    silent &= stars[ORIGINAL] > 0
    silent[COPY] |= passages.in_star
    if passages.led is not None:
        silent[ORIGINAL] |= passages.led & (stars[COPY] > 0)
    return np.where(silent, 0, stars)


def _quoted(scores: Int64s) -> Int64s:
    """`[K, W, R]` the scores of what an answer quotes of passages with these scores, else 0."""
    among = np.stack([_ahead(scores, slot) < 2 for slot in range(SLOTS)])
    return np.asarray(
        np.where(among & (2 * scores >= scores.max(axis=0)), scores, 0), dtype=np.int64
    )


def _ahead(values: Int64s, slot: int) -> Int64s:
    """How many slots rank before this one: larger, or equal and earlier."""
    ahead = (values[:slot] >= values[slot]).sum(axis=0)
    return np.asarray(ahead + (values[slot + 1 :] > values[slot]).sum(axis=0), dtype=np.int64)
