"""The demonstration from start to end, one step after the other, told as it goes."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio

from headwater.demo.books import compare, enter_chain_movements
from headwater.demo.contributions import submissions
from headwater.demo.datanet import MODEL, Datanet, build_datanet, serve_from
from headwater.demo.earnings import earnings_of
from headwater.demo.economy import Done, run_langgraph_agent, run_pydantic_agent, share_out
from headwater.demo.example import example_answer
from headwater.demo.lineage import Lineage, publish_lineage
from headwater.demo.market import Market, open_market, open_wallet_of
from headwater.demo.network import Network, open_network
from headwater.demo.outcome import ExampleAnswer, Outcome, Traffic, judge
from headwater.demo.parties import ROLES, Parties, create_parties
from headwater.demo.questions import examine_model, questions_for_all, topics
from headwater.demo.refusals import try_to_overcharge, try_to_overspend, try_to_replay
from headwater.demo.settling import RULE, Settled, settle_everything
from headwater.demo.twin import Economy
from headwater_agents.named_models import chat_model
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_marketplace.seller.records import Payment

BUYERS = ("langgraph agent", "pydantic-ai agent", "briefing agent")
QUESTIONS = 240
BRIEFINGS = 32
AGENT_BUDGET = 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for.

    `llm` names a real model as `provider:model`; None plays the scripted policy.
    """

    seed: int = 7
    admission: bool = True
    llm: str | None = None
    questions: int = QUESTIONS
    briefings: int = BRIEFINGS


Tell = Callable[[str], None]


async def run(options: Options, tell: Tell) -> Outcome:
    """Run the economy and check it.

    Raises:
        HeadwaterError: a step could not be done at all; nothing outlives the run either way.
    """
    started = time.monotonic()
    if options.llm is not None:
        chat_model(options.llm)
    outcome = Outcome(admission=options.admission)
    with tempfile.TemporaryDirectory(prefix="headwater-demo-") as folder:
        try:
            await _run_in(Path(folder), options, tell, outcome)
        except ExceptionGroup as group:
            raise _first(group) from group
    outcome.seconds = time.monotonic() - started
    outcome.checks = judge(outcome, scripted=options.llm is None)
    return outcome


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first error in a group of them: the others came of it or of the same cause."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


async def _run_in(directory: Path, options: Options, tell: Tell, outcome: Outcome) -> None:
    submitted = submissions(options.seed)
    parties = create_parties(directory, len(submitted))
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(open_network(parties, BUYERS))
        tell(
            f"Chain {network.deployment.chain_id} is up at {network.chain.url}; "
            f"{len(parties.everyone())} wallets from one encrypted seed are funded."
        )
        datanet = build_datanet(submitted, parties, version=1, admission=options.admission)
        _tell_admission(datanet, tell, outcome)
        backend = serve_from(datanet)
        lineage = await publish_lineage(network, parties, datanet)
        tell(
            f"Registered: datanet (root 0x{datanet.corpus.root.hex()[:16]}…) → model → briefing, "
            f"each with a revenue vault."
        )
        outcome.model_test = await examine_model(datanet, backend, options.seed + 4)
        tell(
            f"The model cites the right row for {outcome.model_test.right} of "
            f"{outcome.model_test.asked} held-out questions."
        )
        market = await stack.enter_async_context(
            open_market(network, parties, lineage, backend, directory)
        )
        done = await _work(stack, options, network, parties, market, datanet, directory, outcome)
        for agent in done:
            tell(f"The {agent.agent} finished {len(agent.reports)} questions.")
            if agent.unanswered:
                tell(f"  {len(agent.unanswered)} have no answer. “{agent.unanswered[0]}”")
        for refusal in outcome.refusals:
            tell(f"Refused, {refusal.attempt}: [{refusal.code}] {refusal.message}")
        before = await _gas_before_settling(market)
        settled = await settle_everything(network, parties, lineage, market, datanet)
        tell(
            f"Claimed {settled.claimed.channels} channels in one transaction, split three vaults, "
            f"posted the epoch's root, and paid {len(settled.bundle.leaves)} contributors."
        )
        await _account_for(outcome, network, parties, market, lineage, datanet, settled, before)


async def _work(
    stack: AsyncExitStack,
    options: Options,
    network: Network,
    parties: Parties,
    market: Market,
    datanet: Datanet,
    directory: Path,
    outcome: Outcome,
) -> tuple[Done, ...]:
    questions = questions_for_all(datanet, options.questions, options.seed)
    first, second = share_out(questions, topics(datanet, options.briefings, options.seed))
    graph_wallet = await stack.enter_async_context(
        open_wallet_of("langgraph agent", network, parties, directory, AGENT_BUDGET)
    )
    agent_wallet = await stack.enter_async_context(
        open_wallet_of("pydantic-ai agent", network, parties, directory, AGENT_BUDGET)
    )
    chat = None if options.llm is None else chat_model(options.llm)
    done: list[Done] = []

    async def graph() -> None:
        done.append(await run_langgraph_agent(market, graph_wallet, first, chat))

    async def agent() -> None:
        done.append(await run_pydantic_agent(market, agent_wallet, second, options.llm))

    async with anyio.create_task_group() as group:
        group.start_soon(graph)
        group.start_soon(agent)
    (directory / "tight").mkdir()
    (directory / "cheated").mkdir()
    outcome.refusals = (
        await try_to_overspend(market, network, parties, directory),
        await try_to_replay(market, graph_wallet),
        await try_to_overcharge(market, network, parties, directory),
    )
    return tuple(sorted(done, key=lambda each: each.agent))


def _tell_admission(datanet: Datanet, tell: Tell, outcome: Outcome) -> None:
    refusals = datanet.refusals()
    outcome.refused = {kind: dict(rules) for kind, rules in refusals.items()}
    rows = sum(len(each.rows) for each in datanet.submissions)
    modules = sum(each.kind == "honest" for each in datanet.submissions)
    tell(
        f"Submitted: {rows} rows in {len(datanet.submissions)} contributions, {modules} of them "
        f"modules of Python's own documentation; {len(datanet.kept)} rows entered."
    )
    submitted = Counter[str]()
    for each in datanet.submissions:
        submitted[each.kind] += len(each.rows)
    outcome.reasons = datanet.reasons()
    refused = "refused" if outcome.admission else "would have been refused"
    for kind, rules in refusals.items():
        reason = outcome.reasons[kind][rules.most_common(1)[0][0]]
        tell(f"  {kind}: {sum(rules.values())} of {submitted[kind]} rows {refused}. {reason}")


async def _gas_before_settling(market: Market) -> tuple[int, int]:
    return market.operator.sent, market.operator.gas_used


async def _account_for(
    outcome: Outcome,
    network: Network,
    parties: Parties,
    market: Market,
    lineage: Lineage,
    datanet: Datanet,
    settled: Settled,
    before: tuple[int, int],
) -> None:
    charged = await market.store.payments("charged")
    transactions, gas = before
    outcome.traffic = Traffic(
        calls=len(charged),
        streamed=sum(p.response_type == "text/event-stream; charset=utf-8" for p in charged),
        vouchers=len(charged) + len(await market.store.payments("released")),
        channels=len(await market.store.channels()),
        most_in_flight=market.in_flight.most,
        transactions=transactions + 1,
        gas_per_call=(gas + settled.claimed.gas_used) / len(charged),
        claim_gas=settled.claimed.gas_used,
        revenue=sum(payment.charge for payment in charged),
    )
    economy = Economy(
        datanet,
        parties,
        outcome.admission,
        settled.answers,
        market.asked,
        RULE,
        settled.bundle.contributors_share,
    )
    outcome.earnings = await earnings_of(economy, settled.bundle)
    outcome.bundle, outcome.bundle_holds = settled.bundle, settled.evidence_holds
    await enter_chain_movements(network, parties, market, lineage, settled)
    outcome.conservation = await compare(network, parties, market, lineage)
    escrow: Counter[str] = Counter()
    for record in await market.store.channels():
        escrow[record.config.payer] += record.state.balance - record.state.charged
    court = EpochCourtClient(network.chain.reader, network.deployment.epoch_court)
    attributor = parties.address("attributor")
    escrow[attributor] += (await court.bond(lineage.datanet.vault, attributor)).amount
    outcome.parties = await _parties(
        network, parties, lineage, escrow, outcome.earnings.unattributed
    )
    outcome.example = _example(charged, settled, datanet)


def _example(charged: list[Payment], settled: Settled, datanet: Datanet) -> ExampleAnswer | None:
    """The answer that most contributors share in, the first quoted most; the shortest question."""
    examples = [example_answer(payment, settled.bundle, datanet) for payment in charged]
    return max(
        (example for example in examples if example is not None),
        key=lambda example: (example.leads, len(example.shares), -len(example.question)),
        default=None,
    )


async def _parties(
    network: Network,
    parties: Parties,
    lineage: Lineage,
    escrow: dict[str, int],
    unattributed: int,
) -> tuple[tuple[str, str, int, str], ...]:
    why = {
        "platform": "5 % of what the vaults of model and briefing take in, royalties included",
        "host": "10 % of what the model's vault takes in, 5 % of the briefing's",
        "attributor": "its bond for the root that it posted is its own, and locked",
        "curator": "owns the datanet",
        "provider": f"owns {MODEL}",
        "langgraph agent": "bought answers and briefings",
        "pydantic-ai agent": "bought answers and briefings",
        "briefing agent": "sold briefings, bought the answers in them",
        "overcharging seller": "was paid what it was owed before it was caught",
    }
    given = network.funds
    rows = []
    for role in ROLES:
        account = parties.address(role)
        held = await network.balance(account) + escrow.get(account, 0)
        change = held - given.get(role, 0)
        rows.append((role, str(account), change, why.get(role, "")))
    for name, published in lineage.all().items():
        held = await network.balance(published.vault)
        why_held = "rounding"
        if name == "datanet" and unattributed:
            why_held = f"{unattributed:,} that no method explains, kept unattributed; and rounding"
        rows.append((f"{name}'s vault", str(published.vault), held, why_held))
    return tuple(rows)
