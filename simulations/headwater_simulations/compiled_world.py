"""All steps of one world, compiled; importing this imports numba.

A world is one table `[6, A]`: balance, earned, kind, accepted rows, the account that a topic is
filed under, and who copies each identity. The settings are those of `compiled.SETTINGS`, keys are
of the purposes of `compiled.PURPOSES`. `work` `[5, 4]` holds what is worked out for one query, by
slot: estimate, lower end, pay, score and account. One array each: numba counts references to arrays
at every call, which would take longer than the call.

Sources: `draws`, `market`, `kernel`.
"""

from typing import Any, TypeAlias

import numpy as np
from numba import njit

from headwater_attribution.compiled_rules import ESTIMATE, LOW, PAID, causes_of_receipt
from headwater_payments.split import PARTS
from headwater_simulations.population import NOBODY
from headwater_simulations.scenario import Kind

Array: TypeAlias = Any
"""An array inside compiled code, whose types numba infers."""

_HONEST, _NEAR, _SPAMMER, _SPLITTER = (
    int(kind) for kind in (Kind.HONEST, Kind.NEAR_COPIER, Kind.SPAMMER, Kind.SPLITTER)
)
_SPAMMERS = int(Kind.SPAMMER) - 1
SCORE, WHO = 3, 4


@njit(nogil=True, error_model="numpy")
def run_world(
    world: Array,
    key: Any,
    codes: Array,
    settings: tuple[int, ...],
    steps: int,
    totals: Array,
) -> None:
    """Run a world in place.

    Args:
        world: its table.
        key: what seed and world come to.
        codes: of the purposes of draws; the last two are of draws that are the same in every step.
        settings: of the scenario.
        steps: how many.
        totals: `[4]` to fill: pool, others, paid, and the first step that lost or made money.
    """
    balance = world[0]
    price, share, queries = settings[3], settings[4], settings[2]
    money = price // PARTS * share + price % PARTS * share // PARTS
    wanted = np.zeros(len(balance), np.int64)
    keys = np.empty(len(codes), np.uint64)
    work = np.zeros((5, 4), np.int64)
    before, totals[3] = balance.sum(), -1
    for step in range(steps):
        for purpose in range(len(codes)):
            at = np.uint64(step) if purpose < len(codes) - 2 else np.uint64(0)
            keys[purpose] = mix(key ^ mix(codes[purpose] | at))
        charged = _collect(balance, wanted, keys[2], price, queries)
        totals[0] += charged * money
        totals[1] += charged * (price - money)
        totals[2] += charged * price
        for query in range(queries):
            if wanted[below(len(balance), keys[2], query)] == 0:
                totals[0] -= _pay(world, query, keys, settings, money, work)
        wanted[:] = 0
        if balance.sum() + totals[0] + totals[1] != before and totals[3] < 0:
            totals[3] = step


@njit(nogil=True, error_model="numpy")
def _collect(balance: Array, wanted: Array, key: Any, price: int, queries: int) -> int:
    """Charge those who can pay all that they ask for; leaves in `wanted` what nobody paid."""
    for query in range(queries):
        wanted[below(len(balance), key, query)] += price
    charged = 0
    for query in range(queries):
        buyer = below(len(balance), key, query)
        # Its balance falls as it pays, so what it wanted falls with it.
        if wanted[buyer] <= balance[buyer]:
            balance[buyer] -= price
            wanted[buyer] -= price
            charged += 1
    return charged


@njit(nogil=True, error_model="numpy")
def _pay(
    world: Array, query: int, keys: Array, settings: tuple[int, ...], money: int, work: Array
) -> int:
    """Pay the causes of one query's answer; gives what was paid."""
    star, unchanged = _retrieve(world, query, keys, settings, work)
    weigh(star, unchanged, work)
    spent = causes_of_receipt(money, work, settings[14], settings[15], settings[16])
    for slot in range(4):
        if work[PAID, slot]:
            world[0, work[WHO, slot]] += work[PAID, slot]
            world[1, work[WHO, slot]] += work[PAID, slot]
    return int(spent)


@njit(nogil=True, error_model="numpy")
def _retrieve(
    world: Array, query: int, keys: Array, settings: tuple[int, ...], work: Array
) -> tuple[bool, int]:
    """Fill the scores that answer a query, and whose rows they are.

    Returns:
        Whether the copy is in its original's star, and the parts of it that are unchanged.
    """
    agents, rows, _, _, _, each, spam_rows, reach, recall, precedence, edit = settings[:11]
    topic, row = below(agents, keys[0], query), below(rows, keys[1], query)
    rival = below(agents, keys[3], query)
    spammer = _SPAMMERS * each + below(each, keys[4], query)
    copier = world[5, topic]
    copied = max(copier, 0)
    known = below(PARTS, keys[11], copied * rows + row) < recall
    refused = below(PARTS, keys[12], topic * rows + row) < settings[12]
    here = _writes(world[2, topic]) and not refused
    copy_here = copier != NOBODY and not (known and settings[11] == 1)
    near = world[2, copied] == _NEAR
    original = 600 + below(400, keys[7], query)
    wobble = 950 + below(101, keys[8], query)
    edited = original * (PARTS - edit // 2) // PARTS * wobble // 1_000
    star = known and copy_here and here
    follows = here and not star and below(PARTS, keys[6], query) < precedence
    rival_here = _writes(world[2, rival]) and rival != topic
    up = below(PARTS, keys[5], query) < min(world[3, spammer] * reach // spam_rows, PARTS)
    spam_here = up and world[2, spammer] == _SPAMMER
    work[SCORE, 0] = original if here else 0
    work[SCORE, 1] = (edited if near else original) if copy_here and not follows else 0
    work[SCORE, 2] = 200 + below(400, keys[9], query) if rival_here else 0
    work[SCORE, 3] = 100 + below(500, keys[10], query) if spam_here else 0
    work[WHO, 0], work[WHO, 1] = world[4, topic], copier
    work[WHO, 2], work[WHO, 3] = world[4, rival], spammer
    return star, settings[13] if near else PARTS


@njit(nogil=True, error_model="numpy", inline="always")
def weigh(star: bool, unchanged: int, work: Array) -> None:
    """Fill the shares that follow: half by leave-one-out, half by the words quoted."""
    original, copy, rival, spam = work[SCORE, 0], work[SCORE, 1], work[SCORE, 2], work[SCORE, 3]
    stars = (max(original, copy) if star else original, 0 if star else copy, rival, spam)
    first, second, third = _three_highest(stars)
    full = max(first + second, 1)
    quotable = (
        0 if star and copy > original else original,
        0 if star and copy <= original else copy,
        rival,
        spam,
    )
    best, next_best = _two_best(quotable)
    share = PARTS if next_best < 0 else PARTS // 2
    for slot in range(4):
        work[LOW, slot] = share if slot in (best, next_best) else 0
    owed = work[LOW, 1] * unchanged // PARTS if original > 0 else 0
    work[LOW, 0] += owed
    work[LOW, 1] -= owed
    for slot in range(4):
        # Exact: a fraction of numbers below 2,001 is further from the next integer than floats err.
        lost = max(stars[slot] - third, 0) * PARTS
        out = np.int64(np.float64(lost) / np.float64(full))
        work[ESTIMATE, slot] = (out + work[LOW, slot]) // 2
        work[LOW, slot] = min(out, work[LOW, slot])


@njit(nogil=True, error_model="numpy", inline="always")
def _three_highest(values: tuple[int, int, int, int]) -> tuple[int, int, int]:
    first, second, third = -1, -1, -1
    for value in values:
        if value > first:
            first, second, third = value, first, second
        elif value > second:
            second, third = value, second
        elif value > third:
            third = value
    return first, second, third


@njit(nogil=True, error_model="numpy", inline="always")
def _two_best(values: tuple[int, int, int, int]) -> tuple[int, int]:
    """The slots of the two highest above 0, or -1; of equals the earlier ranks first."""
    best, next_best = -1, -1
    first, second = 0, 0
    for slot in range(4):
        if values[slot] > first:
            second, next_best = first, best
            first, best = values[slot], slot
        elif values[slot] > second:
            second, next_best = values[slot], slot
    return best, next_best


@njit(nogil=True, error_model="numpy")
def _writes(kind: int) -> bool:
    return kind in (_HONEST, _SPLITTER)


@njit(nogil=True, error_model="numpy")
def below(bound: int, key: Any, entity: int) -> int:
    """`draws.Draws.below` for one entity, under the key of its purpose."""
    high = mix(key ^ np.uint64(entity)) >> np.uint64(32)
    return np.int64((high * np.uint64(bound)) >> np.uint64(32))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy")
def mix(word: Any) -> Any:
    """The finaliser that makes a draw of what it is for."""
    mixed = word + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
