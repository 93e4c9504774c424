"""Language models buy in a small market, for real: what they pay is what everybody gets."""

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from typer.testing import CliRunner

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.cli import app
from headwater_simulations.economy import preset
from headwater_simulations.economy.state import NOISY
from headwater_simulations.errors import EnginesDisagreeError
from headwater_simulations.stack import Line, small
from headwater_simulations.stack.nature import Nature
from headwater_simulations.stack.street import FAILED
from headwater_simulations.stack.talking import SCRIPTED, Talk, talk

pytestmark = pytest.mark.anyio
MARKET = replace(
    small(preset("synthetic-noise")),
    buyers=4,
    steps=2,
    price=607,
    price_step=1_000,
    price_period=1,
    contributors_share=47_333_333,
    owner_share=10_777_777,
)


def _spendthrift(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """A model that buys the dearest answer it finds, whatever the order."""
    returned = [
        part
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if part.part_kind == "tool-return"
    ]
    if not returned:
        return ModelResponse([ToolCallPart("discover_listings", {"query": "answers"})])
    if len(returned) == 1:
        found = json.loads(returned[0].model_response_str())
        dearest = max(found, key=lambda each: int(each["price"].split()[0]))
        asked = {"listing_id": dearest["id"], "question": "Anything?", "max_tokens": 64}
        return ModelResponse([ToolCallPart("buy_answer", asked)])
    return ModelResponse([TextPart("I have bought the dearest.")])


def _broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    raise ModelHTTPError(503, "overloaded")


async def test_models_of_all_sorts_pay_and_the_chain_holds_what_their_books_say() -> None:
    players = (
        SCRIPTED,
        FunctionModel(_spendthrift),
        TestModel(call_tools=[]),
        FunctionModel(_broken),
    )
    done = await talk(MARKET, plays=lambda number: players[number])
    done.check()
    assert done.prices[0] == (607, 607)
    assert len(set(done.prices[1])) == 2
    by = {number: [each for each in done.bought if each.buyer == number] for number in range(4)}
    assert [each.step for each in by[0]] == [each.step for each in by[1]] == [0, 1]
    assert by[2] == by[3] == []
    assert all(step[3].startswith(FAILED) for step in done.reports)
    assert by[1][1].cost == max(done.prices[1])
    assert all("Bought from service-" in step[0] for step in done.reports)
    assert done.reports[0][1] == "I have bought the dearest."
    chain = {line.agent: line.chain for line in done.lines}
    assert chain["buyer 2"] == 0
    paid = sum(each.cost for each in done.bought)
    assert chain["buyer 0"] + chain["buyer 1"] == paid
    received = [amount for agent, amount in chain.items() if not agent.startswith("buyer")]
    assert sum(received) == paid
    assert chain["contributors, and what is left in vaults"] > paid * 47 // 100
    assert 2 <= done.epochs <= 4


def test_the_command_runs_scripted_agents_and_tells_what_they_bought(tmp_path: Path) -> None:
    file = tmp_path / "market.toml"
    file.write_text("buyers = 1\nsteps = 1\n", "utf-8")
    asked = ["run", "--engine", "agents", "--file", str(file), "--json"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert told["agrees"]
    [bought] = told["bought"]
    assert told["accounts"]["buyer 0"] == {"books": bought["cost"], "chain": bought["cost"]}


def test_a_market_where_nobody_buys_or_books_differ_is_refused() -> None:
    for bought, chain in (((), 5), ((object(),), 6)):
        wrong = Talk(bought, (), (), 0, (Line("buyer 0", 5, chain),))  # type: ignore[arg-type]
        with pytest.raises(EnginesDisagreeError):
            wrong.check()


def test_what_has_no_vault_or_no_agents_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="doesn't pay by receipt"):
        anyio.run(talk, small(preset("spam-farming")))
    refused = CliRunner().invoke(app, ["run", "--model", "openai:gpt"])
    assert refused.exit_code == 2
    unknown = ["run", "--engine", "agents", "--steps", "1", "--model", "nobody:gpt"]
    refused = CliRunner().invoke(app, unknown)
    assert refused.exit_code == 2
    assert "can't play a buyer" in refused.stderr


def test_nature_draws_a_question_once_and_noise_is_worse() -> None:
    market = replace(MARKET, noisy=PARTS // 2, absent=PARTS // 2)
    nature = Nature(market, 3)
    assert nature["why?"] == nature["why?"] == Nature(market, 3)["why?"]
    drawn = [nature[f"{number}?"].rows for number in range(200)]
    assert len(set(drawn)) > 100
    there = {who for rows in drawn for who, _ in rows}
    assert there < set(range(market.contributors))
    assert all(0 < score <= 1_000 for rows in drawn for _, score in rows)
    noisy = nature.state.services[NOISY].tolist().index(1)
    assert nature.quality(noisy, "why?") < nature.quality(1 - noisy, "why?")
