"""What everybody got in the engine beside what they hold on chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from headwater_simulations.economy.behaviour import METRICS
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.state import BALANCE, CREDITED, DUST, PAID, POOL
from headwater_simulations.economy.trace import Traced
from headwater_simulations.errors import EnginesDisagreeError


@dataclass(frozen=True, slots=True)
class Line:
    """One agent's money, atomic units, by the engine and on chain."""

    agent: str
    engine: int
    chain: int

    @property
    def agrees(self) -> bool:
        """To the atomic unit."""
        return self.engine == self.chain


@dataclass(frozen=True, slots=True)
class Replay:
    """A world that was run twice.

    Attributes:
        economy: the market.
        world: which of its worlds.
        sales: answers that were bought and paid for.
        epochs: roots that became final, of all vaults.
        claims: positions that were paid by a vault, over all epochs.
        lines: what buyers paid and what all others received.
    """

    economy: Economy
    world: int
    sales: int
    epochs: int
    claims: int
    lines: tuple[Line, ...]

    @property
    def differences(self) -> tuple[Line, ...]:
        """Those whose money is not the same."""
        return tuple(line for line in self.lines if not line.agrees)

    @property
    def agrees(self) -> bool:
        """Whether everybody's money is the same, and there was some."""
        return not self.differences and any(line.engine for line in self.lines)

    def check(self) -> None:
        """Refuse a replay in which somebody's money differs.

        Raises:
            EnginesDisagreeError: names each agent with both amounts, atomic units.
        """
        if not self.agrees:
            refuse(self.lines)


def refuse(lines: Sequence[Line]) -> NoReturn:
    """Refuse money that differs, or that nobody was paid any.

    Raises:
        EnginesDisagreeError: names each agent with both amounts, atomic units.
    """
    differing = [line for line in lines if not line.agrees]
    told = "; ".join(
        f"{line.agent}: {line.engine} by the engine, {line.chain} on chain" for line in differing
    )
    raise EnginesDisagreeError(
        f"Engine and chain disagree. {told or 'Nobody was paid anything'}.",
        agents=[line.agent for line in differing],
    )


def expected(economy: Economy, run: Traced) -> dict[str, int]:
    """By agent: what the engine says that it paid for answers or received for them."""
    state = run.state
    shocks = range(economy.steps)
    income = sum(
        economy.income * (economy.shock if 0 < economy.shock_step <= at else 1) for at in shocks
    )
    spent = economy.endowment + income - state.buyers[BALANCE]
    told = {f"buyer {number}": int(each) for number, each in enumerate(spent)}
    told |= {f"contributor {number}": int(p) for number, p in enumerate(state.contributors[PAID])}
    told |= {f"service {number}": int(c) for number, c in enumerate(state.services[CREDITED])}
    for number, balance in enumerate(state.owners[BALANCE]):
        told[f"owner {number}"] = int(balance) - economy.endowment
    told["platform"] = int(run.history[:, METRICS.index("fees")].sum())
    told["left in vaults"] = int(state.held[POOL] + state.held[DUST])
    return told


def compare(engine: Mapping[str, int], chain: Mapping[str, int]) -> tuple[Line, ...]:
    """Line by line, whoever stands in either."""
    names = [*engine, *(name for name in chain if name not in engine)]
    return tuple(Line(name, engine.get(name, 0), chain.get(name, 0)) for name in names)
