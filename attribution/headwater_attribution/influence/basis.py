"""Contributor vectors on their own span, in 16 bits: what is committed, stored and checked.

The C vectors U span at most C directions, and an answer's gradient matters only by its part in that
span. So both are written in an orthonormal basis of the span: U becomes `[C, r]`, a gradient
becomes `[r]`, and their dot products are what they were, up to rounding to 16 bits. A random
projection to as few numbers loses most of the signal (it keeps all directions alike, and nearly
all of them are none that U has).

The influence of an answer is then one product of two integer vectors, the same on every machine
and cheap enough for a contract; only the answer's gradient has to be trusted or computed again.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s
from headwater_attribution.influence.factors import Floats
from headwater_payments.errors import InvalidInputError

Int16s = npt.NDArray[np.int16]

LARGEST = 2**15 - 1
_SMALLEST_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class ContributorBasis:
    """The span of some contributors' vectors.

    Attributes:
        directions: `[r, W]` orthonormal rows.
        coordinates: `[C, r]` each contributor's vector in them, times `scale`.
        scale: what one unit of a vector is in `coordinates`.
    """

    directions: Floats
    coordinates: Int16s
    scale: float

    def project(self, queries: Floats) -> tuple[Int16s, Floats]:
        """Write gradients in the basis.

        Args:
            queries: `[Q, W]`.

        Returns:
            `[Q, r]` 16-bit numbers, and `[Q]` what one unit of each query is in them.
        """
        if queries.ndim != 2 or queries.shape[1] != self.directions.shape[1]:
            raise InvalidInputError("Queries are as long as the contributors' vectors.")
        inside = queries @ self.directions.T
        largest = np.abs(inside).max(axis=1, initial=0.0)
        scales = LARGEST / np.where(largest > 0, largest, 1.0)
        return np.rint(inside * scales[:, None]).astype(np.int16), scales

    def influence(self, projected: Int16s) -> Int64s:
        """`[C, Q]` the exact integer products of coordinates `[C, r]` and queries `[Q, r]`."""
        return self.coordinates.astype(np.int64) @ projected.astype(np.int64).T


def span_of(vectors: Floats) -> ContributorBasis:
    """The basis of the span of `vectors`, `[C, W]`, and the vectors in it.

    Raises:
        InvalidInputError: there are none, or all are zero.
    """
    if vectors.ndim != 2 or not vectors.any():
        raise InvalidInputError("Contributors' vectors are [C, W] and not all zero.")
    left, singular, right = np.linalg.svd(vectors, full_matrices=False)
    kept = singular > _SMALLEST_SINGULAR * singular[0]
    directions = right[kept]
    inside = left[:, kept] * singular[kept]
    scale = LARGEST / float(np.abs(inside).max())
    return ContributorBasis(directions, np.rint(inside * scale).astype(np.int16), scale)
