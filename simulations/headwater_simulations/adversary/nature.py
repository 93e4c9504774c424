"""What nature draws for an arena, the same whatever a coalition does in it.

Draws depend on (seed, world, epoch, entity, purpose) and not on the deviation, so that the
coalition that deviates and the same coalition honest meet the same queries, scores and refusals.

Symbols: `S` worlds, `R` receipts of an epoch, `N` authors.
"""

from dataclasses import dataclass

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, MAX_ROWS, MAX_TRIES, Arena
from headwater_simulations.draws import Bools, Draws, Int64s


@dataclass(frozen=True, slots=True)
class Nature:
    """What holds for a whole run.

    Attributes:
        refused: `[S, N, rows]` honest rows that admission refuses.
        likeness: `[S, N, rows]` 0 to 10^8 - 1; a copy is recognised where this is below recall.
        noise: `[S, MAX_ROWS + 1]` accepted rows of noise among the first so many.
        filler: `[S, MAX_ROWS + 1]` the same for plausible filler.
        foreseen: `[S, N, rows]` rows whose words are known before they are handed in.
        convicted: `[S, N - members]` honest authors whom arbiters find guilty if they are accused.
    """

    refused: Bools
    likeness: Int64s
    noise: Int64s
    filler: Int64s
    foreseen: Bools
    convicted: Bools


@dataclass(frozen=True, slots=True)
class Queries:
    """One epoch's receipts: the public's queries, then room for those a coalition buys itself.

    Attributes:
        price: `[S, R]` atomic units.
        author: `[S, R, 3]` whose subject it is, and the two others who come up.
        row: `[S, R, 3]` which of their rows.
        score: `[S, R, 3]` what these rows score.
        new: `[S, R, 2]` 0 to 10^8 - 1; the others' rows say more where this is below `says_more`.
        copy_wobble: `[S, R]` thousandths of the score that a copy's chance adds or takes.
        copy_draw: `[S, R]` 0 to 10^8 - 1; a copy says nothing new where this is below `precedence`.
        noise_score: `[S, R]` what a row of noise would score.
        noise_draw: `[S, R]` 0 to 10^8 - 1; noise comes up where this is below its reach.
        noise_identity: `[S, R]` whose row of noise it would be, among members × `MAX_PARTS`.
        audit_draw: `[T, S, members × MAX_PARTS]` for each seed that can be had; 0 to 10^8 - 1,
            audited where this is below the rate.
        found_draw: the same shape; a fault is found where this is below the share of bad rows.
        line_draw: `[S, R]` 0 to 10^8 - 1; a squatted line is found where this is below its chance.
        stay_draw: `[S, R]` 0 to 10^8 - 1; a buyer leaves where this is below the part that left.
        tamper_draw: `[S, R]` 0 to 10^8 - 1; receipts are left out from below, made up from above.
        check_draw: `[T, S, R]` 0 to 10^8 - 1; recomputed where this is below the rate.
    """

    price: Int64s
    author: Int64s
    row: Int64s
    score: Int64s
    new: Int64s
    copy_wobble: Int64s
    copy_draw: Int64s
    noise_score: Int64s
    noise_draw: Int64s
    noise_identity: Int64s
    audit_draw: Int64s
    found_draw: Int64s
    line_draw: Int64s
    stay_draw: Int64s
    tamper_draw: Int64s
    check_draw: Int64s


def draw_nature(arena: Arena, draws: Draws) -> Nature:
    """What nature draws once for each world of `draws`."""
    rows = np.arange(arena.authors * arena.rows)
    shape = (-1, arena.authors, arena.rows)
    return Nature(
        draws.chance(arena.false_refusal, "refused", 0, rows).reshape(shape),
        draws.below(PARTS, "likeness", 0, rows).reshape(shape),
        _accepted(draws, arena.filler_recall, "noise"),
        _accepted(draws, arena.plausible_recall, "filler"),
        draws.chance(arena.foreseen, "foreseen", 0, rows).reshape(shape),
        draws.chance(arena.court_error, "convicted", 0, np.arange(arena.authors - arena.members)),
    )


def draw_queries(arena: Arena, draws: Draws, epoch: int) -> Queries:
    """One epoch's receipts in each world of `draws`."""
    receipt = np.arange(arena.receipts)
    identity = np.arange(arena.members * MAX_PARTS)
    seeds = range(MAX_TRIES if arena.operator and not arena.late_seed else 1)

    def below(bound: int, purpose: str) -> Int64s:
        return draws.below(bound, purpose, epoch, receipt)

    def seeded(purpose: str, entities: Int64s) -> Int64s:
        """What depends on the epoch's seed, for each seed that can be had."""
        each = [draws.below(PARTS, purpose, epoch, entities + n * 10_000_000) for n in seeds]
        return np.stack(each)

    public = receipt < arena.queries
    subject = np.where(public, below(arena.authors, "subject"), below(arena.members, "own subject"))
    first = 1 + below(arena.authors - 1, "rival")
    second = 1 + below(arena.authors - 2, "second")
    second += second >= first
    authors = [subject, (subject + first) % arena.authors, (subject + second) % arena.authors]
    scores = [
        600 + below(400, "score"),
        200 + below(400, "rival score"),
        100 + below(300, "second score"),
    ]
    rows = [below(arena.rows, f"row {place}") for place in range(3)]
    return Queries(
        _prices(arena, below(1_001, "price")),
        np.stack(authors, axis=2),
        np.stack(rows, axis=2),
        np.stack(scores, axis=2),
        np.stack([below(PARTS, f"new {place}") for place in (1, 2)], axis=2),
        950 + below(101, "copy score"),
        below(PARTS, "copy says nothing new"),
        100 + below(500, "noise score"),
        below(PARTS, "noise comes up"),
        below(arena.members * MAX_PARTS, "noise identity"),
        seeded("audit", identity),
        seeded("found", identity),
        below(PARTS, "line is found"),
        below(PARTS, "stays"),
        below(PARTS, "tampered"),
        seeded("checked", receipt),
    )


def _prices(arena: Arena, drawn: Int64s) -> Int64s:
    """`[S, R]` half to one and a half times the price, two by two adding up to twice the price.

    So the public spends the same in every world, which keeps the range of pay, and with it the
    bounds on a gain, narrow.
    """
    prices = np.full_like(drawn, arena.price)
    first = np.arange(0, arena.queries - 1, 2)
    prices[:, first] = arena.price * (500 + drawn[:, first]) // 1_000
    prices[:, first + 1] = 2 * arena.price - prices[:, first]
    return prices


def _accepted(draws: Draws, recall: int, purpose: str) -> Int64s:
    kept = ~draws.chance(recall, purpose, 0, np.arange(MAX_ROWS))
    counts = np.cumsum(kept, axis=1, dtype=np.int64)
    return np.concatenate([np.zeros((len(kept), 1), dtype=np.int64), counts], axis=1)
