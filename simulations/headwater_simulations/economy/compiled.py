"""All steps of one world of the reference market, compiled; importing this imports numba.

The twin of `reference`, for the shipped rule: the same integers from the same draws. It releases
the interpreter's lock, so that worlds run on threads.

Sources: `reference`, and the compiled rule of `headwater_attribution`.
"""

import zlib
from dataclasses import astuple
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from headwater_attribution.compiled_rules import ESTIMATE, LOW, causes_of_receipt
from headwater_attribution.compiled_rules import PAID as PAID_OUT
from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import mix
from headwater_simulations.draws import Draws, Int64s, Words
from headwater_simulations.economy.behaviour import (
    ARE_AT,
    BASE,
    COST,
    METRICS,
    NUMBERS,
    PAID_AT,
    SLOPE,
    SLOTS,
    UP,
    behaviours,
    chances,
)
from headwater_simulations.economy.scenario import ABSENT, Conduct, Economy
from headwater_simulations.economy.state import (
    ARM,
    AT,
    BALANCE,
    CONDUCT,
    CREDITED,
    DIRECTION,
    DUST,
    ESTIMATE_OF_IT,
    FINE,
    FITNESS,
    GAINED,
    GAINED_LAST,
    LAST,
    NOISY,
    PAID,
    PLATFORM,
    POOL,
    PRICE,
    PROFIT,
    REGRET_COPYING,
    REGRET_MEASURING,
    REPUTATION,
    RUNS,
    SHARE,
    SOLD,
    TAKEN,
    TURN,
    VAULT,
    WINDOW,
    WORLD,
    Links,
    State,
)

Array: TypeAlias = Any
"""An array inside compiled code, whose types numba infers."""

_PURPOSES: Final = ("buyer", "rows", "scores", "validator", "contributor", "service")
_CODES: Final = np.array([zlib.crc32(name.encode()) << 32 for name in _PURPOSES], dtype=np.uint64)
_CONDUCTS = len(Conduct)
_POISON, _WASH = int(Conduct.POISON), int(Conduct.WASH)
_M = {name: place for place, name in enumerate(METRICS)}
_VOLUME, _BOUGHT, _QUALITY, _SURPLUS = (
    _M[name] for name in ("volume", "bought", "quality", "surplus")
)
_TO_PLATFORM, _TO_POOL, _ARE_NOISY = _M["platform"], _M["pool"], _M["noisy"]
_FEES, _ENTERED, _LEFT, _SHARES = (_M[n] for n in ("fees", "entered", "left", "owner_share"))
_NOISE_SOLD, _COPYING, _PRICES = _M["noise_sold"], _M["copying"], _M["price"]
_OF_HONEST, _OF_NOISY = _M["reputation_honest"], _M["reputation_noisy"]
_INCOME, _SHOCK_STEP, _SHOCK, _VALUE, _CONTRIBUTORS, _OWNER = range(6)
_PLATFORM_SHARE, _VALIDATORS, _GOOD, _NOISE, _UNIT_COST, _NOISE_COST = range(6, 12)
_WOBBLE, _SPOILING, _FLOOR, _PRICE_STEP, _PERIOD, _MEASURE_COST, _TOLERANCE = range(12, 19)
_WHITEWASH, _NAME_COST, _ENDOWMENT, _ENTRY_COST, _PAYBACK, _OWNER_STEP, _OWNER_PERIOD = range(
    19, len(NUMBERS)
)
_EXPLORE, _IMITATION, _MUTATION, _ENTRY, _SWITCHING = range(len(NUMBERS), len(NUMBERS) + 5)
_SHRINKAGE, _CAP, _CONFIDENCE, _LISTED = range(len(NUMBERS) + 5, len(NUMBERS) + 9)

_PRICED, _OFFERED, _MADE, _MAKING, _FIRST, _COUNT, _SALES, _INCOME_OF_IT = range(8)
_MOVED, _REPORTS, _NOISY_WAS, _PROFIT_WAS, _RUNS_WAS = range(8, 13)
"""Columns of `stalls` `[S, 16]`: a service's price, what it promises beyond it, the quality and the
cost of its answers, its model's stretch of `members`, the step's sales and income; what validators
would have its reputation moved by, how many they are, and what it was like before any changed."""
_SCORED: Final = 34
_PLACED: Final = 2**32 - 1
"""Bits of a candidate below its score, and those of its place."""
_DUE, _EARNED, _CONDUCT_WAS, _FITNESS_WAS = range(4)
"""Rows of `people` `[4, N]`: what the rule pays, by place; and by contributor, what it nets of its
answers and what it was like before any changed."""


class _Scratch(NamedTuple):
    """What a step is worked out in; made outside, because making arrays compiles for seconds.

    Attributes:
        keys: `[purposes]` of a step's draws.
        work: `[3, 2]` one answer's two best rows, as the rule takes them.
        stalls: see `_PRICED`.
        acting: `[N]` conducts, place by place of `members`.
        people: see `_DUE`.
        renewed: `[M]` owners who moved.
    """

    keys: Words
    work: Int64s
    stalls: Int64s
    acting: npt.NDArray[np.uint8]
    people: Int64s
    renewed: Int64s


def advance(economy: Economy, state: State, links: Links, draws: Draws, history: Int64s) -> int:
    """See `running.Advance`."""
    odds, rule = chances(economy), economy.rule.parameters
    numbers = (
        *(int(getattr(economy, name)) for name in NUMBERS),
        *astuple(odds),
        *(rule.shrinkage, rule.cap, rule.confidence),
        economy.buyers * economy.cheapest // PARTS,
    )
    scratch = _Scratch(
        np.zeros(len(_CODES), np.uint64),
        np.zeros((3, 2), np.int64),
        np.zeros((economy.services, 16), np.int64),
        np.zeros(economy.contributors, np.uint8),
        np.zeros((4, economy.contributors), np.int64),
        np.zeros(economy.owners, np.int64),
    )
    run: Any = _run
    tables = (state.buyers, state.contributors, state.services, state.owners, state.validators)
    edges = (links.first, links.count, links.members)
    table, key = behaviours(economy), draws.keys[0]
    return int(run(tables, state.held, edges, key, _CODES, table, numbers, scratch, history))


@njit(nogil=True, error_model="numpy")
def _run(
    tables: tuple[Array, ...],
    held: Array,
    edges: tuple[Array, ...],
    key: Any,
    codes: Array,
    behaviour: Array,
    numbers: tuple[int, ...],
    scratch: Any,
    history: Array,
) -> int:
    """All steps; gives the first that lost or made money, or -1."""
    buyers, contributors, services, owners, validators = tables
    keys, work, stalls, acting, people, renewed = scratch
    members = edges[2]
    before = _total(tables, held)
    for at in range(len(history)):
        for purpose in range(len(codes)):
            keys[purpose] = mix(key ^ mix(codes[purpose] | np.uint64(at)))
        told = history[at]
        _open(stalls, services, edges, numbers)
        _take_places(acting, people, contributors, members)
        held[WORLD] -= _buy(
            buyers, stalls, acting, people, keys, behaviour, numbers, at, work, told
        )
        paid = _hand_out(people, contributors, members)
        paid += _wash(contributors, stalls, numbers, people, work, told)
        fees = _divide(services, owners, held, stalls, numbers, paid, told)
        _rate(validators, services, stalls, held, keys[3], numbers, fees, told)
        _contribute(contributors, held, keys[4], behaviour, numbers, people, told)
        _serve(services, owners, stalls, held, keys[5], numbers, at, told)
        _own(services, owners, renewed, numbers, at, told)
        if _total(tables, held) != before:
            return at
    return -1


@njit(nogil=True, error_model="numpy")
def _take_places(acting: Array, people: Array, contributors: Array, members: Array) -> None:
    """Who stands where in the models' rows, and what everybody is like before any changes."""
    for one in range(len(members)):
        people[_CONDUCT_WAS, one] = contributors[CONDUCT, one]
        people[_FITNESS_WAS, one] = contributors[FITNESS, one]
        people[_DUE, one] = 0
    for place in range(len(members)):
        acting[place] = people[_CONDUCT_WAS, members[place]]


@njit(nogil=True, error_model="numpy")
def _hand_out(people: Array, contributors: Array, members: Array) -> int:
    """What the rule pays, from places to whoever stands there; gives the sum."""
    paid = 0
    for place in range(len(members)):
        who, due = members[place], people[_DUE, place]
        people[_EARNED, who] = due
        contributors[BALANCE, who] += due
        contributors[PAID, who] += due
        paid += due
    return paid


@njit(nogil=True, error_model="numpy")
def _open(
    stalls: Array,
    services: Array,
    edges: tuple[Array, ...],
    numbers: tuple[int, ...],
) -> None:
    """What is looked up about a service, side by side in memory; see `_PRICED`."""
    first, count, _ = edges
    for one in range(len(stalls)):
        promised = (services[REPUTATION, one] >> FINE) * numbers[_VALUE] // 1_000
        noisy = services[NOISY, one] == 1
        stalls[one, _PRICED] = services[PRICE, one]
        stalls[one, _OFFERED] = promised - services[PRICE, one]
        stalls[one, _MADE] = numbers[_NOISE] if noisy else numbers[_GOOD]
        stalls[one, _MAKING] = numbers[_NOISE_COST] if noisy else numbers[_UNIT_COST]
        model = services[RUNS, one]
        stalls[one, _FIRST], stalls[one, _COUNT] = first[model], count[model]
        stalls[one, _SALES], stalls[one, _INCOME_OF_IT] = 0, 0
        stalls[one, _MOVED], stalls[one, _REPORTS] = 0, 0
        stalls[one, _NOISY_WAS] = services[NOISY, one]
        stalls[one, _RUNS_WAS] = model


@njit(nogil=True, error_model="numpy")
def _buy(
    buyers: Array,
    stalls: Array,
    acting: Array,
    people: Array,
    keys: Array,
    behaviour: Array,
    numbers: tuple[int, ...],
    at: int,
    work: Array,
    told: Array,
) -> int:
    """Every buyer; what rows earn is added up place by place. Gives all incomes."""
    shocked = numbers[_SHOCK_STEP] > 0 and at >= numbers[_SHOCK_STEP]
    income = numbers[_INCOME] * (numbers[_SHOCK] if shocked else 1)
    count, explore = len(stalls), numbers[_EXPLORE]
    wobble, value = numbers[_WOBBLE], numbers[_VALUE]
    due = people[_DUE]
    choosing, finding, showing = keys[0], keys[1], keys[2]
    volume, bought, qualities, surplus = 0, 0, 0, 0
    for buyer in range(buyers.shape[1]):
        word = mix(choosing ^ np.uint64(buyer))
        service = buyers[AT, buyer]
        if _field(word, 0) < explore:
            one, other = _pick(word, 1, count), _pick(word, 2, count)
            better = stalls[one, _OFFERED] >= stalls[other, _OFFERED]
            if buyer < numbers[_LISTED]:
                better = stalls[one, _PRICED] <= stalls[other, _PRICED]
            service = one if better else other
        price, balance = stalls[service, _PRICED], buyers[BALANCE, buyer] + income
        if balance < price or stalls[service, _OFFERED] < 0:
            buyers[BALANCE, buyer] = balance
            continue
        buyers[BALANCE, buyer] = balance - price
        stalls[service, _SALES] += 1
        stalls[service, _INCOME_OF_IT] += price
        found, shown = mix(finding ^ np.uint64(buyer)), mix(showing ^ np.uint64(buyer))
        start, rows = stalls[service, _FIRST], stalls[service, _COUNT]
        spoilt = _answer(price, start, rows, found, shown, acting, due, behaviour, numbers, work)
        luck = _pick(word, 3, 2 * wobble + 1) - wobble
        quality = stalls[service, _MADE] + luck - (numbers[_SPOILING] if spoilt else 0)
        quality = min(max(quality, 0), 1_000)
        worth = _worth(quality, value)
        _learn(buyers, buyer, service, (worth - price) << FINE)
        volume += price
        bought += 1
        qualities += quality
        surplus += worth - stalls[service, _MAKING]
    told[_VOLUME], told[_BOUGHT] = volume, bought
    told[_QUALITY], told[_SURPLUS] = qualities, surplus
    return int(income * buyers.shape[1])


@njit(nogil=True, error_model="numpy", inline="always")
def _answer(
    price: int,
    start: int,
    rows: int,
    found: Any,
    shown: Any,
    acting: Array,
    due: Array,
    behaviour: Array,
    numbers: tuple[int, ...],
    work: Array,
) -> bool:
    """Find rows and pay the causes; gives whether a false statement is among them.

    Whoever isn't among the two best of the rows that come up loses nothing and isn't quoted, so
    the rule is shown these two, the best one first.
    """
    at = (
        start + _pick(found, 0, rows),
        start + _pick(found, 1, rows),
        start + _pick(found, 2, rows),
        start + _pick(found, 3, rows),
    )
    once = at[1] != at[0]
    a = _candidate(0, at[0], True, shown, acting, behaviour)
    b = _candidate(1, at[1], once, shown, acting, behaviour)
    once = (at[2] != at[0]) & (at[2] != at[1])
    c = _candidate(2, at[2], once, shown, acting, behaviour)
    once = (at[3] != at[0]) & (at[3] != at[1]) & (at[3] != at[2])
    d = _candidate(3, at[3], once, shown, acting, behaviour)
    # Sorted without a branch: which score is the higher one can't be foretold.
    a, b, c, d = max(a, b), min(a, b), max(c, d), min(c, d)
    best, middle, other = max(a, c), min(a, c), max(b, d)
    next_best, third = max(middle, other), min(middle, other)
    if best == 0:
        return False
    _reward(price, best >> _SCORED, next_best >> _SCORED, third >> _SCORED, numbers, work)
    place, second = best & _PLACED, next_best & _PLACED
    due[place] += work[PAID_OUT, 0]
    spoilt = (work[PAID_OUT, 0] > 0) & (acting[place] == _POISON)
    if next_best > 0:
        due[second] += work[PAID_OUT, 1]
        spoilt |= (work[PAID_OUT, 1] > 0) & (acting[second] == _POISON)
    return bool(spoilt)


@njit(nogil=True, error_model="numpy", inline="always")
def _candidate(
    slot: int, place: int, once: bool, shown: Any, acting: Array, behaviour: Array
) -> int:
    """A row's score, slot and place in one number, by which rows sort; 0 if it doesn't come up."""
    conduct, drawn = acting[place], _field(shown, slot)
    score = behaviour[BASE, conduct] + (drawn * behaviour[SLOPE, conduct] >> 16)
    up = (drawn < behaviour[UP, conduct]) & once
    return (score << _SCORED | (SLOTS - 1 - slot) << 32 | place) if up else 0


@njit(nogil=True, error_model="numpy", inline="always")
def _reward(
    price: int, top: int, second: int, third: int, numbers: tuple[int, ...], work: Array
) -> None:
    """What the rule pays the two best of an answer, into `work`; see `market` for the shares."""
    words = PARTS if second == 0 else PARTS // 2
    full = np.float64(top + second)
    # Exact: a fraction of numbers below 2,001 is further from the next integer than floats err.
    lost = np.int64(np.float64((top - third) * PARTS) / full)
    work[ESTIMATE, 0], work[LOW, 0] = (lost + words) // 2, min(lost, words)
    lost = np.int64(np.float64((second - third) * PARTS) / full)
    words = PARTS - words
    work[ESTIMATE, 1], work[LOW, 1] = (lost + words) // 2, min(lost, words)
    money = _share(price, numbers[_CONTRIBUTORS])
    causes_of_receipt(money, work, numbers[_SHRINKAGE], numbers[_CAP], numbers[_CONFIDENCE])


@njit(nogil=True, error_model="numpy")
def _divide(
    services: Array,
    owners: Array,
    held: Array,
    stalls: Array,
    numbers: tuple[int, ...],
    paid: int,
    told: Array,
) -> int:
    """Vaults divide what came in, `paid` of which the rule paid; gives the platform's part."""
    pool, fees, dust = -paid, 0, 0
    named = numbers[_CONTRIBUTORS] + numbers[_PLATFORM_SHARE]
    for one in range(len(stalls)):
        model = services[RUNS, one]
        share = owners[SHARE, model]
        before, income = services[TAKEN, one], stalls[one, _INCOME_OF_IT]
        after = before + income
        services[TAKEN, one] = after
        services[SOLD, one] = stalls[one, _SALES]
        money = _added(before, after, numbers[_CONTRIBUTORS])
        owner, fee = (
            _added(before, after, share),
            _added(before, after, numbers[_PLATFORM_SHARE]),
        )
        rest = _added(before, after, PARTS - named - share)
        owners[BALANCE, model] += owner
        owners[GAINED, model] += owner
        services[BALANCE, one] += rest
        services[WINDOW, one] += rest
        services[CREDITED, one] += rest
        pool += money
        fees += fee
        dust += income - money - owner - fee - rest
    held[POOL] += pool
    held[DUST] += dust
    told[_TO_POOL], told[_FEES] = pool, fees
    return fees


@njit(nogil=True, error_model="numpy", inline="always")
def _added(before: int, after: int, share: int) -> int:
    """By how much a party's share of a vault's income grew, rounded down before and after."""
    grown = after // PARTS - before // PARTS
    return grown * share + _share(after % PARTS, share) - _share(before % PARTS, share)


@njit(nogil=True, error_model="numpy", inline="always")
def _learn(buyers: Array, buyer: int, service: int, gain: int) -> None:
    """What an answer was worth, beside what the buyer expects where it is."""
    expected = buyers[ESTIMATE_OF_IT, buyer]
    if service == buyers[AT, buyer]:
        buyers[ESTIMATE_OF_IT, buyer] = expected + ((gain - expected) >> 2)
    elif gain > expected:
        buyers[AT, buyer] = service
        buyers[ESTIMATE_OF_IT, buyer] = gain


@njit(nogil=True, error_model="numpy")
def _wash(
    contributors: Array,
    stalls: Array,
    numbers: tuple[int, ...],
    people: Array,
    work: Array,
    told: Array,
) -> int:
    """Washers buy answers that their own row alone gives; gives what the rule pays for these."""
    paid, volume = 0, 0
    for one in range(contributors.shape[1]):
        if people[_CONDUCT_WAS, one] != _WASH:
            continue
        service = one % len(stalls)
        price = stalls[service, _PRICED]
        if contributors[BALANCE, one] - people[_EARNED, one] < price:
            continue
        _reward(price, 1_000, 0, 0, numbers, work)
        gained = work[PAID_OUT, 0]
        contributors[BALANCE, one] += gained - price
        contributors[PAID, one] += gained
        people[_EARNED, one] += gained - price
        stalls[service, _SALES] += 1
        stalls[service, _INCOME_OF_IT] += price
        paid += gained
        volume += price
    told[_VOLUME] += volume
    return paid


@njit(nogil=True, error_model="numpy")
def _rate(
    validators: Array,
    services: Array,
    stalls: Array,
    held: Array,
    key: Any,
    numbers: tuple[int, ...],
    fees: int,
    told: Array,
) -> None:
    """Every validator rates a service, by what it saw or by the reputation there is."""
    count, people = services.shape[1], validators.shape[1]
    fund = fees * numbers[_VALIDATORS] // PARTS // people
    left = fees
    for one in range(people):
        word = mix(key ^ np.uint64(one))
        service = _pick(word, 0, count)
        error = _pick(word, 1, 2 * numbers[_WOBBLE] + 1) - numbers[_WOBBLE]
        true = numbers[_NOISE] if services[NOISY, service] == 1 else numbers[_GOOD]
        seen, reputation = min(max(true + error, 0), 1_000), services[REPUTATION, service]
        of_copying = max(validators[REGRET_COPYING, one], 0)
        both = max(validators[REGRET_MEASURING, one], 0) + of_copying
        copies = validators[ARM, one] == 1
        if both > 0:
            copies = _field(word, 2) * both < of_copying << 16
        agrees = abs(seen - (reputation >> FINE)) <= numbers[_TOLERANCE]
        measuring = (fund if agrees else 0) - numbers[_MEASURE_COST]
        played = fund if copies else measuring
        validators[REGRET_MEASURING, one] += measuring - played
        validators[REGRET_COPYING, one] += fund - played
        validators[ARM, one] = 1 if copies else 0
        cost = 0 if copies else min(numbers[_MEASURE_COST], validators[BALANCE, one])
        paid = fund if copies or agrees else 0
        validators[BALANCE, one] += paid - cost
        left -= paid
        held[WORLD] += cost
        stalls[service, _REPORTS] += 1
        stalls[service, _MOVED] += 0 if copies else (seen << FINE) - reputation
        told[_COPYING] += copies
        told[_SURPLUS] -= cost
    for service in range(count):
        reports = stalls[service, _REPORTS]
        services[REPUTATION, service] += stalls[service, _MOVED] // (reports + 7)
    held[PLATFORM] += left
    told[_TO_PLATFORM] += left


@njit(nogil=True, error_model="numpy")
def _contribute(
    mine: Array,
    held: Array,
    key: Any,
    behaviour: Array,
    numbers: tuple[int, ...],
    people: Array,
    told: Array,
) -> None:
    """Contributors pay for their rows, leave when they can't, and imitate who does better."""
    count = mine.shape[1]
    earned, conduct, fitness = people[_EARNED], people[_CONDUCT_WAS], people[_FITNESS_WAS]
    for one in range(count):
        word = mix(key ^ np.uint64(one))
        wanted = behaviour[COST, conduct[one]]
        cost = min(wanted, max(mine[BALANCE, one], 0))
        mine[BALANCE, one] -= cost
        held[WORLD] += cost
        mine[FITNESS, one] += (((earned[one] - cost) << FINE) - fitness[one]) >> 4
        chance = _field(word, 0)
        if conduct[one] == ABSENT:
            other = _pick(word, 1, count)
            pays = fitness[other] * numbers[_PAYBACK] > numbers[_ENTRY_COST] << FINE
            if chance < numbers[_ENTRY] and conduct[other] != ABSENT and pays:
                mine[CONDUCT, one], mine[FITNESS, one] = conduct[other], 0
                brought = max(numbers[_ENDOWMENT] - numbers[_ENTRY_COST], 0)
                mine[BALANCE, one] += brought
                held[WORLD] -= brought
                told[_ENTERED] += 1
                told[ARE_AT + conduct[other]] += 1
            continue
        if chance < numbers[_IMITATION]:
            other = _pick(word, 1, count)
            if conduct[other] != ABSENT and fitness[other] > fitness[one]:
                mine[CONDUCT, one] = conduct[other]
        if _field(word, 2) < numbers[_MUTATION]:
            mine[CONDUCT, one] = _pick(word, 3, _CONDUCTS)
        told[PAID_AT + conduct[one]] += earned[one]
        if cost < wanted:
            mine[CONDUCT, one], mine[FITNESS, one] = ABSENT, 0
            held[WORLD] += mine[BALANCE, one]
            mine[BALANCE, one] = 0
            told[_LEFT] += 1
        else:
            told[ARE_AT + mine[CONDUCT, one]] += 1


@njit(nogil=True, error_model="numpy")
def _serve(
    services: Array,
    owners: Array,
    stalls: Array,
    held: Array,
    key: Any,
    numbers: tuple[int, ...],
    at: int,
    told: Array,
) -> None:
    """Services pay for their answers, imitate, move prices, and shed bad reputations."""
    count, period = services.shape[1], numbers[_PERIOD]
    for one in range(count):
        stalls[one, _PROFIT_WAS] = services[PROFIT, one]
    moves = period > 0 and at % period == period - 1
    for one in range(count):
        unit = numbers[_NOISE_COST] if stalls[one, _NOISY_WAS] == 1 else numbers[_UNIT_COST]
        told[_NOISE_SOLD] += services[SOLD, one] if stalls[one, _NOISY_WAS] == 1 else 0
        cost = min(unit * services[SOLD, one], max(services[BALANCE, one], 0))
        services[BALANCE, one] -= cost
        held[WORLD] += cost
        services[WINDOW, one] -= cost
        services[SOLD, one] = 0
        if moves:
            _move_price(services, one, numbers)
        word = mix(key ^ np.uint64(one))
        other = _pick(word, 1, count)
        profit, model = stalls[other, _PROFIT_WAS], stalls[other, _RUNS_WAS]
        if _field(word, 0) < numbers[_IMITATION] and profit > stalls[one, _PROFIT_WAS]:
            services[NOISY, one] = stalls[other, _NOISY_WAS]
        cheaper = owners[SHARE, model] < owners[SHARE, stalls[one, _RUNS_WAS]]
        if _field(word, 2) < numbers[_SWITCHING] and cheaper:
            services[RUNS, one] = model
            _renew(services, one)
        bad = services[REPUTATION, one] < numbers[_WHITEWASH] << FINE
        if bad and stalls[one, _NOISY_WAS] == 1 and services[BALANCE, one] >= numbers[_NAME_COST]:
            services[REPUTATION, one] = numbers[_GOOD] << FINE
            services[BALANCE, one] -= numbers[_NAME_COST]
            held[WORLD] += numbers[_NAME_COST]
        told[_ARE_NOISY] += services[NOISY, one]
        told[_PRICES] += services[PRICE, one]
        shown = services[REPUTATION, one] >> FINE
        told[_OF_NOISY if services[NOISY, one] == 1 else _OF_HONEST] += shown


@njit(nogil=True, error_model="numpy")
def _own(
    services: Array, owners: Array, renewed: Array, numbers: tuple[int, ...], at: int, told: Array
) -> None:
    """Owners move their shares uphill; each service of theirs gets a vault with the new terms."""
    period, count = numbers[_OWNER_PERIOD], owners.shape[1]
    if period > 0 and at % period == period - 1:
        for one in range(count):
            if owners[GAINED, one] < owners[GAINED_LAST, one]:
                owners[TURN, one] = -owners[TURN, one]
            most = PARTS - numbers[_CONTRIBUTORS] - numbers[_PLATFORM_SHARE]
            share = owners[SHARE, one] + owners[TURN, one] * numbers[_OWNER_STEP]
            share = min(max(share, 0), most)
            renewed[one] = share != owners[SHARE, one]
            owners[SHARE, one] = share
            owners[GAINED_LAST, one], owners[GAINED, one] = owners[GAINED, one], 0
        for service in range(services.shape[1]):
            if renewed[services[RUNS, service]]:
                _renew(services, service)
    for one in range(count):
        told[_SHARES] += owners[SHARE, one]


@njit(nogil=True, error_model="numpy", inline="always")
def _renew(services: Array, one: int) -> None:
    """A vault's terms don't change: a service whose terms do gets a new one."""
    services[VAULT, one] += 1
    services[TAKEN, one] = 0


@njit(nogil=True, error_model="numpy")
def _move_price(services: Array, one: int, numbers: tuple[int, ...]) -> None:
    """Go on in the direction in which profit rose, and turn where it fell."""
    if services[WINDOW, one] < services[LAST, one]:
        services[DIRECTION, one] = -services[DIRECTION, one]
    by = max(services[PRICE, one] * numbers[_PRICE_STEP] // 10_000, 1)
    moved = services[PRICE, one] + services[DIRECTION, one] * by
    services[PRICE, one] = min(max(moved, numbers[_FLOOR]), 2**31)
    services[PROFIT, one] += ((services[WINDOW, one] << FINE) - services[PROFIT, one]) >> 2
    services[LAST, one] = services[WINDOW, one]
    services[WINDOW, one] = 0


@njit(nogil=True, error_model="numpy", inline="always")
def _worth(quality: int, value: int) -> int:
    """What an answer is worth of which a perfect one is worth `value`, rounded down."""
    return np.int64(np.uint64(quality * value) // np.uint64(1_000))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy", inline="always")
def _share(amount: int, share: int) -> int:
    """A share of an amount, both at least 0, rounded down; unsigned division is the cheaper one."""
    return np.int64(np.uint64(amount * share) // np.uint64(PARTS))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy")
def _total(tables: tuple[Array, ...], held: Array) -> int:
    total = 0
    for each in held:
        total += each
    buyers, contributors, services, owners, validators = tables
    return int(
        total
        + _added_up(buyers[BALANCE])
        + _added_up(contributors[BALANCE])
        + _added_up(services[BALANCE])
        + _added_up(owners[BALANCE])
        + _added_up(validators[BALANCE])
    )


@njit(nogil=True, error_model="numpy")
def _added_up(amounts: Array) -> int:
    total = 0
    for each in amounts:
        total += each
    return total


@njit(nogil=True, error_model="numpy")
def _field(word: Any, place: int) -> int:
    """The `place`-th sixteen bits of a word."""
    return np.int64((word >> np.uint64(16 * place)) & np.uint64(0xFFFF))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy")
def _pick(word: Any, place: int, count: int) -> int:
    """One of `count` by these bits."""
    return (_field(word, place) * count) >> 16
