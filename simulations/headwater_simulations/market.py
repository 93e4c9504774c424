"""What one step's queries cause: the rows retrieved, their worth, and the shares that follow.

Four rows can come up for a query: the one that answers it, a copy of that, a rival's, and spam. A
query is about one identity's topic; where that identity wrote nothing of its own, no row answers.

Symbols: `W` worlds, `Q` queries, `K` = 4 slots in that order. Scores run to 1,000.

The shares follow production's combined method: half by leave-one-out over stars of near-duplicates
(the answer quotes the two best stars), half by the words quoted, which go to whoever committed them
first; the lower end is the smaller half. A copy that likeness recognises is in its original's star;
one that says to a question what its original says is not quoted beside it.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_payments.split import PARTS, portion
from headwater_simulations.columns import Columns, PublicView
from headwater_simulations.draws import Bools, Draws, Int64s
from headwater_simulations.population import (
    NOBODY,
    account_of,
    copiers_of,
    is_author,
    recognised,
    refused,
)
from headwater_simulations.scenario import Kind, Scenario

ORIGINAL, COPY, RIVAL, SPAM = range(4)
WINDOW = 8
"""Words of a window: what a copy left unchanged over one belongs to the original."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step shows the mechanism: receipts and their evidence turned into shares.

    Attributes:
        buyers: `[W, Q]` who asked.
        charges: `[W, Q]` gross, atomic units; 0 where the buyer could not pay.
        accounts, parts, low, influence: `[W, Q, K]` as `RuleColumns` has them.
    """

    buyers: Int64s
    charges: Int64s
    accounts: Int64s
    parts: Int64s
    low: Int64s
    influence: Int64s


def observe(scenario: Scenario, columns: Columns, draws: Draws, step: int) -> Observed:
    """Nature's part of a step: draw the queries and what they retrieve."""
    worlds = len(columns["kind"])
    query = np.arange(scenario.queries)
    topic = draws.below(scenario.agents, "topic", step, query)
    row = draws.below(scenario.rows, "row", step, query)
    buyer = draws.below(scenario.agents, "buyer", step, query)
    at = np.arange(worlds)[:, None]
    filed = account_of(scenario, columns)
    rival = draws.below(scenario.agents, "rival", step, query)
    spammer = _spammer(scenario, draws, step, query)
    copier = copiers_of(columns)[at, topic]
    known = recognised(scenario, draws, np.maximum(copier, 0), row)
    author = is_author(columns)
    there = np.stack(
        [
            author[at, topic] & ~refused(scenario, draws, topic, row),
            (copier != NOBODY) & ~(known & scenario.admission),
            author[at, rival] & (rival != topic),
            _spam_comes_up(scenario, columns, draws, step, spammer),
        ],
        axis=2,
    )
    near = columns["kind"][at, np.maximum(copier, 0)] == Kind.NEAR_COPIER
    scores = np.where(there, _scores(scenario, draws, step, query, near), 0)
    accounts = np.stack([filed[at, topic], copier, filed[at, rival], spammer], axis=2)
    in_star = known & there[:, :, COPY] & there[:, :, ORIGINAL]
    follows = draws.chance(scenario.precedence, "follows", step, query) & there[:, :, ORIGINAL]
    answering = scores.copy()
    answering[:, :, COPY] = np.where(follows & ~in_star, 0, scores[:, :, COPY])
    out, words = leave_one_out(answering, in_star), quoted_words(scenario, answering, in_star, near)
    return Observed(
        buyer,
        np.full(buyer.shape, scenario.price, dtype=np.int64),
        np.where(there, accounts, NO_ACCOUNT),
        (out + words) // 2,
        np.minimum(out, words),
        scores,
    )


def rule_columns(scenario: Scenario, public: PublicView, observed: Observed) -> RuleColumns:
    """The mechanism's part: what the reward rule gets, from public columns and receipts only."""
    money = observed.charges // PARTS * scenario.contributors_share
    money += observed.charges % PARTS * scenario.contributors_share // PARTS
    return RuleColumns(
        money,
        observed.accounts,
        observed.parts,
        observed.low,
        observed.influence,
        np.asarray(public["rows"]),
    )


def leave_one_out(scores: Int64s, in_star: Bools) -> Int64s:
    """`[W, Q, K]` drop of the score of the two best stars without each star, of the full score.

    A copy in its original's star adds nothing to it and gets nothing.
    """
    stars = scores.copy()
    stars[:, :, ORIGINAL] = np.where(
        in_star, np.maximum(scores[:, :, ORIGINAL], scores[:, :, COPY]), scores[:, :, ORIGINAL]
    )
    stars[:, :, COPY] = np.where(in_star, 0, stars[:, :, COPY])
    ranked = np.sort(stars, axis=2)
    third = ranked[:, :, -3:-2]
    full = ranked[:, :, -2:].sum(axis=2, keepdims=True)
    return np.asarray(np.maximum(stars - third, 0) * PARTS // np.maximum(full, 1), dtype=np.int64)


def quoted_words(scenario: Scenario, scores: Int64s, in_star: Bools, near: Bools) -> Int64s:
    """`[W, Q, K]` share of the answer's words that each was first to commit.

    The two best stars are quoted in equal parts, the better of copy and original for a star of two.
    What a copy left unchanged over whole windows belongs to the original.
    """
    candidates = scores.copy()
    copy_wins = scores[:, :, COPY] > scores[:, :, ORIGINAL]
    candidates[:, :, COPY] = np.where(in_star & ~copy_wins, 0, candidates[:, :, COPY])
    candidates[:, :, ORIGINAL] = np.where(in_star & copy_wins, 0, candidates[:, :, ORIGINAL])
    words = words_of_two_best(candidates)
    kept = PARTS
    for _ in range(WINDOW):
        kept = portion(kept, PARTS - scenario.edit)
    unchanged = np.where(near, kept, PARTS)
    owed = words[:, :, COPY] * unchanged // PARTS * (scores[:, :, ORIGINAL] > 0)
    words[:, :, ORIGINAL] += owed
    words[:, :, COPY] -= owed
    return np.asarray(words, dtype=np.int64)


def words_of_two_best(scores: Int64s) -> Int64s:
    """`[W, Q, K]` the two best that score at all, in equal parts; of equals the earlier."""
    order = np.argsort(-scores, axis=2, kind="stable")
    rank = np.argsort(order, axis=2, kind="stable")
    quoted = (rank < 2) & (scores > 0)
    return np.asarray(quoted * PARTS // np.maximum(quoted.sum(axis=2, keepdims=True), 1), np.int64)


def _scores(scenario: Scenario, draws: Draws, step: int, query: Int64s, near: Bools) -> Int64s:
    original = 600 + draws.below(400, "original score", step, query)
    wobble = 950 + draws.below(101, "copy score", step, query)
    edited = original * (PARTS - scenario.edit // 2) // PARTS * wobble // 1_000
    copy = np.where(near, edited, original)
    rival = 200 + draws.below(400, "rival score", step, query)
    spam = 100 + draws.below(500, "spam score", step, query)
    return np.stack([original, copy, rival, spam], axis=2)


def _spammer(scenario: Scenario, draws: Draws, step: int, query: Int64s) -> Int64s:
    first = (Kind.SPAMMER - 1) * scenario.each_kind
    return first + draws.below(scenario.each_kind, "spammer", step, query)


def _spam_comes_up(
    scenario: Scenario, columns: Columns, draws: Draws, step: int, spammer: Int64s
) -> Bools:
    """Spam comes up in proportion to the rows that got in."""
    at = np.arange(len(spammer))[:, None]
    rows = columns["rows"][at, spammer]
    likely = np.minimum(rows * scenario.spam_reach // scenario.spam_rows, PARTS)
    drawn = draws.chance(likely, "spam comes up", step, np.arange(spammer.shape[1]))
    return np.asarray(drawn & (columns["kind"][at, spammer] == Kind.SPAMMER), dtype=np.bool_)
