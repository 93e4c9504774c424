"""The agents at work: two researchers on two frameworks, buying answers and briefings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from headwater.demo.market import QUERY, Market
from headwater_agents.buyer import Buyer
from headwater_agents.keys import payment_key
from headwater_agents.langgraph_researcher import research_graph
from headwater_agents.langgraph_wallet import WalletContext
from headwater_agents.pydantic_researcher import research_agent
from headwater_agents.scripted import NOTHING_BOUGHT, ResearchPolicy
from headwater_marketplace.client import MarketplaceClient
from headwater_wallet.wallet import Wallet

IN_FLIGHT = 4
"""Questions that one agent works on at once, all on its one channel to a seller."""
SCRIPTED = ResearchPolicy(QUERY, max_tokens=160)
SCRIPTED_BRIEFINGS = ResearchPolicy(QUERY, kind="service")


@dataclass(frozen=True, slots=True)
class Work:
    """What one agent is to do: questions to answer, questions to stream, topics to brief on."""

    answers: Sequence[str]
    streams: Sequence[str]
    briefings: Sequence[str]


@dataclass(slots=True)
class Done:
    """What one agent did."""

    agent: str
    reports: list[str] = field(default_factory=list)
    streamed: int = 0

    @property
    def unanswered(self) -> list[str]:
        """Reports of the scripted policy that say why nothing was bought."""
        return [report for report in self.reports if report.startswith(NOTHING_BOUGHT)]


def share_out(questions: Sequence[str], topics: Sequence[str]) -> tuple[Work, Work]:
    """Divide questions and topics between the two researchers; a sixth of the answers stream."""
    works = []
    for turn in (0, 1):
        mine = questions[turn::2]
        cut = len(mine) // 6
        works.append(Work(mine[cut:], mine[:cut], topics[turn::2]))
    return works[0], works[1]


async def run_langgraph_agent(
    market: Market, wallet: Wallet, work: Work, model: BaseChatModel | None
) -> Done:
    """The LangGraph researcher: a graph with a runtime context that holds the wallet."""
    async with _buyer(market, wallet) as buyer:
        context = WalletContext(buyer, wallet)
        answering = research_graph(model or SCRIPTED)
        briefing = research_graph(model or SCRIPTED_BRIEFINGS)
        done = Done("langgraph agent")

        async def ask(graph_name: str, question: str) -> str:
            graph = answering if graph_name == "answer" else briefing
            # Each question is a thread of its own, so that its purchases have keys of their own.
            thread = RunnableConfig(configurable={"thread_id": payment_key(graph_name, question)})
            said = await graph.ainvoke(
                {"messages": [HumanMessage(question)]},
                thread,
                context=context,
            )
            return str(said["messages"][-1].text)

        await _carry_out(work, ask, buyer, done)
        return done


async def run_pydantic_agent(market: Market, wallet: Wallet, work: Work, model: str | None) -> Done:
    """The pydantic-ai researcher: an agent with the wallet capability."""
    async with _buyer(market, wallet) as buyer:
        answering = research_agent(buyer, wallet, model or SCRIPTED)
        briefing = research_agent(buyer, wallet, model or SCRIPTED_BRIEFINGS)
        done = Done("pydantic-ai agent")

        async def ask(agent_name: str, question: str) -> str:
            agent = answering if agent_name == "answer" else briefing
            return (await agent.run(question)).output

        await _carry_out(work, ask, buyer, done)
        return done


@asynccontextmanager
async def _buyer(market: Market, wallet: Wallet) -> AsyncIterator[Buyer]:
    async with wallet.client(timeout=60) as paying, httpx.AsyncClient(timeout=60) as looking:
        yield Buyer(paying, MarketplaceClient(market.url, looking))


async def _carry_out(
    work: Work, ask: Callable[[str, str], Awaitable[str]], buyer: Buyer, done: Done
) -> None:
    slots = anyio.Semaphore(IN_FLIGHT)

    async def one(task: Callable[[], Awaitable[str]]) -> None:
        async with slots:
            done.reports.append(await task())

    async def stream(number: int, question: str) -> str:
        done.streamed += 1
        return await _stream(buyer, number, question, done.agent)

    await buyer.discover(QUERY, kind="model")
    async with anyio.create_task_group() as group:
        for question in work.answers:
            group.start_soon(one, _bound(ask, "answer", question))
        for topic in work.briefings:
            group.start_soon(one, _bound(ask, "briefing", topic))
        for number, question in enumerate(work.streams):
            group.start_soon(one, _bound(stream, number, question))


async def _stream(buyer: Buyer, number: int, question: str, agent: str) -> str:
    """One answer, read token by token as the seller produces it."""
    listings = await buyer.discover(QUERY, kind="model")
    parts: list[str] = []
    async for part in buyer.stream(
        listings[0].id,
        [{"role": "user", "content": question}],
        key=payment_key(agent, "stream", str(number), question),
        settings={"max_tokens": 160},
    ):
        parts += [part] if isinstance(part, str) else []
    return "".join(parts)


def _bound(
    function: Callable[..., Awaitable[str]], *arguments: object
) -> Callable[[], Awaitable[str]]:
    return lambda: function(*arguments)
