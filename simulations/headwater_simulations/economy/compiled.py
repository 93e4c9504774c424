"""All steps of one world of the reference market, compiled; importing this imports numba.

The twin of `reference`, for the shipped rule: the same integers from the same draws. It releases
the interpreter's lock, so that worlds run on threads.

Sources: `reference`, and the compiled rule of `headwater_attribution`.
"""

import zlib
from typing import Any, Final, TypeAlias

import numpy as np
from numba import njit

from headwater_attribution.compiled_rules import PAID, causes_of_receipt
from headwater_payments.split import PARTS
from headwater_simulations.compiled_world import SCORE, WHO, mix, weigh
from headwater_simulations.draws import Draws, Int64s
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
from headwater_simulations.economy.scenario import Conduct, Economy
from headwater_simulations.economy.state import (
    ARM,
    AT,
    BALANCE,
    CONDUCT,
    DIRECTION,
    ESTIMATE_OF_IT,
    FINE,
    FITNESS,
    LAST,
    NOISY,
    PLATFORM,
    POOL,
    PRICE,
    PROFIT,
    REGRET_COPYING,
    REGRET_MEASURING,
    REPUTATION,
    SOLD,
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
_NOISE_SOLD, _COPYING, _PRICES = _M["noise_sold"], _M["copying"], _M["price"]
_OF_HONEST, _OF_NOISY = _M["reputation_honest"], _M["reputation_noisy"]
_INCOME, _SHOCK_STEP, _SHOCK, _VALUE, _CONTRIBUTORS, _OWNER = range(6)
_PLATFORM_SHARE, _VALIDATORS, _GOOD, _NOISE, _UNIT_COST, _NOISE_COST = range(6, 12)
_WOBBLE, _SPOILING, _FLOOR, _PRICE_STEP, _PERIOD, _MEASURE_COST, _TOLERANCE = range(12, 19)
_WHITEWASH, _NAME_COST, _ENDOWMENT = range(19, len(NUMBERS))
_EXPLORE, _IMITATION, _MUTATION, _SHRINKAGE, _CAP, _CONFIDENCE = range(
    len(NUMBERS), len(NUMBERS) + 6
)


def advance(economy: Economy, state: State, links: Links, draws: Draws, history: Int64s) -> int:
    """See `running.Advance`."""
    odds, rule = chances(economy), economy.rule.parameters
    numbers = (
        *(int(getattr(economy, name)) for name in NUMBERS),
        *(odds.explore, odds.imitation, odds.mutation),
        *(rule.shrinkage, rule.cap, rule.confidence),
    )
    run: Any = _run
    tables = (state.buyers, state.contributors, state.services, state.owners, state.validators)
    edges = (links.first, links.count, links.members, links.runs)
    return int(
        run(tables, state.held, edges, draws.keys[0], _CODES, behaviours(economy), numbers, history)
    )


@njit(nogil=True, error_model="numpy")
def _run(
    tables: tuple[Array, ...],
    held: Array,
    edges: tuple[Array, ...],
    key: Any,
    codes: Array,
    behaviour: Array,
    numbers: tuple[int, ...],
    history: Array,
) -> int:
    """All steps; gives the first that lost or made money, or -1."""
    _, contributors, services, _, validators = tables
    keys, work = np.empty(len(codes), np.uint64), np.zeros((5, SLOTS), np.int64)
    earned, conduct = np.zeros_like(contributors[0]), np.zeros_like(contributors[0])
    fitness, offered = np.zeros_like(contributors[0]), np.zeros_like(services[0])
    before = _total(tables, held)
    for at in range(len(history)):
        for purpose in range(len(codes)):
            keys[purpose] = mix(key ^ mix(codes[purpose] | np.uint64(at)))
        told = history[at]
        earned[:] = 0
        conduct[:] = contributors[CONDUCT]
        for one in range(services.shape[1]):
            promised = (services[REPUTATION, one] >> FINE) * numbers[_VALUE] // 1_000
            offered[one] = promised - services[PRICE, one]
        fees = _buy(tables, held, edges, keys, behaviour, numbers, at, offered, earned, work, told)
        fees += _wash(tables, held, edges, numbers, conduct, earned, work, told)
        _rate(validators, services, held, keys[3], numbers, fees, told)
        _contribute(contributors, held, keys[4], behaviour, numbers, conduct, fitness, earned)
        _serve(services, held, keys[5], numbers, at, told)
        for one in range(len(conduct)):
            told[PAID_AT + conduct[one]] += earned[one]
            told[ARE_AT + contributors[CONDUCT, one]] += 1
        if _total(tables, held) != before:
            return at
    return -1


@njit(nogil=True, error_model="numpy")
def _buy(
    tables: tuple[Array, ...],
    held: Array,
    edges: tuple[Array, ...],
    keys: Array,
    behaviour: Array,
    numbers: tuple[int, ...],
    at: int,
    offered: Array,
    earned: Array,
    work: Array,
    told: Array,
) -> int:
    """Every buyer; gives the platform's part of what they paid."""
    buyers, contributors, services, owners, _ = tables
    shocked = numbers[_SHOCK_STEP] > 0 and at >= numbers[_SHOCK_STEP]
    income = numbers[_INCOME] * (numbers[_SHOCK] if shocked else 1)
    held[WORLD] -= income * buyers.shape[1]
    fees, count = 0, services.shape[1]
    volume, bought, qualities, surplus = 0, 0, 0, 0
    for buyer in range(buyers.shape[1]):
        word = mix(keys[0] ^ np.uint64(buyer))
        service = buyers[AT, buyer]
        if _field(word, 0) < numbers[_EXPLORE]:
            one, other = _pick(word, 1, count), _pick(word, 2, count)
            service = one if offered[one] >= offered[other] else other
        price = services[PRICE, service]
        buyers[BALANCE, buyer] += income
        if buyers[BALANCE, buyer] < price or offered[service] < 0:
            continue
        _find(buyer, service, contributors, edges, keys, behaviour, work)
        spoilt = _reward(price, contributors, held, numbers, earned, work, told)
        fees += _divide(service, price, services, owners, edges[3], numbers)
        buyers[BALANCE, buyer] -= price
        volume += price
        bought += 1
        luck = _pick(word, 3, 2 * numbers[_WOBBLE] + 1) - numbers[_WOBBLE]
        noisy = services[NOISY, service] == 1
        quality = (numbers[_NOISE] if noisy else numbers[_GOOD]) + luck
        quality = min(max(quality - (numbers[_SPOILING] if spoilt else 0), 0), 1_000)
        worth = _worth(quality, numbers[_VALUE])
        _learn(buyers, buyer, service, (worth - price) << FINE)
        qualities += quality
        surplus += worth - (numbers[_NOISE_COST] if noisy else numbers[_UNIT_COST])
    told[_VOLUME], told[_BOUGHT] = volume, bought
    told[_QUALITY], told[_SURPLUS] = qualities, surplus
    return fees


@njit(nogil=True, error_model="numpy", inline="always")
def _find(
    buyer: int,
    service: int,
    contributors: Array,
    edges: tuple[Array, ...],
    keys: Array,
    behaviour: Array,
    work: Array,
) -> None:
    """Fill who came up for a buyer's question, and their scores."""
    first, count, members, runs = edges
    found, shown = mix(keys[1] ^ np.uint64(buyer)), mix(keys[2] ^ np.uint64(buyer))
    model = runs[service]
    for slot in range(SLOTS):
        who = members[first[model] + _pick(found, slot, count[model])]
        conduct, drawn = contributors[CONDUCT, who], _field(shown, slot)
        up = drawn < behaviour[UP, conduct]
        for earlier in range(slot):
            up = up and work[WHO, earlier] != who
        work[WHO, slot] = who
        score = behaviour[BASE, conduct] + (drawn * behaviour[SLOPE, conduct] >> 16)
        work[SCORE, slot] = score if up else 0


@njit(nogil=True, error_model="numpy", inline="always")
def _reward(
    price: int,
    contributors: Array,
    held: Array,
    numbers: tuple[int, ...],
    earned: Array,
    work: Array,
    told: Array,
) -> bool:
    """Pay the causes of an answer; gives whether a false statement is among them."""
    money = _share(price, numbers[_CONTRIBUTORS])
    weigh(False, 0, work)
    spent = causes_of_receipt(money, work, numbers[_SHRINKAGE], numbers[_CAP], numbers[_CONFIDENCE])
    spoilt = False
    for slot in range(SLOTS):
        paid, who = work[PAID, slot], work[WHO, slot]
        if paid > 0:
            contributors[BALANCE, who] += paid
            earned[who] += paid
            spoilt = spoilt or contributors[CONDUCT, who] == _POISON
    held[POOL] += money - spent
    told[_TO_POOL] += money - spent
    return spoilt


@njit(nogil=True, error_model="numpy", inline="always")
def _divide(
    service: int, price: int, services: Array, owners: Array, runs: Array, numbers: tuple[int, ...]
) -> int:
    """Owner and service get their parts; gives the platform's."""
    money = _share(price, numbers[_CONTRIBUTORS])
    owner, fee = _share(price, numbers[_OWNER]), _share(price, numbers[_PLATFORM_SHARE])
    rest = price - money - owner - fee
    owners[BALANCE, runs[service]] += owner
    services[BALANCE, service] += rest
    services[WINDOW, service] += rest
    services[SOLD, service] += 1
    return fee


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
    tables: tuple[Array, ...],
    held: Array,
    edges: tuple[Array, ...],
    numbers: tuple[int, ...],
    conduct: Array,
    earned: Array,
    work: Array,
    told: Array,
) -> int:
    """Washers buy answers that their own row alone gives; gives the platform's part."""
    _, contributors, services, owners, _ = tables
    fees = 0
    for one in range(len(conduct)):
        service = one % services.shape[1]
        price = services[PRICE, service]
        if conduct[one] != _WASH or contributors[BALANCE, one] - earned[one] < price:
            continue
        work[WHO, :] = one
        work[SCORE, :] = 0
        work[SCORE, 0] = 1_000
        _reward(price, contributors, held, numbers, earned, work, told)
        contributors[BALANCE, one] -= price
        earned[one] -= price
        told[_VOLUME] += price
        fees += _divide(service, price, services, owners, edges[3], numbers)
    return fees


@njit(nogil=True, error_model="numpy")
def _rate(
    validators: Array,
    services: Array,
    held: Array,
    key: Any,
    numbers: tuple[int, ...],
    fees: int,
    told: Array,
) -> None:
    """Every validator rates a service, by what it saw or by the reputation there is."""
    count, people = services.shape[1], validators.shape[1]
    fund = fees * numbers[_VALIDATORS] // PARTS // people
    moved, reports = np.zeros(count, np.int64), np.zeros(count, np.int64)
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
        reports[service] += 1
        moved[service] += 0 if copies else (seen << FINE) - reputation
        told[_COPYING] += copies
        told[_SURPLUS] -= cost
    for service in range(count):
        services[REPUTATION, service] += moved[service] // (reports[service] + 7)
    held[PLATFORM] += left
    told[_TO_PLATFORM] += left


@njit(nogil=True, error_model="numpy")
def _contribute(
    mine: Array,
    held: Array,
    key: Any,
    behaviour: Array,
    numbers: tuple[int, ...],
    conduct: Array,
    fitness: Array,
    earned: Array,
) -> None:
    """Contributors pay for their rows, leave when they can't, and imitate who does better."""
    count = len(conduct)
    fitness[:] = mine[FITNESS]
    for one in range(count):
        word = mix(key ^ np.uint64(one))
        wanted = behaviour[COST, conduct[one]]
        cost = min(wanted, max(mine[BALANCE, one], 0))
        mine[BALANCE, one] -= cost
        held[WORLD] += cost
        mine[FITNESS, one] += (((earned[one] - cost) << FINE) - fitness[one]) >> 4
        other = _pick(word, 1, count)
        if _field(word, 0) < numbers[_IMITATION] and fitness[other] > fitness[one]:
            mine[CONDUCT, one] = conduct[other]
        if _field(word, 2) < numbers[_MUTATION]:
            mine[CONDUCT, one] = _pick(word, 3, _CONDUCTS)
        if cost < wanted:
            mine[CONDUCT, one] = conduct[other]
            mine[BALANCE, one] += numbers[_ENDOWMENT]
            held[WORLD] -= numbers[_ENDOWMENT]


@njit(nogil=True, error_model="numpy")
def _serve(
    services: Array, held: Array, key: Any, numbers: tuple[int, ...], at: int, told: Array
) -> None:
    """Services pay for their answers, imitate, move prices, and shed bad reputations."""
    count, period = services.shape[1], numbers[_PERIOD]
    noisy, profit = services[NOISY].copy(), services[PROFIT].copy()
    moves = period > 0 and at % period == period - 1
    for one in range(count):
        unit = numbers[_NOISE_COST] if noisy[one] == 1 else numbers[_UNIT_COST]
        told[_NOISE_SOLD] += services[SOLD, one] if noisy[one] == 1 else 0
        cost = min(unit * services[SOLD, one], max(services[BALANCE, one], 0))
        services[BALANCE, one] -= cost
        held[WORLD] += cost
        services[WINDOW, one] -= cost
        services[SOLD, one] = 0
        if moves:
            _move_price(services, one, numbers)
        word = mix(key ^ np.uint64(one))
        other = _pick(word, 1, count)
        if _field(word, 0) < numbers[_IMITATION] and profit[other] > profit[one]:
            services[NOISY, one] = noisy[other]
        bad = services[REPUTATION, one] < numbers[_WHITEWASH] << FINE
        if bad and noisy[one] == 1 and services[BALANCE, one] >= numbers[_NAME_COST]:
            services[REPUTATION, one] = numbers[_GOOD] << FINE
            services[BALANCE, one] -= numbers[_NAME_COST]
            held[WORLD] += numbers[_NAME_COST]
        told[_ARE_NOISY] += services[NOISY, one]
        told[_PRICES] += services[PRICE, one]
        shown = services[REPUTATION, one] >> FINE
        told[_OF_NOISY if services[NOISY, one] == 1 else _OF_HONEST] += shown


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
    buyers, contributors, services, owners, validators = tables
    total = held.sum() + buyers[BALANCE].sum() + contributors[BALANCE].sum()
    total += services[BALANCE].sum() + owners[BALANCE].sum() + validators[BALANCE].sum()
    return int(total)


@njit(nogil=True, error_model="numpy")
def _field(word: Any, place: int) -> int:
    """The `place`-th sixteen bits of a word."""
    return np.int64((word >> np.uint64(16 * place)) & np.uint64(0xFFFF))  # type: ignore[return-value]


@njit(nogil=True, error_model="numpy")
def _pick(word: Any, place: int, count: int) -> int:
    """One of `count` by these bits."""
    return (_field(word, place) * count) >> 16
