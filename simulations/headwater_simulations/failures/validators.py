"""Validators who vote for themselves, and validators who copy, under Yuma consensus.

Symbols: `W` worlds, `V` honest validators, `M` miners.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.presets import YumaParameters, yuma_emission, yuma_epoch
from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Draws
from headwater_simulations.failures.noise import Floats, normals

_STAKE = 10**9
_EMISSION = 10**9


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of honest validators who measure miners with noise.

    Attributes:
        validators: V.
        miners: M.
        noise: relative standard deviation of a validator's measurement of a miner.
        beta: how far bonds follow the clipped weights.
        worlds: W, over which figures are averaged.
        seed: of the draws.

    Raises:
        InvalidInputError: fewer than one validator or world, or two miners, or negative noise.
    """

    validators: int = 10
    miners: int = 20
    noise: float = 0.1
    beta: float = 0.8
    worlds: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.validators, self.worlds, self.miners - 1) < 1 or self.noise < 0:
            raise InvalidInputError("A subnet needs a validator, two miners and a world.")


def cabal_emission(
    stake: float, self_weight: float, subnet: Subnet | None = None, quality: float = 0.1
) -> float:
    """The part of the emission that a validator with a miner of its own gets, both together.

    It gives its miner `self_weight` and divides the rest as honest validators do. Below κ the
    consensus cuts that off and its bonds with it; above, it is the consensus.

    Args:
        stake: its share of the stake, 0 to 1.
        self_weight: 0 to 1.
        subnet: the world, in its first epoch.
        quality: of its miner, where the others have 1.

    Raises:
        InvalidInputError: a stake, weight or quality out of range.
    """
    where = subnet or Subnet()
    if not (0 <= stake <= 1 and 0 <= self_weight <= 1 and quality > 0):
        raise InvalidInputError("A cabal has a stake and a weight of 0 to 1, and some quality.")
    draws = Draws(where.seed, np.arange(where.worlds))
    qualities = np.ones((where.worlds, where.miners))
    qualities[:, -1] = quality
    weights = measured(draws, 0, qualities, where)
    own = (1 - self_weight) * weights[:, -1]
    own[:, -1] += self_weight
    weights[:, -1] = own
    stakes = np.full((where.worlds, where.validators + 1), _STAKE, dtype=np.int64)
    stakes[:, :-1] = round(_STAKE * (1 - stake) / where.validators)
    stakes[:, -1] = round(_STAKE * stake)
    parameters = YumaParameters(beta=where.beta)
    emission = np.full(where.worlds, _EMISSION, dtype=np.int64)
    epoch = yuma_epoch(stakes, weights, None, parameters)
    validators, miners = yuma_emission(emission, epoch, parameters)
    return float((validators[:, -1] + miners[:, -1]).mean() / _EMISSION)


def copier_dividend(
    drift: float, subnet: Subnet | None = None, epochs: int = 60, after: int = 20
) -> float:
    """Dividends of a validator that copies the last consensus, over an honest one's.

    The consensus has less noise than any one measurement, so copying pays better than measuring,
    and costs nothing, until miners change within an epoch by more than the noise.

    Args:
        drift: standard deviation of a miner's relative change of quality in an epoch.
        subnet: the world; measurements are noisier here, 20 %, and bonds follow the consensus.
        epochs: how long it runs.
        after: epochs to leave out at the start, while bonds form.

    Returns:
        Ratio of dividends at equal stakes, as a mean over epochs and worlds.

    Raises:
        InvalidInputError: no epochs are left, or a negative drift.
    """
    where = subnet or Subnet(noise=0.2, beta=1.0)
    if not 0 < after < epochs or drift < 0:
        raise InvalidInputError("A copier needs an epoch to copy and one to be paid for.")
    draws = Draws(where.seed, np.arange(where.worlds))
    qualities = np.exp(0.5 * normals(draws, "quality", 0, (where.miners,)))
    stakes = np.full((where.worlds, where.validators + 1), _STAKE, dtype=np.int64)
    parameters = YumaParameters(beta=where.beta)
    bonds: Floats | None = None
    copied: Floats | None = None
    earned = np.zeros((where.worlds, where.validators + 1))
    for step in range(epochs):
        qualities = qualities * np.exp(drift * normals(draws, "drift", step, (where.miners,)))
        weights = measured(draws, step, qualities, where)
        if copied is not None:
            weights[:, -1] = copied
        epoch = yuma_epoch(stakes, weights, bonds, parameters)
        bonds, copied = epoch.bonds, epoch.consensus
        earned += epoch.dividends if step >= after else 0
    return float((earned[:, -1] / earned[:, :-1].mean(axis=1)).mean())


def measured(draws: Draws, step: int, qualities: Floats, where: Subnet) -> Floats:
    """`[W, V + 1, M]` what each validator sees; each row sums to 1."""
    error = normals(draws, "measurement", step, (where.validators + 1, where.miners))
    seen = np.abs(qualities[:, None] * (1 + where.noise * error))
    return np.asarray(seen / seen.sum(axis=2, keepdims=True), dtype=np.float64)
