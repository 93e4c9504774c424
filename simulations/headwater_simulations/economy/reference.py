"""One step of the reference market in numpy: the slow, obvious engine, for any rule.

Everybody acts on what held when the step began; what they do is then added up. So the order in
which agents are looked at doesn't matter, and the compiled engine gives the same integers. By turns
the same functions are called for one agent after the other (see `turns`).

Symbols: `B` buyers, `N` contributors, `S` services, `V` validators, `K` = 4 slots of a receipt.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import portions
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_payments.routing import BY_PRICE, Preference
from headwater_payments.split import PARTS
from headwater_simulations.columns import Columns
from headwater_simulations.draws import Bools, Draws, Int64s, Words
from headwater_simulations.economy.behaviour import (
    ARE_AT,
    BASE,
    COST,
    METRICS,
    PAID_AT,
    ROWS,
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
    HIDDEN,
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
from headwater_simulations.economy.turns import acting, served
from headwater_simulations.market import leave_one_out, words_of_two_best

_M = {name: place for place, name in enumerate(METRICS)}


@dataclass(frozen=True, slots=True)
class Sales:
    """Answers sold in a step, `[R]`: who buys, at which service, the price paid (0 where nothing is
    bought), luck; `[R, K]` who came up, with which scores."""

    buyer: Int64s
    service: Int64s
    price: Int64s
    luck: Int64s
    slots: Int64s
    scores: Int64s


def step(
    economy: Economy,
    state: State,
    links: Links,
    draws: Draws,
    at: int,
    sold: list[tuple[Sales, Sales]] | None = None,
) -> Int64s:
    """Advance a world by a step, in place.

    Args:
        economy: the market.
        state: the world.
        links: its edges.
        draws: its randomness.
        at: the step's number, from 0.
        sold: where to note what buyers bought, and what washers did.

    Returns:
        `[len(METRICS)]` what the step came to.
    """
    told = np.zeros(len(METRICS), dtype=np.int64)
    table = behaviours(economy)
    conduct = state.contributors[CONDUCT].copy()
    sales = _choose(economy, state, links, draws, at, table)
    earned = np.zeros(economy.contributors, dtype=np.int64)
    taken, before = np.zeros(economy.services, dtype=np.int64), state.contributors[PAID].sum()
    _pay(economy, state, sales, conduct, earned, taken, told)
    washed = _wash(economy, state, draws, at, conduct, earned)
    _take(state, washed, taken, told)
    paid = int(state.contributors[PAID].sum() - before)
    fees = _divide(economy, state, taken, paid, told)
    if sold is not None:
        sold.append((sales, washed))
    fund = fees * economy.validators_share // PARTS // economy.validators
    state.held[PLATFORM] += fees
    told[_M["platform"]] += fees
    for who in acting(economy, draws, at, "validator"):
        _rate(economy, state, draws, at, who, fund, told)
    for who in acting(economy, draws, at, "contributor"):
        _contribute(economy, state, draws, at, who, table, earned, told)
    for who in acting(economy, draws, at, "service"):
        _serve(economy, state, draws, at, who, told)
    _tell_services(state, told)
    _own(economy, state, at, told)
    for each in Conduct:
        told[PAID_AT + each] = earned[conduct == each].sum()
        told[ARE_AT + each] = (state.contributors[CONDUCT] == each).sum()
    return told


def _choose(
    economy: Economy, state: State, links: Links, draws: Draws, at: int, table: Int64s
) -> Sales:
    """Buyers get their income, stay or explore, and find rows."""
    buyer = np.arange(economy.buyers)
    word = draws.words("buyer", at, buyer)[0]
    shocked = economy.shock if economy.shock_step and at >= economy.shock_step else 1
    income = economy.income * shocked
    state.buyers[BALANCE] += income
    state.held[WORLD] -= income * economy.buyers
    one, other = _pick(word, 1, economy.services), _pick(word, 2, economy.services)
    offered = _surplus(state.services, Preference(economy.value))
    better = np.where(offered[one] >= offered[other], one, other)
    plain = _surplus(state.services, BY_PRICE)
    cheaper = np.where(plain[one] >= plain[other], one, other)
    listed = buyer < economy.buyers * economy.cheapest // PARTS
    better = np.where(listed, cheaper, better)
    service = np.where(_field(word, 0) < chances(economy).explore, better, state.buyers[AT])
    price = state.services[PRICE][service]
    wanted = (state.buyers[BALANCE] >= price) & (offered[service] >= 0)
    none_sold = np.zeros(economy.services, dtype=np.int64)
    wanted = served(economy, draws, at, "buyer", service, wanted, none_sold)
    price = np.where(wanted, price, 0)
    found, shown = draws.words("rows", at, buyer)[0], draws.words("scores", at, buyer)[0]
    model = state.services[RUNS][service]
    slots, scores = (np.zeros((economy.buyers, SLOTS), dtype=np.int64) for _ in range(2))
    for slot in range(SLOTS):
        place = links.first[model] + (_field(found, slot) * links.count[model] >> 16)
        who = links.members[place]
        conduct, drawn = state.contributors[CONDUCT][who], _field(shown, slot)
        score = table[BASE][conduct] + (drawn * table[SLOPE][conduct] >> 16)
        again = (slots[:, :slot] == who[:, None]).any(axis=1)
        slots[:, slot] = who
        scores[:, slot] = np.where((drawn < table[UP][conduct]) & ~again, score, 0)
    luck = _pick(word, 3, 2 * economy.wobble + 1) - economy.wobble
    return Sales(buyer, service, price, luck, slots, scores)


def _surplus(services: Int64s, preference: Preference) -> Int64s:
    """`[S]` what each service promises a buyer, by the rule that agents rank listings with."""
    told = zip(services[PRICE].tolist(), (services[REPUTATION] >> FINE).tolist(), strict=True)
    return np.array([preference.surplus(price, quality) for price, quality in told])


def _pay(
    economy: Economy,
    state: State,
    sales: Sales,
    conduct: Int64s,
    earned: Int64s,
    taken: Int64s,
    told: Int64s,
) -> None:
    """Causes are paid and vaults take the prices in; buyers learn what answers were worth."""
    bought = sales.price > 0
    paid = _causes(economy, state, sales, earned)
    quoted = paid.any(axis=1) if paid.any() else np.zeros(len(bought), dtype=np.bool_)
    spoilt = quoted & ((paid > 0) & (conduct[sales.slots] == Conduct.POISON)).any(axis=1)
    _take(state, sales, taken, told)
    state.buyers[BALANCE] -= sales.price
    told[_M["bought"]] += bought.sum()
    _learn(economy, state, sales, bought, spoilt, told)


def _take(state: State, sales: Sales, taken: Int64s, told: Int64s) -> None:
    """`taken` `[S]` grows by the prices that each service's vault takes in."""
    np.add.at(taken, sales.service, sales.price)
    np.add.at(state.services[SOLD], sales.service, sales.price > 0)
    told[_M["volume"]] += sales.price.sum()


def _divide(economy: Economy, state: State, taken: Int64s, paid: int, told: Int64s) -> int:
    """Vaults divide what came in, `paid` of which the rule pays out; gives the platform's part.

    As `RevenueVault` does, every party is credited its share of all that a vault ever took in,
    rounded down. What is credited to contributors and not paid to any stays in their pool.
    """
    services = state.services
    before = services[TAKEN].copy()
    services[TAKEN] += taken
    pool, owner, fee, rest = (
        portions(services[TAKEN], share) - portions(before, share)
        for share in _shares(economy, state.owners[SHARE][services[RUNS]])
    )
    np.add.at(state.owners[BALANCE], services[RUNS], owner)
    np.add.at(state.owners[GAINED], services[RUNS], owner)
    services[BALANCE] += rest
    services[WINDOW] += rest
    services[CREDITED] += rest
    kept = int(pool.sum()) - paid
    state.held[POOL] += kept
    state.held[DUST] += (taken - pool - owner - fee - rest).sum()
    told[_M["pool"]] += kept
    told[_M["fees"]] += fee.sum()
    return int(fee.sum())


def _shares(economy: Economy, owner: Int64s) -> tuple[Int64s, ...]:
    """`[S]` of vaults' incomes: contributors, owner, platform, service; together the whole."""
    contributors = np.full(len(owner), economy.contributors_share, dtype=np.int64)
    platform = np.full(len(owner), economy.platform_share, dtype=np.int64)
    return contributors, owner, platform, PARTS - contributors - owner - platform


def _causes(economy: Economy, state: State, sales: Sales, earned: Int64s) -> Int64s:
    """The rule pays `[R, K]` slots of `[R]` receipts; `earned` grows by what it pays."""
    price, slots = sales.price, sales.slots
    there = (sales.scores > 0) & (price > 0)[:, None]
    shown = np.where(there, sales.scores, 0)[None]
    removed = leave_one_out(shown, np.zeros(shown.shape[:2], dtype=np.bool_))
    words = words_of_two_best(shown)
    view = RuleColumns(
        (price * economy.contributors_share // PARTS)[None],
        np.where(there, slots, NO_ACCOUNT)[None],
        (removed + words) // 2,
        np.minimum(removed, words),
        shown,
        np.asarray(_public(economy, state)["rows"]),
    )
    payout = economy.rule.settle(view)
    earned += payout.accounts[0]
    state.contributors[BALANCE] += payout.accounts[0]
    state.contributors[PAID] += payout.accounts[0]
    return np.zeros_like(slots) if payout.slots is None else payout.slots[0]


def _public(economy: Economy, state: State) -> Columns:
    """Contributors as a mechanism may see them, `[1, N]`."""
    conduct = state.contributors[CONDUCT]
    columns = {
        "rows": behaviours(economy)[ROWS][conduct][None],
        "conduct": conduct[None],
        "fitness": state.contributors[FITNESS][None],
    }
    return Columns(columns, HIDDEN["contributors"])


def _learn(
    economy: Economy, state: State, sales: Sales, bought: Bools, spoilt: Bools, told: Int64s
) -> None:
    """Buyers compare what an answer was worth with what they expect where they are."""
    noisy = state.services[NOISY][sales.service] == 1
    quality = np.where(noisy, economy.noise_quality, economy.quality)
    quality = np.clip(quality + sales.luck - economy.spoiling * spoilt, 0, 1_000)
    worth = quality * economy.value // 1_000
    gain = (worth - sales.price) << FINE
    there, expected = state.buyers[AT], state.buyers[ESTIMATE_OF_IT]
    stayed, better = bought & (there == sales.service), bought & (gain > expected)
    state.buyers[ESTIMATE_OF_IT] = np.where(
        stayed, expected + (gain - expected >> 2), np.where(better, gain, expected)
    )
    state.buyers[AT] = np.where(better, sales.service, there)
    cost = np.where(noisy, economy.noise_cost, economy.unit_cost)
    told[_M["quality"]] += quality[bought].sum()
    told[_M["surplus"]] += (worth - cost)[bought].sum()


def _wash(
    economy: Economy, state: State, draws: Draws, at: int, conduct: Int64s, earned: Int64s
) -> Sales:
    """Washers buy an answer that their own row alone gives."""
    who = np.arange(economy.contributors)
    service = who % economy.services
    price = state.services[PRICE][service]
    buys = (conduct == Conduct.WASH) & (state.contributors[BALANCE] - earned >= price)
    buys = served(economy, draws, at, "contributor", service, buys, state.services[SOLD])
    price = np.where(buys, price, 0)
    slots = np.stack([who, *[np.zeros_like(who)] * (SLOTS - 1)], axis=1)
    scores = np.zeros_like(slots)
    scores[:, 0] = 1_000
    sales = Sales(who, service, price, np.zeros_like(who), slots, scores)
    _causes(economy, state, sales, earned)
    state.contributors[BALANCE] -= price
    earned -= price
    return sales


def _rate(
    economy: Economy, state: State, draws: Draws, at: int, who: Int64s, fund: int, told: Int64s
) -> None:
    """Validators report on services, get `fund` for agreeing with the reputation, and learn.

    An arm is chosen by regret matching: with a chance in proportion to what the other one would
    have brought more so far. What either brings is known to who could have done both.
    """
    validators, services = state.validators, state.services
    word = draws.words("validator", at, who)[0]
    service = _pick(word, 0, economy.services)
    error = _pick(word, 1, 2 * economy.wobble + 1) - economy.wobble
    noisy = services[NOISY][service] == 1
    seen = np.clip(np.where(noisy, economy.noise_quality, economy.quality) + error, 0, 1_000)
    reputation = services[REPUTATION][service]
    of_copying = np.maximum(validators[REGRET_COPYING, who], 0)
    of_both = np.maximum(validators[REGRET_MEASURING, who], 0) + of_copying
    drawn = _field(word, 2) * of_both < of_copying << 16
    copies = np.where(of_both > 0, drawn, validators[ARM, who] == 1)
    agrees = np.abs(seen - (reputation >> FINE)) <= economy.tolerance
    measuring, copying = np.where(agrees, fund, 0) - economy.measure_cost, fund
    played = np.where(copies, copying, measuring)
    validators[REGRET_MEASURING, who] += measuring - played
    validators[REGRET_COPYING, who] += copying - played
    validators[ARM, who] = copies
    cost = np.where(copies, 0, np.minimum(economy.measure_cost, validators[BALANCE, who]))
    paid = np.where(copies | agrees, fund, 0)
    validators[BALANCE, who] += paid - cost
    state.held[PLATFORM] -= paid.sum()
    state.held[WORLD] += cost.sum()
    moved, reports = np.zeros_like(services[0]), np.zeros_like(services[0])
    np.add.at(moved, service, np.where(copies, 0, (seen << FINE) - reputation))
    np.add.at(reports, service, 1)
    services[REPUTATION] += moved // (reports + 7)
    told[_M["platform"]] -= paid.sum()
    told[_M["copying"]] += copies.sum()
    told[_M["surplus"]] -= cost.sum()


def _contribute(
    economy: Economy,
    state: State,
    draws: Draws,
    at: int,
    who: Int64s,
    table: Int64s,
    earned: Int64s,
    told: Int64s,
) -> None:
    """Contributors pay for their rows, leave when they can't, and imitate who does better.

    Whoever thinks of entering looks at one who is there, and enters as that one does, if what it
    nets covers the cost of entering soon enough. So more may leave than enter, or the reverse.
    """
    mine, odds = state.contributors, chances(economy)
    word = draws.words("contributor", at, who)[0]
    other = _pick(word, 1, economy.contributors)
    conduct, fitness = mine[CONDUCT, who], mine[FITNESS, who]
    of_other, fitness_of_other = mine[CONDUCT, other], mine[FITNESS, other]
    cost = np.minimum(table[COST][conduct], np.maximum(mine[BALANCE, who], 0))
    mine[BALANCE, who] -= cost
    state.held[WORLD] += cost.sum()
    mine[FITNESS, who] += (earned[who] - cost << FINE) - fitness >> 4
    there, seen = conduct != ABSENT, of_other != ABSENT
    looks = there & seen & (_field(word, 0) < odds.imitation)
    adopted = np.where(looks & (fitness_of_other > fitness), of_other, conduct)
    changes = there & (_field(word, 2) < odds.mutation)
    adopted = np.where(changes, _pick(word, 3, len(Conduct)), adopted)
    broke = cost < table[COST][conduct]
    enters = ~there & seen & (_field(word, 0) < odds.entry)
    enters &= fitness_of_other * economy.payback > economy.entry_cost << FINE
    adopted = np.where(enters, of_other, adopted)
    mine[CONDUCT, who] = np.where(broke, ABSENT, adopted)
    mine[FITNESS, who] = np.where(broke | enters, 0, mine[FITNESS, who])
    brought = np.where(enters, max(economy.endowment - economy.entry_cost, 0), 0)
    brought -= np.where(broke, mine[BALANCE, who], 0)
    mine[BALANCE, who] += brought
    state.held[WORLD] -= brought.sum()
    told[_M["left"]] += broke.sum()
    told[_M["entered"]] += enters.sum()


def _serve(
    economy: Economy, state: State, draws: Draws, at: int, who: Int64s, told: Int64s
) -> None:
    """Services pay for their answers, imitate, move prices uphill, and shed bad reputations."""
    services, odds = state.services, chances(economy)
    word = draws.words("service", at, who)[0]
    other = _pick(word, 1, economy.services)
    noisy, profit, runs = (services[column, who] for column in (NOISY, PROFIT, RUNS))
    of_other = tuple(services[column, other] for column in (NOISY, PROFIT, RUNS))
    told[_M["noise_sold"]] += services[SOLD, who][noisy == 1].sum()
    unit = np.where(noisy == 1, economy.noise_cost, economy.unit_cost)
    cost = np.minimum(unit * services[SOLD, who], np.maximum(services[BALANCE, who], 0))
    services[BALANCE, who] -= cost
    state.held[WORLD] += cost.sum()
    services[WINDOW, who] -= cost
    services[SOLD, who] = 0
    if economy.price_period and at % economy.price_period == economy.price_period - 1:
        move_prices(economy, services, who)
    looks = (_field(word, 0) < odds.imitation) & (of_other[1] > profit)
    services[NOISY, who] = np.where(looks, of_other[0], noisy)
    terms = state.owners[SHARE]
    switches = (_field(word, 2) < odds.switching) & (terms[of_other[2]] < terms[runs])
    services[RUNS, who] = np.where(switches, of_other[2], runs)
    _renew(services, who[switches])
    bad = services[REPUTATION, who] < economy.whitewash_below << FINE
    fresh = who[bad & (noisy == 1) & (services[BALANCE, who] >= economy.identity_cost)]
    services[REPUTATION, fresh] = economy.quality << FINE
    services[BALANCE, fresh] -= economy.identity_cost
    state.held[WORLD] += len(fresh) * economy.identity_cost


def _tell_services(state: State, told: Int64s) -> None:
    """What services are like once all have acted."""
    noisy, shown = state.services[NOISY], state.services[REPUTATION] >> FINE
    told[_M["noisy"]] += noisy.sum()
    told[_M["price"]] += state.services[PRICE].sum()
    told[_M["reputation_noisy"]] += shown[noisy == 1].sum()
    told[_M["reputation_honest"]] += shown[noisy == 0].sum()


def _own(economy: Economy, state: State, at: int, told: Int64s) -> None:
    """Owners move their shares uphill; each service of theirs gets a vault with the new terms."""
    owners = state.owners
    if economy.owner_period and at % economy.owner_period == economy.owner_period - 1:
        turned = owners[GAINED] < owners[GAINED_LAST]
        owners[TURN] = np.where(turned, -owners[TURN], owners[TURN])
        most = PARTS - economy.contributors_share - economy.platform_share
        moved = np.clip(owners[SHARE] + owners[TURN] * economy.owner_step, 0, most)
        renewed = (moved != owners[SHARE])[state.services[RUNS]]
        _renew(state.services, np.flatnonzero(renewed))
        owners[SHARE] = moved
        owners[GAINED_LAST] = owners[GAINED]
        owners[GAINED] = 0
    told[_M["owner_share"]] += owners[SHARE].sum()


def _renew(services: Int64s, changed: Int64s) -> None:
    """A vault's terms don't change: services of these numbers, whose terms do, get a new one."""
    services[VAULT, changed] += 1
    services[TAKEN, changed] = 0


def move_prices(economy: Economy, services: Int64s, who: Int64s) -> None:
    """Go on in the direction in which profit rose, and turn where it fell."""
    turned = services[WINDOW, who] < services[LAST, who]
    services[DIRECTION, who] *= np.where(turned, -1, 1)
    by = np.maximum(services[PRICE, who] * economy.price_step // 10_000, 1)
    moved = services[PRICE, who] + services[DIRECTION, who] * by
    services[PRICE, who] = np.clip(moved, economy.floor, 2**31)
    services[PROFIT, who] += (services[WINDOW, who] << FINE) - services[PROFIT, who] >> 2
    services[LAST, who] = services[WINDOW, who]
    services[WINDOW, who] = 0


def _field(words: Words, place: int) -> Int64s:
    """The `place`-th sixteen bits of each word."""
    return (words >> np.uint64(16 * place) & np.uint64(0xFFFF)).astype(np.int64)


def _pick(words: Words, place: int, count: int) -> Int64s:
    """One of `count` by these bits; `count` is at most 2^16."""
    return _field(words, place) * count >> 16
