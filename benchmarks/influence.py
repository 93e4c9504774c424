"""Influence in a transformer's adapter: ours beside kronfluence, dattri and a plain loop, in a run.

    make test-torch   # makes .venv-torch
    .venv-torch/bin/pip install --require-hashes -r benchmarks/peers/influence.txt   # the peers
    .venv-torch/bin/python benchmarks/influence.py [--seeds 2] [--retrainings 48] [--json r.json]

All sides get the same trained adapter of the paraphrase world, its last checkpoint, and the same
texts. The linear datamodelling score is against the same retrainings; seconds include gradients.
A peer that is not installed is left out and said to be. Everything runs in one thread.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from headwater_attribution.calibration.methods import Explained, datainf, ek_fac
from headwater_attribution.calibration.metrics import linear_datamodelling_score
from headwater_attribution.calibration.retraining import Truth, retrain
from headwater_attribution.calibration.transformer import (
    Transformer,
    TransformerTrained,
    TransformerTrainer,
)
from headwater_attribution.calibration.worlds import World, WorldData, WorldSize, make_world
from headwater_attribution.influence.adapters import batch_factors, low_rank_layers
from headwater_attribution.influence.contributors import sum_by_owner
from headwater_attribution.influence.curvature import EkFac
from headwater_attribution.influence.factors import Floats, gradients

SIZE = WorldSize(topics=4, queries=24, base_documents=1_000, base_topics=24, fresh=1)


@dataclass(frozen=True, slots=True)
class Given:
    """What every side gets."""

    data: WorldData
    trained: TransformerTrained
    model: Transformer

    def texts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows and queries."""
        rows, queries = self.data.documents, self.data.queries
        return tuple(torch.from_numpy(each.astype(np.int64)) for each in (rows, queries))  # type: ignore[return-value]

    def by_contributor(self, scores: Floats) -> Floats:
        """`[C, Q]` of scores `[n, Q]` by row."""
        return sum_by_owner([scores], self.data.owners, self.data.contributors)[0]


def losses(model: nn.Module, texts: torch.Tensor) -> torch.Tensor:
    """`[n]` the mean loss of each text."""
    scores = model(texts[:, :-1]).transpose(1, 2)
    return functional.cross_entropy(scores, texts[:, 1:], reduction="none").mean(dim=1)


def ours_ek_fac_last(given: Given) -> Floats:
    """EK-FAC at the last checkpoint only, as the peers have it."""
    world = Explained(given.data, given.trained)
    return world.influence([EkFac(world.sampled[-1])])


def ours_ek_fac(given: Given) -> Floats:
    """EK-FAC summed over the checkpoints."""
    return ek_fac(Explained(given.data, given.trained))


def ours_datainf(given: Given) -> Floats:
    """DataInf with the damping of its paper."""
    return datainf(Explained(given.data, given.trained))


def kronfluence_ek_fac(given: Given) -> Floats:
    """EK-FAC by kronfluence at the last checkpoint, defaults otherwise."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments
    from kronfluence.task import Task

    class NextWord(Task):
        def compute_train_loss(
            self, batch: torch.Tensor, model: nn.Module, sample: bool = False
        ) -> torch.Tensor:
            scores = model(batch[:, :-1])
            flat = scores.reshape(-1, scores.shape[-1])
            if not sample:
                return functional.cross_entropy(flat, batch[:, 1:].reshape(-1), reduction="sum")
            with torch.no_grad():
                drawn = torch.multinomial(torch.softmax(flat, dim=1), 1).flatten()
            return functional.cross_entropy(flat, drawn, reduction="sum")

        def compute_measurement(self, batch: torch.Tensor, model: nn.Module) -> torch.Tensor:
            return self.compute_train_loss(batch, model)

        def get_influence_tracked_modules(self) -> list[str]:
            return list(low_rank_layers(given.model))

    rows, queries = given.texts()
    task = NextWord()
    with tempfile.TemporaryDirectory() as folder:
        model = prepare_model(Copied.of(given.model), task)
        analyzer = Analyzer("peers", model, task, cpu=True, output_dir=folder, disable_tqdm=True)
        analyzer.fit_all_factors(
            "factors", rows, per_device_batch_size=64, factor_args=FactorArguments("ekfac")
        )
        analyzer.compute_pairwise_scores(
            "scores",
            "factors",
            queries,
            rows,
            per_device_query_batch_size=len(queries),
            per_device_train_batch_size=64,
        )
        found = analyzer.load_pairwise_scores("scores")["all_modules"]
    return given.by_contributor(found.double().numpy().T)


def dattri_datainf(given: Given) -> Floats:
    """DataInf by dattri at the last checkpoint, with a small regularisation."""
    from dattri.algorithm.influence_function import IFAttributorDataInf
    from dattri.task import AttributionTask
    from torch.utils.data import DataLoader, TensorDataset

    def loss(params: dict[str, torch.Tensor], data: tuple[torch.Tensor, ...]) -> torch.Tensor:
        texts = data[0]
        whole = texts if texts.ndim == 2 else texts[None]
        scores = torch.func.functional_call(given.model, params, whole[:, :-1])
        return functional.cross_entropy(scores.transpose(1, 2), whole[:, 1:])

    rows, queries = given.texts()
    task = AttributionTask(loss, given.model, given.model.state_dict())
    names = [f"{name}.weight" for name in low_rank_layers(given.model)]
    attributor = IFAttributorDataInf(task, layer_name=names, regularization=1e-3)
    loaders = [
        DataLoader(TensorDataset(each), batch_size=len(each), shuffle=False)
        for each in (rows, queries)
    ]
    attributor.cache(loaders[0])
    found = attributor.attribute(*loaders)
    return given.by_contributor(found.detach().double().numpy())


class Copied:
    """Peers wrap the model that they are given, so each gets one of its own."""

    @staticmethod
    def of(model: Transformer) -> Transformer:
        import copy

        return copy.deepcopy(model)


SIDES: dict[str, tuple[str, Callable[[Given], Floats]]] = {
    "Headwater, EK-FAC": ("", ours_ek_fac),
    "Headwater, EK-FAC, last checkpoint": ("", ours_ek_fac_last),
    "Headwater, DataInf": ("", ours_datainf),
    "kronfluence, EK-FAC": ("kronfluence", kronfluence_ek_fac),
    "dattri, DataInf": ("dattri", dattri_datainf),
}


def plain_loop(given: Given) -> int:
    """Each text's gradient by a backward pass of its own."""
    rows, _ = given.texts()
    weights = [layer.weight for layer in low_rank_layers(given.model).values()]
    for number in range(len(rows)):
        torch.autograd.grad(losses(given.model, rows[[number]]).sum(), weights)
    return len(rows)


def by_hooks(given: Given) -> int:
    """All texts' gradients by one pass."""
    rows, _ = given.texts()
    layers = low_rank_layers(given.model)
    return len(gradients(batch_factors(layers, lambda: losses(given.model, rows)))[0])


def by_vmap(given: Given) -> int:
    """`vmap` over `grad`, as dattri takes them."""
    from torch.func import functional_call, grad, vmap

    rows, _ = given.texts()
    names = {f"{name}.weight" for name in low_rank_layers(given.model)}
    every = dict(given.model.named_parameters())
    tracked = {name: each.detach() for name, each in every.items() if name in names}
    frozen = {name: each.detach() for name, each in every.items() if name not in names}

    def one(params: dict[str, torch.Tensor], text: torch.Tensor) -> torch.Tensor:
        scores = functional_call(given.model, {**params, **frozen}, text[None, :-1])
        return functional.cross_entropy(scores[0], text[1:])

    found = vmap(grad(one), in_dims=(None, 0))(tracked, rows)
    return len(next(iter(found.values())))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--retrainings", type=int, default=48)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    speeds: defaultdict[str, list[float]] = defaultdict(list)
    missing = set()
    for seed in range(options.seeds):
        given, truth = prepared(seed, options.retrainings)
        for name, (package, side) in SIDES.items():
            if package and not installed(package):
                missing.add(package)
                continue
            started = time.process_time()
            scores = side(given)
            seconds = time.process_time() - started
            lds = linear_datamodelling_score(scores, truth.subsets, truth.losses)
            found[name].append({"lds": float(lds.mean()), "seconds": seconds})
        for name, way in (("hooks", by_hooks), ("loop", plain_loop), ("vmap", by_vmap)):
            way(given)
            started = time.process_time()
            texts = way(given)
            speeds[name].append(texts / (time.process_time() - started))
    show(found, speeds, missing, options)


def prepared(seed: int, retrainings: int) -> tuple[Given, Truth]:
    """A world, its trained adapter in place, and its truth."""
    data = make_world(World.PARAPHRASE, seed, SIZE)
    trainer = TransformerTrainer(data.vocabulary, data.base, seed)
    truth = retrain(
        trainer,
        data.documents,
        data.owners,
        data.queries,
        contributors=data.contributors,
        retrainings=retrainings,
        seed=seed,
    )
    trained = trainer.train(data.documents, seed * 100_003)
    trained.factors(data.queries[:1])  # leaves the last checkpoint in the model
    return Given(data, trained, trainer.model), truth


def installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def show(
    found: dict[str, list[dict[str, float]]],
    speeds: dict[str, list[float]],
    missing: set[str],
    options: Any,
) -> None:
    print("| | LDS (lowest to highest) | seconds of processor time |\n|---|---|---|")
    for name, runs in found.items():
        scores = [each["lds"] for each in runs]
        seconds = statistics.median(each["seconds"] for each in runs)
        mean = statistics.mean(scores)
        print(f"| {name} | {mean:.3f} ({min(scores):.3f} to {max(scores):.3f}) | {seconds:.2f} |")
    print("\n| gradients by sample | texts/s of processor time |\n|---|---|")
    for name, values in speeds.items():
        print(f"| {name} | {statistics.median(values):,.0f} |")
    for package in sorted(missing):
        print(f"\n{package} is not installed, and left out.")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    versions = ", ".join(
        f"{each} {version(each)}" for each in ("torch", "kronfluence", "dattri") if installed(each)
    )
    print(
        f"\n{options.seeds} drawings, {options.retrainings} retrainings each. Python "
        f"{platform.python_version()}, {versions}, {os.cpu_count()} cores {platform.machine()}, "
        f"load {load}."
    )
    if options.json:
        options.json.write_text(json.dumps({"sides": found, "speeds": speeds}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
