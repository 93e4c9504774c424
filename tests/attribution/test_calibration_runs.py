"""Calibration as it is run: digits, real text, attacks, processes; and the command."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from headwater_attribution.calibration.attacks import (
    copy_attack,
    near_copies,
    outlier_attack,
    reworded,
    shadow_attack,
)
from headwater_attribution.calibration.card import read_card
from headwater_attribution.calibration.digits import DigitsTrainer, digits_world
from headwater_attribution.calibration.documentation import UNKNOWN, documentation_world
from headwater_attribution.calibration.measured import measure_world, summarise
from headwater_attribution.calibration.methods import METHODS, datainf, ek_fac, uniform
from headwater_attribution.calibration.run import Plan, calibrate, processes, run_task
from headwater_attribution.calibration.tiny_model import TinyShape
from headwater_attribution.calibration.tiny_trainer import TinyTrainer
from headwater_attribution.calibration.worlds import World, WorldSize, make_world
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_payments.errors import InvalidInputError
from support.commands import headwater

QUICK = TinyShape(steps=80, checkpoints=4, base_steps=400)
SMALL = WorldSize(topics=3, queries=12, base_documents=500, base_topics=20, fresh=60)


@cache
def library() -> tuple[tuple[str, str], ...]:
    return tuple((row.module, row.text) for row in standard_library_rows())


def test_on_handwritten_digits_curvature_ranks_better_than_openledgers_influence() -> None:
    found = measure_world(
        "digits",
        lambda seed: (digits_world(seed), DigitsTrainer()),
        [0],
        retrainings=24,
        methods={"uniform": uniform, "datainf": datainf, "ek-fac": ek_fac},
    )
    assert found.margins["ek-fac"].low > 0.03
    assert found.methods["ek-fac"]["lds"].low > 0.6
    spam = {name: figures["spam_share"].value for name, figures in found.methods.items()}
    assert spam["ek-fac"] < spam["datainf"] / 1.5 < spam["uniform"]


def test_copies_of_real_text_take_from_whom_they_copy_unless_admission_refuses_them() -> None:
    world = documentation_world(library(), 0)
    data = world.data
    assert data.spam.sum() == 4
    assert len(data.documents) == len(data.owners) == 20 * 12
    texts = [row for rows in world.rows for row in rows]
    assert (world.encoded(texts) == data.documents[: len(texts)]).all()
    assert 0.05 < (data.documents[: len(texts)] == UNKNOWN).mean() < 0.5
    with pytest.raises(InvalidInputError, match="modules"):
        documentation_world(library()[:50], 0)

    trainer = TinyTrainer(world.data.vocabulary, world.data.base, 0, QUICK)
    against = (world.data, trainer, ek_fac, 0)
    free = copy_attack(*against, reworded(world, admission=False))
    judged = copy_attack(*against, reworded(world, admission=True))
    assert free.gain > 0.03
    assert free.victim_after < free.victim_before
    assert judged.gain < 0.01
    assert judged.victim_after > 0.8 * judged.victim_before


def test_chosen_texts_are_paid_about_what_they_are_worth() -> None:
    data = make_world(World.MIXED, 2, SMALL)
    trainer = TinyTrainer(data.vocabulary, data.base, 2, QUICK)
    for attack in (outlier_attack, shadow_attack):
        result = attack(data, data.fresh, trainer, ek_fac, 2, 24)
        assert 0 < result.paid < 0.3
        assert abs(result.gain) < 0.1
    copied = copy_attack(data, trainer, ek_fac, 2, near_copies(data))
    assert copied.gain > 0.05


def test_one_process_and_two_find_the_same() -> None:
    plan = Plan(("mixed", "digits"), "tiny", 1, 8, (), SMALL, replace(QUICK, steps=24))
    told: list[str] = []
    with processes(2) as pool:
        found = calibrate(plan, pool, told.append)
    assert told == ["mixed, seed 0", "digits, seed 0"]
    for world, beside in zip(plan.worlds, found.worlds, strict=True):
        figures, attacks = run_task(plan, world, 0)
        alone = summarise(world, [figures], plan.retrainings)
        assert "ek-fac" in alone.methods
        for method, own in alone.methods.items():
            for figure in own.keys() - {"seconds"}:
                assert beside.methods[method][figure] == own[figure], (method, figure)
        assert attacks == {a.attack: a.results[0] for a in found.attacks if a.world == world}
    assert {each.attack for each in found.attacks} == {"copies", "outlier", "shadow"}


def test_the_command_measures_and_writes_a_card_that_a_rule_can_read(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    done = headwater(
        *("attribution", "calibrate", "--world", "digits", "--seeds", "1", "--retrainings", "8"),
        *("--workers", "1", "--card", str(path)),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    card = read_card(path)
    assert f"0x{card.hash().hex()}" in done.stdout.decode()
    assert 0 < card.confidence("ek-fac") < 10**8
    assert json.loads(path.read_text("utf-8"))["signature"] == ""
    images = {each.method for each in card.methods}
    assert images < {*METHODS, "retraining"}
    assert "bm25" not in images


def test_the_command_refuses_a_signature_without_a_card(tmp_path: Path) -> None:
    done = headwater("attribution", "calibrate", "--keyfile", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error[invalid_input]:")
