"""Rewards by bought volume, as data farming pays them, and buying from oneself.

Symbols: `W` worlds, `n` assets. Amounts are atomic units, fees parts per 10^8 of what is bought.

Source: Ocean Protocol, "Data Farming" (rewards by data consume volume), whose rounds were washed
until fees exceeded rewards.
"""

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import portions
from headwater_attribution.presets import pro_rata
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def volume_rewards(pools: Int64s, volumes: Int64s) -> Int64s:
    """Each pool in proportion to volume: reward_i = R v_i / Σ v.

    Args:
        pools: `[W]` R.
        volumes: `[W, n]` what was bought of each asset, at least 0.

    Returns:
        `[W, n]` that sums to the pool, or to 0 where nothing was bought.

    Raises:
        InvalidInputError: a negative pool or volume.
    """
    return pro_rata(pools, volumes.astype(np.float64))


def wash_profit(pools: Int64s, volumes: Int64s, washed: Int64s, fee: int) -> Int64s:
    """What an owner without buyers nets by buying from itself.

    R w / (V + w) - f w: the price comes back to it, the fee doesn't.

    Args:
        pools: `[W]` R.
        volumes: `[W]` V, all honest purchases.
        washed: `[W]` w.
        fee: f, parts per 10^8.

    Returns:
        `[W]`, negative where it costs more than it brings.

    Raises:
        InvalidInputError: an amount or a fee out of range.
    """
    both = np.stack((volumes, washed), axis=1)
    return volume_rewards(pools, both)[:, 1] - portions(washed, np.full_like(washed, fee))


def best_wash(pools: Int64s, volumes: Int64s, fee: int) -> Int64s:
    """w* = √(R V / f) - V, and nothing where f is at least R / V: the fee that ends washing.

    Args:
        pools: `[W]` R.
        volumes: `[W]` V, above 0.
        fee: f, parts per 10^8, above 0.

    Returns:
        `[W]` the most profitable volume to buy from oneself.

    Raises:
        InvalidInputError: no fee or no honest volume, where any wash pays.
    """
    if not 0 < fee <= PARTS or (volumes <= 0).any() or (pools < 0).any():
        raise InvalidInputError("The best wash needs a fee, honest volume and a pool.")
    best = np.sqrt(pools * (volumes / (fee / PARTS))) - volumes
    return np.maximum(np.rint(best).astype(np.int64), 0)
