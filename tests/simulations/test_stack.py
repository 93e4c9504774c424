"""A market replayed by wallets, gateway, contracts and epochs ends as the engine says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater_attribution.rules import CAUSES, RuleParameters
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.cli import app
from headwater_simulations.economy import Economy, preset
from headwater_simulations.economy.state import TAKEN, VAULT
from headwater_simulations.economy.trace import traced
from headwater_simulations.errors import EnginesDisagreeError
from headwater_simulations.stack import compare, drawn, small
from headwater_simulations.stack.replay import replay_on_chain

pytestmark = pytest.mark.anyio


def uneven(market: Economy) -> Economy:
    """A small one in which nothing divides evenly."""
    return replace(
        small(market),
        buyers=4,
        steps=2,
        price=607,
        contributors_share=47_333_333,
        owner_share=10_777_777,
        owner_period=1,
        switching=PARTS // 2,
    )


@pytest.mark.parametrize(("name", "steps"), [("calm", 1), ("sybil-flood", 1), ("wash-trading", 2)])
async def test_everybody_holds_on_chain_what_the_engine_gave_them(name: str, steps: int) -> None:
    market = replace(uneven(preset(name)), steps=steps)
    replay = await replay_on_chain(market, world=1)
    replay.check()
    assert replay.sales >= market.buyers * market.steps
    assert steps <= replay.epochs <= market.services * steps
    assert replay.claims >= replay.epochs
    amounts = {line.agent: line.chain for line in replay.lines}
    paid = sum(amount for agent, amount in amounts.items() if agent.startswith("buyer"))
    washed = 607 * sum(sale.washing for step in traced(market, 1).steps for sale in step)
    assert 2 * (paid + washed) == sum(amounts.values()) + washed
    assert (washed > 0) == (name == "wash-trading")


async def test_a_rule_that_is_not_the_one_simulated_is_found_out_by_agent_and_amount() -> None:
    market = replace(uneven(preset("calm")), steps=1)
    other = replace(CAUSES, parameters=RuleParameters(shrinkage=0))
    replay = await replay_on_chain(market, settled_by=other)
    told = {line.agent: line.chain - line.engine for line in replay.differences}
    assert told.pop("left in vaults") < 0
    assert all(agent.startswith("contributor") and more > 0 for agent, more in told.items())
    with pytest.raises(EnginesDisagreeError) as refused:
        replay.check()
    first = replay.differences[0]
    assert f"{first.agent}: {first.engine} by the engine, {first.chain} on chain" in str(
        refused.value
    )


def test_one_unit_is_a_difference() -> None:
    lines = compare({"buyer 0": 600, "owner 0": 60}, {"buyer 0": 600, "owner 0": 61, "thief": 1})
    assert [(line.agent, line.agrees) for line in lines] == [
        ("buyer 0", True),
        ("owner 0", False),
        ("thief", False),
    ]


def test_the_command_tells_what_differs_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(drawn, "QUOTED", 1)  # the model that is served quotes less than simulated
    file = tmp_path / "market.toml"
    file.write_text("buyers = 2\n", "utf-8")
    asked = ["run", "--engine", "stack", "--steps", "1", "--file", str(file), "--json"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 1
    told = json.loads(shown.stdout)
    assert not told["agrees"]
    assert shown.stderr.startswith("error[engines_disagree]: ")
    for agent, held in told["accounts"].items():
        differs = held["engine"] != held["chain"]
        assert (f"{agent}: {held['engine']} by the engine" in shown.stderr) == differs


async def test_a_market_that_cannot_be_replayed_is_refused() -> None:
    for wrong, why in (
        (small(preset("spam-farming")), "doesn't pay by receipt"),
        (preset("calm"), "at most"),
    ):
        with pytest.raises(InvalidInputError, match=why):
            await replay_on_chain(wrong)
    refused = CliRunner().invoke(app, ["run", "--engine", "stack", "--worlds", "2"])
    assert refused.exit_code == 2


def test_a_trace_holds_every_sale_of_the_run() -> None:
    market = replace(preset("wash-trading"), buyers=40, contributors=30, steps=5)
    run = traced(market, world=3)
    sales = [sale for step in run.steps for sale in step]
    assert [sale.number for sale in sales] == list(range(len(sales)))
    for service, vault in enumerate(run.state.services[VAULT]):
        taken = sum(s.price for s in sales if (s.service, s.vault) == (service, vault))
        assert taken == run.state.services[TAKEN, service]
    assert {sale.rows for sale in sales if sale.washing} == {
        ((sale.buyer, 1_000),) for sale in sales if sale.washing
    }
    assert any(sale.washing for sale in sales)
