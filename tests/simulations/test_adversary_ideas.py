"""Strategies that others thought of: read as data, begun with, and judged as any."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from headwater_attribution.rules import CAUSES
from headwater_payments.errors import InvalidInputError
from headwater_simulations.adversary import Arena, Budget, Copy, Noise, Space, Split, attack
from headwater_simulations.adversary.deviations import DEVIATIONS
from headwater_simulations.adversary.ideas import FORMAT, ideas_schema, load_ideas, read_ideas
from headwater_simulations.cli import app

BLIND = Arena(blind_at=40_000_000, precedence=0, cost_reworded=5)
COPY = {"kind": "Copy", "share": 100_000_000, "edit": 40_000_000}


def ideas(*strategies: list[dict[str, object]]) -> str:
    return json.dumps({"format": FORMAT, "strategies": strategies})


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_every_strategy_of_a_space_has_a_point_that_gives_it_back(seed: int, count: int) -> None:
    space = Space()
    for used, at in zip(*space.anywhere(count, np.random.default_rng(seed)), strict=True):
        strategy = space.strategy(used, at)
        assert space.strategy(*space.point(strategy)) == strategy


def test_an_idea_is_found_where_the_search_alone_has_no_time_to() -> None:
    budget = Budget(
        candidates=2, generation=2, search_worlds=4, shortlist=2, pick_worlds=40, proof_worlds=400
    )
    space = Space((Split, Copy, Noise))
    alone = attack(CAUSES, BLIND, space, budget, seed=3)
    told = attack(CAUSES, BLIND, space, budget, seed=3, ideas=read_ideas(ideas([COPY])))
    assert told.verdict.value == "exploit"
    assert told.finalists[0].gain.low > alone.finalists[0].gain.estimate + 0.3
    assert told.finalists[0].strategy == (Copy(100_000_000, 40_000_000),)


def test_what_the_schema_allows_is_read_and_what_it_forbids_is_refused() -> None:
    schema = Draft202012Validator(ideas_schema())
    for text in (ideas([COPY]), ideas([COPY, {"kind": "Split", "identities": 4}], [COPY])):
        assert schema.is_valid(json.loads(text))
        assert len(read_ideas(text)) == len(json.loads(text)["strategies"])
    wrong: list[dict[str, object]] = [
        {"kind": "Copy", "share": 100_000_000},
        {**COPY, "edit": 1.5},
        {**COPY, "edit": 10**9},
        {**COPY, "run": "import os"},
        {"kind": "Bribe", "share": 1},
    ]
    for idea in wrong:
        assert not schema.is_valid(json.loads(ideas([idea])))
        with pytest.raises(InvalidInputError):
            read_ideas(ideas([idea]))
    assert {each["properties"]["kind"]["const"] for each in _kinds(ideas_schema())} == {
        kind.__name__ for kind in DEVIATIONS
    }


def _kinds(schema: dict[str, object]) -> list[dict[str, dict[str, dict[str, str]]]]:
    strategies = schema["properties"]["strategies"]  # type: ignore[index]
    return strategies["items"]["items"]["anyOf"]  # type: ignore[no-any-return]


def test_ideas_of_another_space_or_too_many_are_refused() -> None:
    tiny = Budget(candidates=2, generation=2, search_worlds=2, pick_worlds=4, proof_worlds=4)
    with pytest.raises(InvalidInputError, match="one of its kinds"):
        attack(CAUSES, BLIND, Space((Split,)), tiny, ideas=read_ideas(ideas([COPY])))
    with pytest.raises(InvalidInputError, match="2 ideas at most"):
        attack(CAUSES, BLIND, Space((Copy,)), tiny, ideas=read_ideas(ideas([COPY])) * 3)


def test_the_command_takes_ideas_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ideas.json"
    file.write_text("{}", "utf-8")
    refused = CliRunner().invoke(app, ["attack", "--ideas", str(file)])
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error[invalid_input]: These are no ideas")
    with pytest.raises(InvalidInputError, match="can't be read"):
        load_ideas(tmp_path / "missing.json")
