"""From gradients of samples to one vector for each contributor, and from vectors to influence.

U_c = Σ over checkpoints and over the samples i of c of (H + λ)⁻¹ g_i, kept apart by checkpoint and
layer. The influence of c on an answer is then ⟨U_c, g⟩, where g are the gradients of the answer's
loss at the same checkpoints: one pass for each answer, whatever the number of rows.

Symbols: `K` checkpoints, `C` contributors, `Q` queries, `n` samples, `D` weights of one layer.
"""

from collections.abc import Sequence

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.influence.curvature import Curvature
from headwater_attribution.influence.factors import Floats, Layers
from headwater_payments.errors import InvalidInputError


def sum_by_owner(gradients: Layers, owners: Int64s, contributors: int) -> list[Floats]:
    """`[C, D]` by layer: the summed gradients of each contributor's samples.

    Args:
        gradients: `[n, D]` by layer.
        owners: `[n]` whose sample each is, from 0 to C - 1.
        contributors: C.

    Raises:
        InvalidInputError: an owner is out of range, or there is not one for each sample.
    """
    if len(owners) and not 0 <= int(owners.min()) <= int(owners.max()) < contributors:
        raise InvalidInputError("Each sample is of one of the contributors, counted from 0.")
    if any(len(each) != len(owners) for each in gradients):
        raise InvalidInputError("Each sample has one owner.")
    holds = (owners == np.arange(contributors)[:, None]).astype(np.float64)
    return [holds @ each for each in gradients]


def contributor_vectors(
    checkpoints: Sequence[tuple[Curvature, Layers]], owners: Int64s, contributors: int
) -> Floats:
    """`[C, W]` with W all weights of all checkpoints: U, one vector for each contributor.

    Args:
        checkpoints: for each its curvature and the samples' gradients `[n, D]` by layer.
        owners: `[n]` whose sample each is.
        contributors: C.
    """
    found: list[Floats] = []
    for curvature, gradients in checkpoints:
        found += curvature.precondition(sum_by_owner(gradients, owners, contributors))
    return np.concatenate(found, axis=1)


def query_vectors(checkpoints: Sequence[Layers]) -> Floats:
    """`[Q, W]` the gradients of the queries' losses, laid out as `contributor_vectors` are."""
    return np.concatenate([each for layers in checkpoints for each in layers], axis=1)
