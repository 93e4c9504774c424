"""The small model as something that adapters are trained on; see `retraining.Trainer`."""

from collections.abc import Sequence

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.tiny_model import TinyModel, TinyShape, Weights
from headwater_attribution.calibration.worlds import Int32s
from headwater_attribution.influence.factors import Floats, LayerFactors


class TinyTrained:
    """One adapter of a `TinyModel` at its checkpoints."""

    def __init__(self, model: TinyModel, checkpoints: Sequence[Weights]) -> None:
        self._model, self._checkpoints = model, checkpoints

    def factors(self, texts: Int32s, sampled: int | None = None) -> list[list[LayerFactors]]:
        """See `retraining.Trained`."""
        random = None if sampled is None else np.random.default_rng([sampled, 5])
        return [self._model.factors(each, texts, random) for each in self._checkpoints]


class TinyTrainer:
    """Trains adapters on a `TinyModel`.

    Args:
        vocabulary: words there are.
        base: `[n, words]` what the base learns from.
        seed: of the base.
        shape: widths and steps.
    """

    def __init__(
        self, vocabulary: int, base: Int32s, seed: int, shape: TinyShape | None = None
    ) -> None:
        self._model = TinyModel(shape or TinyShape(), vocabulary, base, seed)

    def losses(
        self, texts: Int32s, subsets: Sequence[Int64s], seeds: Sequence[int], queries: Int32s
    ) -> Floats:
        """See `retraining.Trainer`."""
        return self._model.losses(self._model.train(texts, subsets, seeds)[-1], queries)

    def train(self, texts: Int32s, seed: int) -> TinyTrained:
        """See `retraining.Trainer`."""
        everything = np.arange(len(texts))
        return TinyTrained(self._model, self._model.train(texts, [everything], [seed]))
