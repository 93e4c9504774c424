"""A small transformer with LoRA on every linear layer, in torch: the worlds' larger model.

Two blocks of causal attention and a feed-forward layer, 48 wide. As in the numpy model, the base is
trained once and only the adapter learns from contributions; here nothing is written out by hand,
and gradients by sample come through the hooks that any adapter's would.

Needs torch (`headwater[adapters]`). Results are the same for one version of torch at one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.worlds import Int32s
from headwater_attribution.influence.adapters import (
    batch_factors,
    low_rank_layers,
    sampled_targets,
)
from headwater_attribution.influence.factors import Floats, LayerFactors
from headwater_payments.errors import needing

with needing("The small transformer", "adapters"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """Widths and how training goes; `TinyShape` says what the names mean."""

    width: int = 48
    heads: int = 4
    blocks: int = 2
    rank: int = 4
    scale: float = 2.0
    base_steps: int = 800
    base_rate: float = 0.003
    steps: int = 160
    rate: float = 0.005
    checkpoints: int = 4
    batch: int = 48


class LowRankLinear(nn.Module):
    """A frozen linear layer and a low-rank product beside it, which is zero until trained."""

    def __init__(self, inputs: int, outputs: int, shape: TransformerShape) -> None:
        super().__init__()
        self.base = nn.Linear(inputs, outputs, bias=False)
        self.lora_A = nn.Linear(inputs, shape.rank, bias=False)
        self.lora_B = nn.Linear(shape.rank, outputs, bias=False)
        self.scale = shape.scale
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """The sum of both."""
        adapted: Tensor = self.lora_B(self.lora_A(inputs))
        frozen: Tensor = self.base(inputs)
        return frozen + self.scale * adapted


class Block(nn.Module):
    """Attention and a feed-forward layer, each on the normalised sum of what came before."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.before_attention, self.before_widening = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed = LowRankLinear(width, 3 * width, shape)
        self.joined = LowRankLinear(width, width, shape)
        self.widened = LowRankLinear(width, 4 * width, shape)
        self.narrowed = LowRankLinear(4 * width, width, shape)

    def forward(self, stream: Tensor) -> Tensor:
        """Of `[n, T, width]`."""
        texts, places, width = stream.shape
        mixed: Tensor = self.mixed(self.before_attention(stream))
        split = mixed.view(texts, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*split, is_causal=True)
        joined: Tensor = self.joined(attended.transpose(1, 2).reshape(texts, places, width))
        stream = stream + joined
        widened: Tensor = functional.gelu(self.widened(self.before_widening(stream)))
        narrowed: Tensor = self.narrowed(widened)
        return stream + narrowed


class Transformer(nn.Module):
    """Words in, scores of the next word out; places are told apart by learned vectors."""

    def __init__(self, vocabulary: int, words: int, shape: TransformerShape) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, shape.width)
        self.places = nn.Embedding(words, shape.width)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.blocks)])
        self.last = nn.LayerNorm(shape.width)
        self.out = nn.Linear(shape.width, vocabulary)

    def forward(self, texts: Tensor) -> Tensor:
        """`[n, T, V]` of texts `[n, T]`."""
        stream: Tensor = self.words(texts) + self.places.weight[: texts.shape[1]]
        for block in self.blocks:
            stream = block(stream)
        scores: Tensor = self.out(self.last(stream))
        return scores


State = dict[str, Tensor]


class TransformerTrained:
    """One adapter at its checkpoints; see `retraining.Trained`."""

    def __init__(self, model: Transformer, checkpoints: Sequence[State]) -> None:
        self._model, self._checkpoints = model, checkpoints

    def factors(self, texts: Int32s, sampled: int | None = None) -> list[list[LayerFactors]]:
        """See `retraining.Trained`."""
        found = []
        for state in self._checkpoints:
            self._model.load_state_dict(state, strict=False)
            generator = None if sampled is None else torch.Generator().manual_seed(sampled)
            losses = partial(_losses, self._model, _tensor(texts), generator)
            found.append(batch_factors(low_rank_layers(self._model), losses))
        return found


class TransformerTrainer:
    """Trains adapters on a `Transformer`; see `retraining.Trainer`.

    Args:
        vocabulary: words there are.
        base: `[n, words]` what the base learns from.
        seed: of the base.
        shape: widths and steps.
    """

    def __init__(
        self, vocabulary: int, base: Int32s, seed: int, shape: TransformerShape | None = None
    ) -> None:
        self._shape = shape or TransformerShape()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._model = Transformer(vocabulary, base.shape[1], self._shape)
        named = dict(self._model.named_parameters())
        self._adapter = {name: each for name, each in named.items() if ".lora_" in name}
        frozen = [each for name, each in named.items() if ".lora_" not in name]
        everything = np.arange(len(base))
        self._fit(base, everything, seed, frozen, self._shape.base_steps, self._shape.base_rate)
        for each in frozen:
            each.requires_grad_(requires_grad=False)

    @property
    def model(self) -> Transformer:
        """The base with whichever adapter was trained or asked for its factors last."""
        return self._model

    def losses(
        self, texts: Int32s, subsets: Sequence[Int64s], seeds: Sequence[int], queries: Int32s
    ) -> Floats:
        """See `retraining.Trainer`."""
        found = []
        for subset, seed in zip(subsets, seeds, strict=True):
            self._train(texts, subset, seed)
            with torch.no_grad():
                found.append(_losses(self._model, _tensor(queries), None).double().numpy())
        return np.stack(found)

    def train(self, texts: Int32s, seed: int) -> TransformerTrained:
        """See `retraining.Trainer`."""
        return TransformerTrained(self._model, self._train(texts, np.arange(len(texts)), seed))

    def _train(self, texts: Int32s, subset: Int64s, seed: int) -> list[State]:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, each in self._adapter.items():
                if ".lora_A" in name:
                    each.copy_(torch.randn(each.shape, generator=generator) * each.shape[1] ** -0.5)
                else:
                    each.zero_()
        adapter, shape = list(self._adapter.values()), self._shape
        return self._fit(texts, subset, seed, adapter, shape.steps, shape.rate)

    def _fit(
        self,
        texts: Int32s,
        subset: Int64s,
        seed: int,
        weights: Sequence[nn.Parameter],
        steps: int,
        rate: float,
    ) -> list[State]:
        """Adam on batches of `subset`; the adapter's states at the checkpoints."""
        optimiser = torch.optim.Adam(weights, lr=rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.1, total_iters=steps)
        order = np.random.default_rng([seed, 3])
        every = steps / self._shape.checkpoints
        keep = {round(every * (number + 1)) for number in range(self._shape.checkpoints)}
        kept = []
        for step in range(1, steps + 1):
            chosen = subset[order.integers(0, len(subset), self._shape.batch)]
            optimiser.zero_grad()
            torch.autograd.backward(_losses(self._model, _tensor(texts[chosen]), None).mean())
            optimiser.step()
            schedule.step()
            if step in keep:
                kept.append({name: each.detach().clone() for name, each in self._adapter.items()})
        return kept


def _losses(model: Transformer, texts: Tensor, generator: torch.Generator | None) -> Tensor:
    """`[n]` the mean negative log-likelihood of each text, or of labels drawn from the model."""
    logits = model(texts[:, :-1])
    targets = texts[:, 1:] if generator is None else sampled_targets(logits, generator)
    by_word = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return by_word.mean(dim=1)


def _tensor(texts: Int32s) -> Tensor:
    return torch.from_numpy(texts.astype(np.int64))
