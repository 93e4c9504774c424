"""scikit-learn's handwritten digits: the calibration's only world that nobody here made up.

Contributors hold images of two digits each, some with part of their labels drawn at random. The
adapter is a softmax regression on the 64 pixels and a constant; the base is its zero. A text is 64
brightnesses from 0 to 16 and the label.

Needs scikit-learn (`headwater[calibration]`), which ships the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.worlds import Int32s, WorldData
from headwater_attribution.influence.factors import Floats, LayerFactors
from headwater_payments.errors import needing

with needing("Calibration on digits", "calibration"):
    from sklearn.datasets import load_digits

DIGITS: Final = 10
PIXELS: Final = 64
NOISES: Final = (0.0, 0.15, 0.4, 0.95)
DOCUMENTS: Final = 24
QUERIES: Final = 60
STEPS: Final = 120
CHECKPOINTS: Final = 4
_RATE, _DECAY = 0.5, 1e-3


def digits_world(seed: int) -> WorldData:
    """Draw contributors and queries: pairs of digits by noise, 24 images each.

    The images that nobody contributes are what queries are drawn from.
    """
    random = np.random.default_rng([seed, 6])
    images, labels = load_digits(return_X_y=True)
    rows = np.column_stack([images, labels]).astype(np.int32)[random.permutation(len(labels))]
    documents, owners, used = [], [], np.zeros(len(rows), dtype=np.bool_)
    for pair in range(DIGITS // 2):
        for number, noise in enumerate(NOISES):
            free = np.flatnonzero(~used & (rows[:, PIXELS] // 2 == pair))[:DOCUMENTS]
            used[free] = True
            taken = rows[free].copy()
            wrong = random.random(len(taken)) < noise
            taken[wrong, PIXELS] = random.integers(0, DIGITS, int(wrong.sum()))
            documents.append(taken)
            owners.append(np.full(len(taken), pair * len(NOISES) + number))
    queries = rows[np.flatnonzero(~used)[:QUERIES]]
    spam = np.tile(np.arange(len(NOISES)) == len(NOISES) - 1, DIGITS // 2)
    contributed = np.concatenate(documents)
    none = contributed[:0]
    return WorldData(DIGITS, none, contributed, np.concatenate(owners), queries, spam, none)


@dataclass(frozen=True, slots=True, eq=False)
class DigitsTrained:
    """One regression at its checkpoints; see `retraining.Trained`."""

    checkpoints: tuple[Floats, ...]

    def factors(self, texts: Int32s, sampled: int | None = None) -> list[list[LayerFactors]]:
        """See `retraining.Trained`."""
        pixels, labels = _split(texts)
        found = []
        for weights in self.checkpoints:
            probabilities = _softmax(pixels @ weights.T)
            chosen = labels
            if sampled is not None:
                random = np.random.default_rng([sampled, 5])
                drawn = random.random((len(texts), 1))
                chosen = (np.cumsum(probabilities, axis=1)[:, :-1] < drawn).sum(axis=1)
            found.append([LayerFactors(pixels[:, None], _errors(probabilities, chosen)[:, None])])
        return found


class DigitsTrainer:
    """Softmax regression by momentum and small weight decay; see `retraining.Trainer`."""

    def losses(
        self, texts: Int32s, subsets: Sequence[Int64s], seeds: Sequence[int], queries: Int32s
    ) -> Floats:
        """See `retraining.Trainer`."""
        pixels, labels = _split(queries)
        found = np.empty((len(subsets), len(queries)))
        for number, (subset, seed) in enumerate(zip(subsets, seeds, strict=True)):
            weights = _fit(texts[subset], seed)[-1]
            probabilities = _softmax(pixels @ weights.T)
            found[number] = -np.log(probabilities[np.arange(len(queries)), labels] + 1e-30)
        return found

    def train(self, texts: Int32s, seed: int) -> DigitsTrained:
        """See `retraining.Trainer`."""
        return DigitsTrained(tuple(_fit(texts, seed)))


def _fit(texts: Int32s, seed: int) -> list[Floats]:
    random = np.random.default_rng([seed, 3])
    pixels, labels = _split(texts)
    weights = np.zeros((DIGITS, PIXELS + 1))
    momentum = np.zeros_like(weights)
    kept = []
    for step in range(1, STEPS + 1):
        chosen = random.integers(0, len(texts), 64)
        errors = _errors(_softmax(pixels[chosen] @ weights.T), labels[chosen])
        momentum = 0.9 * momentum + errors.T @ pixels[chosen] / len(chosen) + _DECAY * weights
        weights = weights - _RATE * 0.1 * momentum
        if step % (STEPS // CHECKPOINTS) == 0:
            kept.append(weights)
    return kept


def _split(texts: Int32s) -> tuple[Floats, Int64s]:
    """`[n, 65]` brightnesses from 0 to 1 with a constant, and labels."""
    bright = texts[:, :PIXELS].astype(np.float64) / 16
    return np.column_stack([bright, np.ones(len(texts))]), texts[:, PIXELS].astype(np.int64)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _errors(probabilities: Floats, labels: Int64s) -> Floats:
    errors = probabilities.copy()
    errors[np.arange(len(labels)), labels] -= 1
    return errors
