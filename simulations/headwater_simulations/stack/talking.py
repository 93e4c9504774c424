"""A small market whose buyers are language models: they search, choose and pay for real.

Services list what they sell in a marketplace over HTTP, at prices that they move as simulated ones
do. In each step every buyer is asked a question; the model that plays it finds listings through its
tools, ranked by what the buyer has seen of sellers, and buys by voucher from its wallet. Nature
draws the rows that come up and how good an answer was, which the buyer learns from. The rule closes
every vault's epoch, and in the end the chain has to hold what the buyers' own books say.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio

from headwater_payments.errors import needing
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.stack.agreement import Line, compare, refuse
from headwater_simulations.stack.ground import open_ground
from headwater_simulations.stack.nature import Nature
from headwater_simulations.stack.replay import held
from headwater_simulations.stack.selling import open_market
from headwater_simulations.stack.settling import Settlement
from headwater_simulations.stack.sizes import check_size
from headwater_simulations.stack.street import REST, Bought, Played, open_street, playable

with needing("A market of language models", "agents", "chain", "marketplace"):
    from headwater_agents.scripted import ResearchPolicy

QUERY: Final = "answers"
SCRIPTED: Final = ResearchPolicy(QUERY, as_listed=True)
"""Plays a model that buys from the listing which its buyer ranks first, and says what it got."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What became of a market of language models.

    Attributes:
        bought: every answer.
        reports: `[steps][buyers]` what each model said in the end.
        prices: `[steps][services]` that were asked.
        epochs: roots that became final, of all vaults.
        lines: everybody's money, by the buyers' books and on chain.
    """

    bought: tuple[Bought, ...]
    reports: tuple[tuple[str, ...], ...]
    prices: tuple[tuple[int, ...], ...]
    epochs: int
    lines: tuple[Line, ...]

    @property
    def agrees(self) -> bool:
        """Whether the chain holds what the books say, to the atomic unit, and there was some."""
        return all(line.agrees for line in self.lines) and bool(self.bought)

    def check(self) -> None:
        """Refuse a market in which somebody's money differs.

        Raises:
            EnginesDisagreeError: names each agent with both amounts, atomic units.
        """
        if not self.agrees:
            refuse(self.lines)


async def talk(
    economy: Economy, world: int = 0, *, plays: Callable[[int], Played] = lambda _: SCRIPTED
) -> Talk:
    """Let language models buy in a small market.

    Args:
        economy: its size, steps, prices and rule; contributors keep to their conduct.
        world: which of its worlds.
        plays: what plays each buyer, by number; the scripted policy asks no model.

    Raises:
        InvalidInputError: the market is too large, its rule can't fill a vault's tree, or there is
            no such model.
        MissingExtraError: the extras `agents`, `chain` and `marketplace` are not installed.
    """
    check_size(economy)
    players = [playable(plays(number)) for number in range(economy.buyers)]
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-talk-")))
        ground = await stack.enter_async_context(open_ground(economy))
        nature = Nature(economy, world)
        market = await stack.enter_async_context(open_market(ground, nature, directory))
        street = await open_street(economy, market, nature)
        settlement = Settlement(ground, market.store, economy.rule, economy.contributors_share)
        people = [await street.person(*each) for each in enumerate(players)]
        for at in range(economy.steps):
            await street.list_all()
            reports = [""] * economy.buyers
            async with anyio.create_task_group() as group:
                for person in people:
                    group.start_soon(street.turn, person, at, reports)
            street.reports.append(tuple(reports))
            street.move(at)
            await settlement.close()
        await settlement.pay_parties()
        lines = compare(street.books(), _summed(await held(economy, market)))
    return Talk(
        tuple(sorted(street.bought, key=lambda each: (each.step, each.buyer))),
        tuple(street.reports),
        tuple(street.prices),
        settlement.epochs,
        lines,
    )


def _summed(told: dict[str, int]) -> dict[str, int]:
    """What the chain says, contributors and vaults together: a report doesn't tell them apart."""
    apart = {
        name: amount
        for name, amount in told.items()
        if not name.startswith(("contributor", "left in"))
    }
    return apart | {REST: sum(told.values()) - sum(apart.values())}
