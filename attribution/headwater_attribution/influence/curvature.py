"""Curvatures: by what a gradient is divided before two gradients are compared.

The influence of training sample k on a query is g_qᵀ (H + λ)⁻¹ g_k, layer by layer, where H is the
curvature of the training loss. It is *positive when training on k lowers the query's loss*. Papers
often state the change of the loss, which has the opposite sign.

Without a curvature (`Identity`), directions that all samples share outweigh those that tell them
apart. The four here are linear and symmetric, so a contributor's gradients may be summed before.

Symbols: `n` samples the curvature is fitted on, `m` vectors, `D` = a·b weights of a layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headwater_attribution.influence.factors import Floats, LayerFactors, Layers
from headwater_payments.errors import InvalidInputError

DAMPING = 0.1
"""λ of EK-FAC, as a multiple of the mean curvature of the layer."""

BLOCK_DAMPING = 1.0
"""The same for block Fisher, which is fitted on as many directions as there are samples."""

DATAINF_DIVISOR = 10.0
"""λ of DataInf is the mean squared entry of the layer's gradients, divided by this."""


class Curvature(Protocol):
    """A fitted (H + λ)⁻¹."""

    def precondition(self, vectors: Layers) -> list[Floats]:
        """(H + λ)⁻¹ v for each of the `[m, D]` vectors of each layer."""


class Identity:
    """No curvature: the plain dot product of gradients, as in TracIn (Pruthi et al., 2020)."""

    def precondition(self, vectors: Layers) -> list[Floats]:
        """The vectors as they are."""
        return list(vectors)


class BlockFisher:
    """H_l = 1/n Σ_i g_i g_iᵀ by layer, inverted exactly by Woodbury's identity.

    (H + λ)⁻¹ v = (v - Gᵀ (nλ + G Gᵀ)⁻¹ G v) / λ with G = `[n, D]`. It costs n²D + n³, so it is for
    some thousand samples.

    Args:
        fitted: gradients `[n, D]` by layer.
        damping: λ as a multiple of H's mean diagonal entry.
    """

    def __init__(self, fitted: Layers, damping: float = BLOCK_DAMPING) -> None:
        _check(fitted, damping)
        self._fitted = list(fitted)
        self._damps = [damping * _mean_square(each) for each in fitted]
        self._grams = [
            each @ each.T + len(each) * damp * np.eye(len(each))
            for each, damp in zip(fitted, self._damps, strict=True)
        ]

    def precondition(self, vectors: Layers) -> list[Floats]:
        """See `Curvature`."""
        return [
            (each - np.linalg.solve(gram, fitted @ each.T).T @ fitted) / damp
            for each, fitted, gram, damp in zip(
                vectors, self._fitted, self._grams, self._damps, strict=True
            )
        ]


class DataInf:
    """The mean of inverses in place of the inverse of the mean: OpenLedger's influence.

    1/n Σ_i (g_i g_iᵀ + λ)⁻¹ v = 1/n Σ_i (v - g_i ⟨g_i, v⟩ / (λ + ‖g_i‖²)) / λ.

    Args:
        fitted: gradients `[n, D]` by layer.
        divisor: what the mean squared entry is divided by to give λ.

    Source:
        Kwon, Wu, Wu and Zou, "DataInf", 2024 (arXiv 2310.00902), equation 5, *negated*: there a
        negative number means that the sample helps.
    """

    def __init__(self, fitted: Layers, divisor: float = DATAINF_DIVISOR) -> None:
        _check(fitted, divisor)
        self._fitted = list(fitted)
        self._damps = [_mean_square(each) / divisor for each in fitted]

    def precondition(self, vectors: Layers) -> list[Floats]:
        """See `Curvature`."""
        found = []
        for each, fitted, damp in zip(vectors, self._fitted, self._damps, strict=True):
            squares = np.einsum("nd,nd->n", fitted, fitted)
            weights = each @ fitted.T / (damp + squares)
            found.append((each - weights @ fitted / len(fitted)) / damp)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Eigenbasis:
    """Of one layer: eigenvectors of inputs `[a, a]` and outputs `[b, b]`, and Λ + λ `[b, a]`."""

    inputs: Floats
    outputs: Floats
    damped: Floats


class EkFac:
    """Kronecker-factored curvature with corrected eigenvalues.

    H ≈ (Q_S ⊗ Q_A) Λ (Q_S ⊗ Q_A)ᵀ, where Q_A and Q_S are the eigenvectors of the covariances of a
    layer's inputs and of its outputs' gradients, and Λ is the mean square of the samples' gradients
    in that basis. No matrix is larger than a layer's width, and any number of samples can be
    fitted on.

    Args:
        factors: of the samples to fit on, by layer; with gradients of losses to labels drawn from
            the model itself this is the true Fisher matrix, with the data's labels the empirical.
        damping: λ as a multiple of the layer's mean Λ.

    Source:
        George et al., "Fast Approximate Natural Gradient Descent in a Kronecker-factored
        Eigenbasis", 2018; for influence Grosse et al., "Studying Large Language Model
        Generalization with Influence Functions", 2023 (arXiv 2308.03296), section 3.1.
    """

    def __init__(self, factors: Sequence[LayerFactors], damping: float = DAMPING) -> None:
        _check([layer.inputs[:, 0] for layer in factors], damping)
        self._bases = [_eigenbasis(layer, damping) for layer in factors]

    def precondition(self, vectors: Layers) -> list[Floats]:
        """See `Curvature`."""
        found = []
        for each, basis in zip(vectors, self._bases, strict=True):
            matrices = each.reshape(len(each), *basis.damped.shape)
            rotated = basis.outputs.T @ matrices @ basis.inputs / basis.damped
            back = basis.outputs @ rotated @ basis.inputs.T
            found.append(back.reshape(each.shape))
        return found


def _eigenbasis(layer: LayerFactors, damping: float) -> _Eigenbasis:
    inputs = layer.inputs.reshape(-1, layer.inputs.shape[2])
    outputs = layer.output_grads.reshape(-1, layer.output_grads.shape[2])
    _, in_vectors = np.linalg.eigh(inputs.T @ inputs)
    _, out_vectors = np.linalg.eigh(outputs.T @ outputs)
    # The gradient in the basis is the product of the rotated factors.
    rotated = LayerFactors(layer.inputs @ in_vectors, layer.output_grads @ out_vectors)
    shape = (outputs.shape[1], inputs.shape[1])
    eigenvalues = np.square(rotated.gradients()).mean(axis=0).reshape(shape)
    damped = eigenvalues + _at_least_tiny(damping * float(eigenvalues.mean()))
    return _Eigenbasis(in_vectors, out_vectors, damped)


def _mean_square(gradients: Floats) -> float:
    return _at_least_tiny(float(np.square(gradients).mean()))


def _at_least_tiny(damp: float) -> float:
    """A layer that no sample reaches has no curvature; nothing is divided by zero there."""
    return max(damp, 1e-300)


def _check(fitted: Layers, number: float) -> None:
    if number <= 0 or not fitted or any(len(each) == 0 for each in fitted):
        raise InvalidInputError("A curvature needs at least one sample and a positive damping.")
