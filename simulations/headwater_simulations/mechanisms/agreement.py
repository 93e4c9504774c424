"""Paying answers for agreeing with others': plainly, and by what agreement tells beyond chance.

Symbols: `W` worlds, `A` agents, `T` tasks that all of them answer, `C` possible answers.
"""

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def output_agreement(reports: Int64s, answers: int) -> Floats:
    """Pay 1 for the same answer as a random peer: mean over tasks and peers of 1[r_i = r_j].

    Truth is one equilibrium; any word that all agree on beforehand is another, and pays more.

    Args:
        reports: `[W, A, T]` answers from 0 to C - 1, of two agents or more.
        answers: C.

    Returns:
        `[W, A]` expected pay a task, 0 to 1.

    Raises:
        InvalidInputError: reports out of range or of another shape.

    Source:
        von Ahn and Dabbish, "Labeling Images with a Computer Game", 2004.
    """
    said = one_hot(reports, answers)
    same = (said * said.sum(axis=1, keepdims=True)).sum(axis=3) - 1
    return np.asarray(same.mean(axis=2) / (reports.shape[1] - 1), dtype=np.float64)


def delta_signs(reports: Int64s, answers: int) -> Floats:
    """Which answers go together more than chance: sign(P(a, b) - P(a) P(b)) over pairs of agents.

    Args and errors as for `output_agreement`.

    Returns:
        `[W, C, C]` 1 where positive, else 0.
    """
    said = one_hot(reports, answers)
    joint, apart = _pairs(said)
    return np.asarray((joint - apart).sum(axis=1) > 1e-9, dtype=np.float64)


def correlated_agreement(reports: Int64s, answers: int, signs: Floats | None = None) -> Floats:
    """Pay agreement on the same task less agreement on different ones.

    S_i = mean over peers j of Σ_ab s_ab (P̂(r_i = a, r_j = b on one task) - P̂(on two tasks)). An
    answer that doesn't depend on the task earns exactly nothing.

    Args:
        reports: `[W, A, T]` as for `output_agreement`, of two tasks or more.
        answers: C.
        signs: `[W, C, C]` s; learned from the same reports where left out.

    Returns:
        `[W, A]` pay, -1 to 1.

    Raises:
        InvalidInputError: reports out of range or of another shape, or a single task.

    Source:
        Shnayder, Agarwal, Frongillo and Parkes, "Informed Truthfulness in Multi-Task Peer
        Prediction", 2016 (arXiv 1603.03151).
    """
    joint, apart = _pairs(one_hot(reports, answers))
    weights = delta_signs(reports, answers) if signs is None else signs
    return np.asarray(((joint - apart) * weights[:, None]).sum(axis=(2, 3)), dtype=np.float64)


def one_hot(reports: Int64s, answers: int) -> Floats:
    """`[W, A, T, C]` 1 where an agent gave that answer.

    Raises:
        InvalidInputError: reports out of range, or not `[W, A, T]` with two agents.
    """
    if reports.ndim != 3 or reports.shape[1] < 2 or reports.shape[2] < 1:
        raise InvalidInputError("Peer prediction needs reports [W, A, T] of two agents or more.")
    if (reports < 0).any() or (reports >= answers).any():
        raise InvalidInputError("A report is a whole number from 0 to C - 1.")
    return np.asarray(reports[..., None] == np.arange(answers), dtype=np.float64)


def _pairs(said: Floats) -> tuple[Floats, Floats]:
    """`[W, A, C, C]` how often an agent and a peer say (a, b): on one task, and on two."""
    tasks = said.shape[2]
    if tasks < 2:
        raise InvalidInputError("Correlated agreement compares two tasks or more.")
    peers = (said.sum(axis=1, keepdims=True) - said) / (said.shape[1] - 1)
    together = said.swapaxes(2, 3) @ peers
    totals = said.sum(axis=2)[..., None] * peers.sum(axis=2)[:, :, None]
    return together / tasks, (totals - together) / (tasks * (tasks - 1))
