"""Factors of per-sample gradients from torch: LoRA adapters of any model, by hooks.

One forward and one backward pass of a batch give every sample's gradient for every layer listed:
the hooks keep what came into a layer and the gradient of what came out. Losses have to be one
number for each sample that depends on no other sample (no batch norm).

Needs torch (`headwater[adapters]`). It is imported here and nowhere below.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.influence.factors import Floats, LayerFactors
from headwater_payments.errors import InvalidInputError, needing

with needing("Influence in adapters", "adapters"):
    import torch
    from torch import Tensor, nn


def low_rank_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The `lora_A` and `lora_B` matrices of a peft model, or whatever names its layers so.

    Raises:
        InvalidInputError: the model has none.
    """
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and {"lora_A", "lora_B"} & set(name.split("."))
    }
    if not found:
        raise InvalidInputError("The model has no layer under a name with lora_A or lora_B.")
    return found


class GradientTap:
    """What some linear layers saw of the last forward and backward pass; see `tapped`."""

    def __init__(self, layers: Mapping[str, nn.Linear]) -> None:
        if any(layer.bias is not None for layer in layers.values()):
            raise InvalidInputError("Only linear layers without a bias have factors.")
        self._layers = dict(layers)
        self._inputs: dict[str, Tensor] = {}
        self._output_grads: dict[str, Tensor] = {}

    def factors(self) -> list[LayerFactors]:
        """Each layer's factors, in the order in which the layers were given.

        Raises:
            InvalidInputError: a layer was not reached by both passes.
        """
        missing = sorted(self._layers.keys() - self._output_grads.keys())
        if missing:
            raise InvalidInputError(
                f"No gradient reached {', '.join(missing)}: run a forward and a backward pass in "
                "which every sample's loss depends on it.",
                layers=missing,
            )
        return [
            LayerFactors(_array(self._inputs[name]), _array(self._output_grads[name]))
            for name in self._layers
        ]

    def watch(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        """The forward hook of one layer."""

        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._inputs[name] = inputs[0].detach()
            output.register_hook(lambda grad: self._output_grads.update({name: grad.detach()}))

        return hook


@contextmanager
def tapped(layers: Mapping[str, nn.Linear]) -> Iterator[GradientTap]:
    """Keep the factors of `layers` for as long as the block runs; hooks are gone afterwards.

    A layer may be used once in a forward pass. The layers' weights have to require gradients, or
    something before them has to.

    Raises:
        InvalidInputError: a layer has a bias.
    """
    tap = GradientTap(layers)
    handles = [layer.register_forward_hook(tap.watch(name)) for name, layer in layers.items()]
    try:
        yield tap
    finally:
        for handle in handles:
            handle.remove()


def batch_factors(
    layers: Mapping[str, nn.Linear], losses: Callable[[], Tensor]
) -> list[LayerFactors]:
    """The factors of one batch.

    Args:
        layers: by name.
        losses: runs the model and returns `[n]`, each sample's own loss.

    Raises:
        InvalidInputError: losses are not one for each sample, or a layer was not reached.
    """
    with tapped(layers) as tap:
        found = losses()
        if found.ndim != 1:
            raise InvalidInputError(
                "Give one loss for each sample: a mean over samples has no gradient of each.",
                shape=list(found.shape),
            )
        parameters = [layer.weight for layer in layers.values()]
        # Only the outputs' gradients are wanted, but those of the weights make torch reach them.
        torch.autograd.grad(found.sum(), parameters)
        return tap.factors()


def summed_gradients(
    layers: Mapping[str, nn.Linear],
    batches: Iterable[tuple[Callable[[], Tensor], Int64s]],
    contributors: int,
) -> list[Floats]:
    """`[C, D]` by layer, over any number of batches; only one batch is held at a time.

    Args:
        layers: by name.
        batches: for each its losses as in `batch_factors`, and `[n]` whose samples they are.
        contributors: C.
    """
    sums: list[Floats] = [np.zeros((contributors, each.weight.numel())) for each in layers.values()]
    for losses, owners in batches:
        for total, layer in zip(sums, batch_factors(layers, losses), strict=True):
            np.add.at(total, owners, layer.gradients())
    return sums


def sampled_targets(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Labels drawn from the model's own predictions, `[…]` of logits `[…, V]`: the true Fisher's.

    The generator's seed and torch's version and thread count decide what is drawn.
    """
    flat = torch.softmax(logits.detach().reshape(-1, logits.shape[-1]), dim=1)
    drawn = torch.multinomial(flat, 1, generator=generator)
    return drawn.reshape(logits.shape[:-1])


def _array(kept: Tensor) -> Floats:
    """`[n, T, width]`; a layer that is applied once to a sample has T = 1."""
    widened = kept[:, None] if kept.ndim == 2 else kept.reshape(len(kept), -1, kept.shape[-1])
    return np.asarray(widened.to(torch.float64).cpu().numpy(), dtype=np.float64)


def concatenated(batches: Sequence[Sequence[LayerFactors]]) -> list[LayerFactors]:
    """The factors of several batches of texts of one length as those of one."""
    return [
        LayerFactors(
            np.concatenate([layer.inputs for layer in layers]),
            np.concatenate([layer.output_grads for layer in layers]),
        )
        for layers in zip(*batches, strict=True)
    ]
