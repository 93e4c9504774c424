"""The formulas of other economies compiled: twins of those in this package, over all worlds.

Simulations run them inside their loops. Money comes out to the same unit, which tests compare on
random worlds. Inputs are those that the references accept; they are not checked again. Importing
this imports numba.

Symbols: `W` worlds, and those of each reference.
"""

import numpy as np
from numba import njit

from headwater_attribution.apportion import Int64s
from headwater_attribution.presets.concentration import _EPSILON
from headwater_attribution.presets.pots import RESOLUTION, Floats
from headwater_attribution.presets.royalties import Bools
from headwater_attribution.presets.yuma import _TIE
from headwater_payments.split import PARTS

_TINY = np.finfo(np.float64).tiny


@njit(nogil=True, error_model="numpy")
def tournament(
    stakes: Int64s,
    correlation: Floats,
    contribution: Floats,
    numbers: tuple[int, float, float, int],
) -> Int64s:
    """The twin of `numerai.tournament_payouts`.

    Args:
        stakes: `[W, n]` atomic units.
        correlation: `[W, n]`.
        contribution: `[W, n]`.
        numbers: threshold, weight of the correlation, weight of the contribution, cap.

    Returns:
        `[W, n]` atomic units, negative where a stake burns.
    """
    threshold, by_correlation, by_contribution, cap = numbers
    paid = np.zeros_like(stakes)
    for world in range(stakes.shape[0]):
        at_risk = max(1, stakes[world].sum())
        factor = min(threshold * PARTS // at_risk, PARTS) / PARTS
        for at in range(stakes.shape[1]):
            score = by_correlation * correlation[world, at]
            score += by_contribution * contribution[world, at]
            rate = min(1.0, max(-1.0, factor * score)) * PARTS
            capped = min(float(np.abs(np.trunc(rate))), float(cap))
            amount = _portion(stakes[world, at], int(capped))
            paid[world, at] = -amount if score < 0 else amount
    return paid


@njit(nogil=True, error_model="numpy")
def relative(sales: Int64s, owed: Int64s) -> tuple[Int64s, Int64s]:
    """The twin of `royalties.relative_royalties`.

    Args:
        sales: `[W, n]` atomic units.
        owed: `[W, n, n]` at `[c, p]` the share of work `c`'s income due to parent `p`.

    Returns:
        `[W, n]` what is kept and `[W, n]` what is received, atomic units.
    """
    received, kept = np.zeros_like(sales), sales.copy()
    for world in range(sales.shape[0]):
        for child in range(sales.shape[1] - 1, -1, -1):
            income = sales[world, child] + received[world, child]
            for parent in range(child):
                due = _portion(income, owed[world, child, parent])
                received[world, parent] += due
                kept[world, parent] += due
                kept[world, child] -= due
    return kept, received


@njit(nogil=True, error_model="numpy")
def absolute(sales: Int64s, owed: Int64s, linked: Bools) -> tuple[Int64s, Int64s]:
    """The twin of `royalties.absolute_royalties`; the same arrays, with `linked` always given."""
    received, kept = np.zeros_like(sales), sales.copy()
    works = sales.shape[1]
    due = np.empty((works, works), np.int64)
    for world in range(sales.shape[0]):
        for child in range(works):
            due[child] = owed[world, child]
            for parent in range(child):
                if linked[world, child, parent]:
                    due[child] += due[parent]
            for ancestor in range(child):
                paid = _portion(sales[world, child], due[child, ancestor])
                received[world, ancestor] += paid
                kept[world, ancestor] += paid
                kept[world, child] -= paid
    return kept, received


@njit(nogil=True, error_model="numpy")
def shares(scores: Floats, steepness: float, centre: float) -> Floats:
    """The twin of `concentration.score_shares`, `[W, n]`; equal to a few units in the last place,
    since logarithms are of another library."""
    found = np.empty_like(scores)
    for world in range(scores.shape[0]):
        spread = scores[world].std() + _EPSILON
        for at in range(scores.shape[1]):
            power = steepness * (scores[world, at] / spread - centre)
            potential = max(power, 0.0) + np.log1p(np.exp(-np.abs(power)))
            found[world, at] = max(potential, _TINY)
        found[world] /= found[world].sum()
    return found


@njit(nogil=True, error_model="numpy")
def claims_of_classes(found: Floats, beta: float) -> Floats:
    """The twin of `concentration.entropy`, `[W]`; equal as `shares` are."""
    claims = np.empty(found.shape[0], np.float64)
    for world in range(found.shape[0]):
        entropy, squares = 0.0, 0.0
        for share in found[world]:
            squares += share * share
            if share > 0:
                entropy -= share * np.log(share)
        claims[world] = max(entropy, 0.0) * (1.0 / squares / found.shape[1]) ** beta
    return claims


@njit(nogil=True, error_model="numpy")
def pools_of_classes(
    emission: Int64s, inference: Floats, forecast: Floats, reputers: Floats, chi: float
) -> Int64s:
    """The twin of `concentration.class_pools`: `[W, 3]` atomic units, by class in its order."""
    pools = np.empty((len(emission), 3), np.int64)
    claims = np.empty(3, np.float64)
    for world in range(len(emission)):
        mixed = (1 - chi) * inference[world] + chi * forecast[world]
        gamma = (inference[world] + forecast[world]) / (mixed if mixed > 0 else 1.0)
        claims[0] = (1 - chi) * gamma * inference[world]
        claims[1] = chi * gamma * forecast[world]
        claims[2] = reputers[world]
        _divide(emission[world], claims, pools[world])
    return pools


@njit(nogil=True, error_model="numpy")
def yuma(
    stakes: Int64s, weights: Floats, bonds: Floats, first: bool, numbers: tuple[float, float, float]
) -> tuple[Floats, Floats, Floats]:
    """The twin of `yuma.yuma_epoch`; equal to a few units in the last place, as sums are in order.

    Args:
        stakes: `[W, V]` atomic units.
        weights: `[W, V, M]`.
        bonds: `[W, V, M]` of the epoch before; not read in the first.
        first: whether it is the first epoch.
        numbers: κ, β and α.

    Returns:
        `[W, M]` incentives, `[W, V, M]` bonds and `[W, V]` dividends.
    """
    kappa, beta, alpha = numbers
    worlds, validators, miners = weights.shape
    incentives, moved = np.zeros((worlds, miners)), np.empty_like(weights)
    dividends = np.zeros((worlds, validators))
    for world in range(worlds):
        backing = stakes[world] / stakes[world].sum()
        given = np.empty((validators, miners))
        for validator in range(validators):
            given[validator] = weights[world, validator] / _or_one(weights[world, validator].sum())
        for miner in range(miners):
            agreed = _consensus(backing, given[:, miner], kappa)
            whole = 0.0
            for validator in range(validators):
                weight = given[validator, miner]
                clipped = min(weight, agreed)
                incentives[world, miner] += backing[validator] * clipped
                instant = backing[validator] * ((1 - beta) * weight + beta * clipped)
                moved[world, validator, miner] = instant
                whole += instant
            for validator in range(validators):
                instant = moved[world, validator, miner] / _or_one(whole)
                if not first:
                    instant = alpha * instant + (1 - alpha) * bonds[world, validator, miner]
                moved[world, validator, miner] = instant
        incentives[world] /= _or_one(incentives[world].sum())
        for validator in range(validators):
            dividends[world, validator] = (moved[world, validator] * incentives[world]).sum()
        dividends[world] /= _or_one(dividends[world].sum())
    return incentives, moved, dividends


@njit(nogil=True, error_model="numpy")
def yuma_pay(emission: Int64s, dividends: Floats, incentives: Floats, xi: float) -> Int64s:
    """The twin of `yuma.yuma_emission`: `[W, V + M]` atomic units, the validators' first."""
    validators, miners = dividends.shape[1], incentives.shape[1]
    paid = np.empty((len(emission), validators + miners), np.int64)
    claims = np.empty(validators + miners, np.float64)
    for world in range(len(emission)):
        claims[:validators] = xi * dividends[world]
        claims[validators:] = (1 - xi) * incentives[world]
        _divide(emission[world], claims, paid[world])
    return paid


@njit(nogil=True, error_model="numpy")
def _portion(amount: int, parts: int) -> int:
    return amount // PARTS * parts + amount % PARTS * parts // PARTS


@njit(nogil=True, error_model="numpy")
def _or_one(whole: float) -> float:
    return whole if whole > 0 else 1.0


@njit(nogil=True, error_model="numpy")
def _consensus(backing: Floats, given: Floats, kappa: float) -> float:
    order = np.argsort(-given, kind="mergesort")
    support = 0.0
    for validator in order:
        support += backing[validator]
        if support >= kappa - _TIE:
            return float(given[validator])
    return float(given[order[0]])


@njit(nogil=True, error_model="numpy")
def _divide(pot: int, claims: Floats, paid: Int64s) -> None:
    """`pots.pro_rata` of one pot: by largest remainder, and nothing where nobody has a claim."""
    largest = claims.max()
    scaled = claims / _or_one(largest)
    whole = 0.0
    for each in scaled:
        whole += each
    whole = _or_one(whole)
    total = np.int64(0)
    for at in range(len(claims)):
        paid[at] = np.int64(scaled[at] / whole * RESOLUTION)
        total += paid[at]
    if total == 0:
        return
    quotient, rest, left = pot // total, pot % total, pot
    remainders = np.empty(len(claims), np.int64)
    for at in range(len(claims)):
        weight = paid[at]
        remainders[at] = rest * weight % total
        paid[at] = quotient * weight + rest * weight // total
        left -= paid[at]
    for _ in range(left):  # fewer units are left than there are shares
        most = np.argmax(remainders)
        paid[most] += 1
        remainders[most] = -1
