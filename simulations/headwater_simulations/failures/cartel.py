"""A cartel that gives one answer to everything, among honest agents who look.

Symbols: `W` worlds, `A` agents, `T` tasks with the answers 0 and 1.
"""

from dataclasses import dataclass

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.draws import Draws
from headwater_simulations.failures.noise import Floats, uniforms
from headwater_simulations.mechanisms import (
    correlated_agreement,
    determinant_pay,
    output_agreement,
)


@dataclass(frozen=True, slots=True)
class CartelPay:
    """Mean pay of a member, and of an agent where all are honest; means over worlds.

    Attributes:
        agreement: a member's by output agreement, 0 to 1 a task.
        honest_agreement: an agent's without a cartel.
        correlated: a member's by correlated agreement.
        honest_correlated: an agent's without a cartel.
        determinant: a member's by determinant mutual information.
        honest_determinant: an agent's without a cartel.
    """

    agreement: float
    honest_agreement: float
    correlated: float
    honest_correlated: float
    determinant: float
    honest_determinant: float


def cartel_pay(
    members: int,
    agents: int = 50,
    *,
    tasks: int = 400,
    common: float = 0.7,
    accuracy: float = 0.8,
    worlds: int = 8,
    seed: int = 0,
) -> CartelPay:
    """Pay of members who always give the commoner answer, beside the same agents honest.

    Honest agents agree with probability a² + (1 - a)², a member with an honest agent with
    qa + (1 - q)(1 - a), and members always: the cartel pays from some size on.

    Args:
        members: size of the cartel, 1 to A.
        agents: A.
        tasks: T.
        common: q, how often the true answer is 1.
        accuracy: a, how often an honest agent sees it.
        worlds: W.
        seed: of the draws; cartel and honest play share them.

    Raises:
        InvalidInputError: no members, or more than there are agents.
    """
    if not 1 <= members <= agents:
        raise InvalidInputError("A cartel has at least one member, and no more than all agents.")
    draws = Draws(seed, np.arange(worlds))
    truth = uniforms(draws, "truth", 0, (1, tasks)) < common
    seen = uniforms(draws, "sight", 0, (agents, tasks)) < accuracy
    honest = (truth == seen).astype(np.int64)
    ring = honest.copy()
    ring[:, :members] = 1

    def mean(pay: Floats) -> float:
        return float(pay[:, :members].mean())

    return CartelPay(
        mean(output_agreement(ring, 2)),
        mean(output_agreement(honest, 2)),
        mean(correlated_agreement(ring, 2)),
        mean(correlated_agreement(honest, 2)),
        mean(determinant_pay(ring, 2)),
        mean(determinant_pay(honest, 2)),
    )
