"""Pages need no network, and say in figures what an attack and a market came to."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from headwater_attribution.rules import BY_ROWS, CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.adversary import Arena, Budget, Copy, Noise, Space, Split, attack
from headwater_simulations.adversary.report import AUDITS, STAKES, surfaces, write_attack
from headwater_simulations.cli import app
from headwater_simulations.economy import preset, run_economy
from headwater_simulations.economy.report import SHOWN, phases_of, write_run

QUICK = Budget(candidates=64, generation=16, search_worlds=4, pick_worlds=40, proof_worlds=600)
SPACE = Space((Split, Copy, Noise))


def needs_nothing(page: Path) -> str:
    """The page's text, once it is seen to load nothing from anywhere."""
    text = page.read_text("utf-8")
    outside = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']([^\"']+)", text)
    assert [each for each in outside if not each.startswith("data:")] == []
    return text


def test_an_attacks_page_has_the_find_the_archive_and_where_it_breaks_even(tmp_path: Path) -> None:
    found = attack(BY_ROWS, space=SPACE, budget=QUICK)
    card = json.loads(write_attack(found, tmp_path / "attack.html", worlds=16).read_text())
    text = needs_nothing(tmp_path / "attack.html")
    assert text.count("Plotly.newPlot") == 3
    assert f"rows/1 under attack: {found.verdict}" in text
    assert card["verdict"] == "exploit"
    assert card["best"]["low"] == found.best.gain.low > 0.1
    assert card["archive"]["Noise"] == found.archive[("Noise",)].gain
    assert [(each["across"], each["up"]) for each in card["surfaces"]] == [
        ("stake", "audit"),
        ("cost_identity", "platform_share"),
    ]


def test_where_copies_are_audited_a_stake_makes_them_lose() -> None:
    arena = Arena(precedence=0, blind_at=40_000_000, cost_reworded=0)
    found = attack(CAUSES, arena, Space((Copy,)), QUICK)
    staked, priced = surfaces(found, worlds=16)
    gains = staked.gains
    assert gains.shape == (len(AUDITS), len(STAKES))
    assert gains[0, 0] > 0 > gains[-1, -1]
    # Without audits no stake is lost, and without a stake or more audits nothing gets dearer.
    assert np.ptp(gains[0]) == 0
    assert (np.diff(gains[-1]) <= 0).all()
    assert np.ptp(priced.gains[0]) == 0, "one identity a member costs nothing more"


def test_a_markets_page_has_bands_over_worlds_and_where_honesty_comes_back(tmp_path: Path) -> None:
    market = replace(preset("free-riding"), buyers=60, contributors=60, steps=40, mutation=0)
    run = run_economy(market, np.arange(5))
    card = json.loads(write_run(run, "free-riding", tmp_path / "run.html").read_text())
    text = needs_nothing(tmp_path / "run.html")
    assert text.count("Plotly.newPlot") == len(SHOWN) + 1
    low, middle, high = card["ends"]["are_honest"]
    assert low <= middle <= high
    assert middle == np.median(run.metric("are_honest")[:, -1])
    honest = np.array(card["phases"]["honest"])
    assert card["phases"]["deviation"] == "free_ride"
    assert honest[:, 0].tolist() == [1.0] * len(honest)
    # Nobody looks at others: who deviates goes on. The more do, the sooner honesty is back.
    assert honest[0, 2] == pytest.approx(0.75)
    assert honest[-1, 2] > 0.95


def test_rules_without_a_compiled_twin_have_phases_too() -> None:
    market = replace(
        preset("spam-farming"), buyers=20, contributors=20, services=4, owners=2, steps=3
    )
    phases = phases_of(market, worlds=1)
    assert phases.deviation == "spam"
    assert phases.starts[-1] == PARTS * 95 // 100
    assert phases.honest[0, -1] == pytest.approx(0.05)


def test_the_commands_write_pages(tmp_path: Path) -> None:
    page, run = tmp_path / "a.html", tmp_path / "r.html"
    asked = ["run", "--worlds", "2", "--steps", "2", "--page", str(run)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert "<h1>calm</h1>" in needs_nothing(run)
    asked = ["attack", "--budget", "small", "--only", "Split", "--page", str(page)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert "causes/1 under attack: none found" in needs_nothing(page)
    refused = CliRunner().invoke(app, ["run", "--engine", "stack", "--page", str(page)])
    assert refused.exit_code == 2
    with pytest.raises(InvalidInputError, match="cannot be written"):
        write_attack(attack(BY_ROWS, space=SPACE, budget=QUICK), tmp_path / "no" / "a.html")
