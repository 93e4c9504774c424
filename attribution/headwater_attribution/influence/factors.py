"""Per-sample gradients of linear layers, kept as the two factors that they are products of.

A linear layer y = W x that is applied at T places of a sample has the gradient
dL/dW = Σ_t (dL/dy_t) x_tᵀ. Whoever computes a forward and a backward pass of a whole batch has both
factors of every sample, so gradients by sample cost no further pass.

Symbols: `n` samples, `T` places (tokens), `a` inputs of a layer, `b` outputs, `D` = a·b.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError

Floats = npt.NDArray[np.float64]

Layers = Sequence[Floats]
"""One array `[m, D]` for each layer: `m` vectors as long as all weights, cut at the layers."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerFactors:
    """What one linear layer saw of a batch.

    Attributes:
        inputs: `[n, T, a]` what came into the layer.
        output_grads: `[n, T, b]` the gradient of each sample's own loss by what came out.

    Raises:
        InvalidInputError: the two disagree in samples or places.
    """

    inputs: Floats
    output_grads: Floats

    def __post_init__(self) -> None:
        if self.inputs.ndim != 3 or self.inputs.shape[:2] != self.output_grads.shape[:2]:
            raise InvalidInputError(
                "A layer's factors are inputs [n, T, a] and gradients of outputs [n, T, b].",
                inputs=list(self.inputs.shape),
                output_grads=list(self.output_grads.shape),
            )

    def gradients(self) -> Floats:
        """`[n, b·a]` the gradient of each sample's loss by the layer's weights, row by row."""
        by_sample = self.output_grads.swapaxes(1, 2) @ self.inputs
        return by_sample.reshape(len(by_sample), -1)


def gradients(factors: Sequence[LayerFactors]) -> list[Floats]:
    """The gradients of all layers."""
    return [layer.gradients() for layer in factors]
