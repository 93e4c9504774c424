"""Determinant mutual information: pay for what two agents' answers say about each other.

Symbols: `W` worlds, `A` agents, `T` tasks, `C` possible answers.
"""

import numpy as np

from headwater_payments.errors import InvalidInputError
from headwater_simulations.mechanisms.agreement import Floats, Int64s, one_hot


def determinant_pay(reports: Int64s, answers: int) -> Floats:
    """Pay the mean over peers of det M_1 × det M_2.

    M_h is the C × C matrix of how often the pair said (a, b) in half h of the tasks, over the tasks
    in that half. Saying things that don't depend on the task makes M singular and earns nothing;
    relabelling answers flips both signs and changes nothing; mixing shrinks |det M|.

    Args:
        reports: `[W, A, T]` answers from 0 to C - 1, of two agents or more; even tasks are one half
            and odd ones the other.
        answers: C.

    Returns:
        `[W, A]` pay.

    Raises:
        InvalidInputError: reports out of range, or fewer than 2C tasks, which could not all differ.

    Source:
        Kong, "Dominantly Truthful Multi-Task Peer Prediction with a Constant Number of Tasks", 2020
        (arXiv 1911.00272).
    """
    said = one_hot(reports, answers)
    agents, tasks = reports.shape[1:]
    if tasks < 2 * answers:
        raise InvalidInputError("The determinant needs two tasks for each possible answer.")
    pay = np.ones((len(reports), agents, agents))
    for half in (said[:, :, ::2], said[:, :, 1::2]):
        worlds, _, count, _ = half.shape
        flat = half.swapaxes(2, 3).reshape(worlds, agents * answers, count)
        joint = (flat @ flat.swapaxes(1, 2)).reshape(worlds, agents, answers, agents, answers)
        pay *= np.linalg.det(joint.swapaxes(2, 3) / count)
    own = np.diagonal(pay, axis1=1, axis2=2)
    return np.asarray((pay.sum(axis=2) - own) / (agents - 1), dtype=np.float64)
