"""A validator under Yuma consensus who copies weights instead of measuring, or votes for itself.

Symbols: `C` strategies, `S` worlds, `V` honest validators, `M` miners, the last the deviator's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headwater_attribution.presets import YumaParameters, yuma_emission, yuma_epoch
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary.deviation import SHARE, Deviation, Dimension, Strategy
from headwater_simulations.adversary.game import Played, parameter
from headwater_simulations.draws import Draws
from headwater_simulations.failures.noise import Floats, normals
from headwater_simulations.failures.validators import Subnet, measured

_STAKE = 10**9
_EMISSION = 10**8
"""Of an epoch, atomic units."""
_SUBNET = Subnet(validators=6, miners=10, noise=0.2, beta=1.0)
_FOLLOWING = YumaParameters(beta=1.0)


@dataclass(frozen=True, slots=True)
class WeightCopy:
    """Instead of measuring, it publishes the consensus of so many epochs ago."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("lag", 1, 8, 8),)
    lag: int


@dataclass(frozen=True, slots=True)
class SelfVote:
    """It gives a share of its weight to its own miner."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("weight", *SHARE),)
    weight: int


@dataclass(frozen=True, slots=True)
class Validators:
    """A subnet in which one validator, who also runs a miner, may deviate.

    Attributes:
        stake: its share of all stake, 0 to 1.
        quality: of its miner, where the others vary around 1.
        drift: standard deviation of the log of a miner's quality from epoch to epoch.
        cost: of measuring all miners in an epoch, atomic units; an epoch emits 10^8.
        epochs: how long it goes.
        subnet: the honest validators and miners.
        parameters: of the consensus.

    Raises:
        InvalidInputError: a stake or quality out of range, fewer than two epochs, or a negative
            cost or drift.
    """

    stake: float = 0.1
    quality: float = 0.2
    drift: float = 0.05
    cost: int = 1_000_000
    epochs: int = 20
    subnet: Subnet = _SUBNET
    parameters: YumaParameters = _FOLLOWING

    kinds: ClassVar[tuple[type[Deviation], ...]] = (WeightCopy, SelfVote)

    def __post_init__(self) -> None:
        if not 0 < self.stake < 1 or self.quality <= 0 or min(self.drift, self.cost) < 0:
            raise InvalidInputError("A validator has a stake between 0 and 1 and a miner of worth.")
        if self.epochs < 2:
            raise InvalidInputError("A validator needs an epoch to copy and one to be paid for.")

    def play(self, strategies: Sequence[Strategy], draws: Draws) -> Played:
        """Every strategy in every world of `draws`."""
        worlds, count = len(draws.keys), len(strategies)
        lags = np.array([parameter(each, WeightCopy, "lag", 0) for each in strategies])
        votes = np.array([parameter(each, SelfVote, "weight", 0) for each in strategies]) / PARTS
        qualities = np.exp(0.5 * normals(draws, "quality", 0, (self.subnet.miners,)))
        qualities[:, -1] = self.quality
        stakes = np.full((count * worlds, self.subnet.validators + 1), _STAKE, dtype=np.int64)
        stakes[:, -1] = round(_STAKE * self.subnet.validators * self.stake / (1 - self.stake))
        emission = np.full(count * worlds, _EMISSION, dtype=np.int64)
        pay, spent = (np.zeros((count, worlds), dtype=np.int64) for _ in range(2))
        bonds: Floats | None = None
        past: list[Floats] = []
        for step in range(self.epochs):
            qualities = qualities * np.exp(
                self.drift * normals(draws, "drift", step, (self.subnet.miners,))
            )
            qualities[:, -1] = self.quality
            seen = measured(draws, step, qualities, self.subnet)
            weights = self._published(seen, past, lags, votes)
            epoch = yuma_epoch(stakes, weights, bonds, self.parameters)
            bonds = epoch.bonds
            past.append(epoch.consensus.reshape(count, worlds, -1))
            validators, miners = yuma_emission(emission, epoch, self.parameters)
            pay += (validators[:, -1] + miners[:, -1]).reshape(count, worlds)
            spent += np.where((lags > 0) & (lags <= step), 0, self.cost)[:, None]
        return Played(pay, spent, self.epochs * _EMISSION - pay)

    def limits(self, strategy: Strategy) -> tuple[int, int, int]:
        """Net at least, net at most, honest pay at most."""
        return -self.cost * self.epochs, _EMISSION * self.epochs, _EMISSION * self.epochs

    def _published(self, seen: Floats, past: list[Floats], lags: Floats, votes: Floats) -> Floats:
        """`[C × S, V + 1, M]` what everybody publishes: copied weights are those of the worlds."""
        weights = np.broadcast_to(seen, (len(lags), *seen.shape)).copy()
        for place, lag in enumerate(lags.tolist()):
            if 0 < lag <= len(past):
                weights[place, :, -1] = past[len(past) - lag][place]
        own = (1 - votes)[:, None, None] * weights[:, :, -1]
        own[:, :, -1] += votes[:, None]
        weights[:, :, -1] = own
        return weights.reshape(-1, *seen.shape[1:])
