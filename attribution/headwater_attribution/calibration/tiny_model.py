"""A small language model with a LoRA adapter, in numpy: cheap to train a hundred times.

The model reads the last three words, as embeddings, through two tanh layers with a shortcut, and
scores every word as the next (Bengio et al., "A Neural Probabilistic Language Model", 2003). The
base is trained once; an adapter adds a low-rank product to both layers (Hu et al., "LoRA", 2021)
and is all that is trained on contributions. Gradients are written out by hand, so every sample's
factors come with the backward pass.

Many adapters are trained at once: every array of an adapter has a leading axis.

Symbols: `M` adapters, `n` texts, `T` predicted words of a text, `e` width of an embedding, `h` of a
layer, `r` rank, `V` words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.worlds import Int32s
from headwater_attribution.influence.factors import Floats, LayerFactors

Float32s = npt.NDArray[np.float32]

CONTEXT: Final = 3
"""Words that the model reads."""

BLOCKS: Final = ("a1", "b1", "a2", "b2")
"""The adapter's matrices in the order of `LayerFactors`: into and out of the rank, by layer."""


@dataclass(frozen=True, slots=True)
class TinyShape:
    """Widths and how training goes.

    Attributes:
        embedding: e.
        hidden: h.
        rank: r.
        scale: what the adapter's product is multiplied by.
        base_steps: steps of Adam for the base, at `base_rate`.
        steps: steps of Adam for an adapter, at `rate`.
        checkpoints: how many adapters of one training are kept, evenly spaced, the last included.
        batch: texts in one step.
    """

    embedding: int = 16
    hidden: int = 48
    rank: int = 4
    scale: float = 2.0
    base_steps: int = 1_500
    base_rate: float = 0.01
    steps: int = 300
    rate: float = 0.01
    checkpoints: int = 8
    batch: int = 48


Weights = dict[str, Float32s]
"""By name: the base's `embed`, `w1`, `w2`, `out`, `bias`; an adapter's `BLOCKS`."""


@dataclass(slots=True)
class Adam:
    """Kingma and Ba, "Adam", 2015, with its usual constants; one state for one set of weights."""

    rate: float
    steps: int
    _mean: Weights = field(default_factory=dict)
    _square: Weights = field(default_factory=dict)
    _done: int = 0

    def step(self, weights: Weights, grads: Weights) -> None:
        """Move `weights` in place; the rate falls linearly to a tenth."""
        self._done += 1
        rate = self.rate * (1 - 0.9 * (self._done - 1) / max(1, self.steps - 1))
        for name, grad in grads.items():
            mean = self._mean.setdefault(name, np.zeros_like(grad))
            square = self._square.setdefault(name, np.zeros_like(grad))
            mean += np.float32(0.1) * (grad - mean)
            square += np.float32(0.001) * (grad * grad - square)
            unbiased = mean / np.float32(1 - 0.9**self._done)
            spread = np.sqrt(square / np.float32(1 - 0.999**self._done)) + np.float32(1e-8)
            weights[name] -= np.float32(rate) * unbiased / spread


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """What a forward pass leaves behind, `[M, N, …]` with N = n·T places."""

    read: Float32s
    low1: Float32s
    z1: Float32s
    low2: Float32s
    z2: Float32s
    summed: Float32s
    probabilities: Float32s
    targets: Int64s


class TinyModel:
    """A trained base.

    Args:
        shape: widths and steps.
        vocabulary: V.
        base: `[n, words]` what the base learns from.
        seed: of its first weights and of the order of its texts.
    """

    def __init__(self, shape: TinyShape, vocabulary: int, base: Int32s, seed: int) -> None:
        self.shape = shape
        random = np.random.default_rng([seed, 1])
        inputs = CONTEXT * shape.embedding
        self.weights: Weights = {
            "embed": _normal(random, (vocabulary, shape.embedding), 0.5),
            "w1": _normal(random, (shape.hidden, inputs), inputs**-0.5),
            "w2": _normal(random, (shape.hidden, shape.hidden), shape.hidden**-0.5),
            "out": _normal(random, (vocabulary, shape.hidden), shape.hidden**-0.5),
            "bias": np.zeros(vocabulary, dtype=np.float32),
        }
        optimiser = Adam(shape.base_rate, shape.base_steps)
        nothing = self._no_adapter()
        for _ in range(shape.base_steps):
            texts = base[random.integers(0, len(base), shape.batch)][None]
            seen = self._forward(nothing, texts)
            optimiser.step(self.weights, self._base_grads(seen, texts))

    def new_adapters(self, seeds: Sequence[int]) -> Weights:
        """Adapters `[M, …]` before training, one for each seed: their product is zero."""
        shape, inputs = self.shape, CONTEXT * self.shape.embedding
        drawn = [np.random.default_rng([seed, 2]) for seed in seeds]
        return {
            "a1": np.stack([_normal(r, (shape.rank, inputs), inputs**-0.5) for r in drawn]),
            "b1": np.zeros((len(seeds), shape.hidden, shape.rank), dtype=np.float32),
            "a2": np.stack(
                [_normal(r, (shape.rank, shape.hidden), shape.hidden**-0.5) for r in drawn]
            ),
            "b2": np.zeros((len(seeds), shape.hidden, shape.rank), dtype=np.float32),
        }

    def train(
        self, texts: Int32s, subsets: Sequence[Int64s], seeds: Sequence[int]
    ) -> list[Weights]:
        """Train one adapter on each subset of `texts`, all at once.

        Args:
            texts: `[n, words]`.
            subsets: for each adapter the texts that it learns from.
            seeds: for each adapter, of its first weights and of its batches.

        Returns:
            The adapters `[M, …]` at each checkpoint.
        """
        adapters = self.new_adapters(seeds)
        optimiser = Adam(self.shape.rate, self.shape.steps)
        orders = [np.random.default_rng([seed, 3]) for seed in seeds]
        every = self.shape.steps / self.shape.checkpoints
        keep = {round(every * (number + 1)) for number in range(self.shape.checkpoints)}
        kept = []
        for step in range(1, self.shape.steps + 1):
            chosen = np.stack(
                [
                    subset[order.integers(0, len(subset), self.shape.batch)]
                    for subset, order in zip(subsets, orders, strict=True)
                ]
            )
            seen = self._forward(adapters, texts[chosen])
            optimiser.step(adapters, self._adapter_grads(adapters, seen))
            if step in keep:
                kept.append({name: array.copy() for name, array in adapters.items()})
        return kept

    def losses(self, adapters: Weights, texts: Int32s) -> Floats:
        """`[M, n]` the mean negative log-likelihood of each text, in nats a word."""
        shared = np.broadcast_to(texts, (len(adapters["a1"]), *texts.shape))
        seen = self._forward(adapters, shared)
        chosen = np.take_along_axis(seen.probabilities, seen.targets[..., None], axis=2)[..., 0]
        by_word = -np.log(np.maximum(chosen.astype(np.float64), 1e-30))
        return np.asarray(by_word.reshape(*shared.shape[:2], -1).mean(axis=2))

    def factors(
        self, adapter: Weights, texts: Int32s, sampled: np.random.Generator | None = None
    ) -> list[LayerFactors]:
        """Each text's factors for the matrices of *one* adapter (M = 1), in the order of `BLOCKS`.

        Args:
            adapter: `[1, …]`.
            texts: `[n, words]`.
            sampled: when given, losses are those of next words drawn from the model itself, as the
                true Fisher matrix has it.
        """
        seen = self._forward(adapter, texts[None])
        if sampled is not None:
            cumulative = np.cumsum(seen.probabilities[0].astype(np.float64), axis=1)
            drawn = sampled.random((len(cumulative), 1)) * cumulative[:, -1:]
            seen.targets[0] = (cumulative < drawn).sum(axis=1)
        places = texts.shape[1] - 1
        return [
            LayerFactors(_by_text(inputs, len(texts)), _by_text(by_output, len(texts)))
            for inputs, by_output in self._output_grads(adapter, seen, places)
        ]

    def _no_adapter(self) -> Weights:
        return {name: array * 0 for name, array in self.new_adapters([0]).items()}

    def _forward(self, adapters: Weights, texts: Int32s) -> _Pass:
        """Of texts `[M, n, words]`."""
        base, scale = self.weights, np.float32(self.shape.scale)
        read, targets = _places(base["embed"], texts)
        low1 = read @ adapters["a1"].swapaxes(1, 2)
        z1 = np.tanh(read @ base["w1"].T + scale * (low1 @ adapters["b1"].swapaxes(1, 2)))
        low2 = z1 @ adapters["a2"].swapaxes(1, 2)
        z2 = np.tanh(z1 @ base["w2"].T + scale * (low2 @ adapters["b2"].swapaxes(1, 2)))
        summed = z1 + z2
        logits = summed @ base["out"].T + base["bias"]
        logits -= logits.max(axis=2, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=2, keepdims=True)
        return _Pass(read, low1, z1, low2, z2, summed, logits, targets)

    def _logit_grads(self, seen: _Pass, per: int) -> Float32s:
        grads = seen.probabilities.copy()
        index = np.indices(seen.targets.shape)
        grads[index[0], index[1], seen.targets] -= 1
        grads /= np.float32(per)
        return grads

    def _layer_grads(
        self, adapters: Weights, seen: _Pass, logit_grads: Float32s
    ) -> tuple[Float32s, Float32s]:
        """By what goes into either tanh."""
        base, scale = self.weights, np.float32(self.shape.scale)
        by_sum = logit_grads @ base["out"]
        by_in2 = by_sum * (1 - seen.z2 * seen.z2)
        by_z1 = by_sum + by_in2 @ base["w2"] + scale * (by_in2 @ adapters["b2"]) @ adapters["a2"]
        return by_z1 * (1 - seen.z1 * seen.z1), by_in2

    def _output_grads(
        self, adapters: Weights, seen: _Pass, per: int
    ) -> list[tuple[Float32s, Float32s]]:
        """Inputs and gradients of outputs of each block; losses are divided by `per`."""
        scale = np.float32(self.shape.scale)
        by_in1, by_in2 = self._layer_grads(adapters, seen, self._logit_grads(seen, per))
        return [
            (seen.read, scale * (by_in1 @ adapters["b1"])),
            (seen.low1, scale * by_in1),
            (seen.z1, scale * (by_in2 @ adapters["b2"])),
            (seen.low2, scale * by_in2),
        ]

    def _adapter_grads(self, adapters: Weights, seen: _Pass) -> Weights:
        pairs = self._output_grads(adapters, seen, seen.targets.shape[1])
        return {
            name: by_output.swapaxes(1, 2) @ inputs
            for name, (inputs, by_output) in zip(BLOCKS, pairs, strict=True)
        }

    def _base_grads(self, seen: _Pass, texts: Int32s) -> Weights:
        by_logits = self._logit_grads(seen, seen.targets.shape[1])
        by_in1, by_in2 = self._layer_grads(self._no_adapter(), seen, by_logits)
        by_read = (by_in1 @ self.weights["w1"])[0].reshape(-1, CONTEXT, self.shape.embedding)
        embed = np.zeros_like(self.weights["embed"])
        np.add.at(embed, _contexts(texts)[0].reshape(-1, CONTEXT), by_read)
        return {
            "embed": embed,
            "w1": (by_in1.swapaxes(1, 2) @ seen.read)[0],
            "w2": (by_in2.swapaxes(1, 2) @ seen.z1)[0],
            "out": (by_logits.swapaxes(1, 2) @ seen.summed)[0],
            "bias": by_logits[0].sum(axis=0),
        }


def _contexts(texts: Int32s) -> Int64s:
    """`[M, n, T, CONTEXT]` the words before each predicted one; the first word stands for none."""
    padded = np.concatenate([np.repeat(texts[:, :, :1], CONTEXT - 1, axis=2), texts], axis=2)
    places = texts.shape[2] - 1
    read = [padded[:, :, shift : shift + places] for shift in range(CONTEXT)]
    return np.stack(read, axis=3).astype(np.int64)


def _places(embed: Float32s, texts: Int32s) -> tuple[Float32s, Int64s]:
    contexts = _contexts(texts)
    flat = contexts.reshape(len(texts), -1, CONTEXT)
    read = embed[flat].reshape(*flat.shape[:2], -1)
    return read, texts[:, :, 1:].reshape(len(texts), -1).astype(np.int64)


def _by_text(places: Float32s, texts: int) -> Floats:
    """`[n, T, width]` of one adapter's places `[1, n·T, width]`."""
    return np.asarray(places[0].reshape(texts, -1, places.shape[2]), dtype=np.float64)


def _normal(random: np.random.Generator, shape: tuple[int, ...], spread: float) -> Float32s:
    return (random.standard_normal(shape) * spread).astype(np.float32)
