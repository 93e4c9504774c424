"""Who is in a world: identities with what nature knows of them and what the public sees.

Columns, `[W, A]`:

    kind        hidden   `Kind`; reformed kinds stand as honest
    controller  hidden   the identity whose owner this is
    victim      hidden   whose rows a copier copies, or -1
    cost        hidden   spent on making rows, atomic units
    rows        public   accepted rows
    balance     public   atomic units
    earned      public   paid to the identity so far, atomic units
"""

import numpy as np

from headwater_simulations.columns import Column, Columns
from headwater_simulations.draws import Bools, Draws, Int64s
from headwater_simulations.scenario import Kind, Scenario

HIDDEN = frozenset({"kind", "controller", "victim", "cost"})
NOBODY = -1


def populate(scenario: Scenario, draws: Draws, worlds: int) -> Columns:
    """The columns at the start of every world."""
    agents = np.arange(scenario.agents)
    planned = np.array([scenario.kind_of(agent) for agent in agents.tolist()], dtype=np.int64)
    kind = np.where(np.isin(planned, [int(k) for k in scenario.reformed]), Kind.HONEST, planned)
    first = int(np.argmax(planned == Kind.SPLITTER))
    head = first + (agents - first) // scenario.identities * scenario.identities
    controller = np.where(planned == Kind.SPLITTER, head, agents)
    shape = (worlds, scenario.agents)
    zeros = np.zeros(shape, dtype=np.int64)
    columns: dict[str, Column] = {
        "kind": np.broadcast_to(kind, shape).copy(),
        "controller": np.broadcast_to(controller, shape).copy(),
        "victim": _victims(planned, kind, draws, worlds),
        "cost": np.broadcast_to(_costs(scenario, kind), shape).copy(),
        "balance": zeros + scenario.endowment,
        "earned": zeros.copy(),
    }
    columns["rows"] = _accepted_rows(scenario, columns, planned, draws)
    return Columns(columns, HIDDEN)


def is_author(columns: Columns) -> Bools:
    """`[W, A]` identities that wrote something of their own."""
    return np.isin(columns["kind"], (Kind.HONEST, Kind.SPLITTER))


def account_of(scenario: Scenario, columns: Columns) -> Column:
    """`[W, A]` the account that a topic's rows are filed under: the head's for reformed splitters.

    A splitter files the tenth that each identity stands for under that identity; reformed, the same
    rows are filed under one account. Demand and rows are the same either way.
    """
    if Kind.SPLITTER in scenario.reformed:
        return columns["controller"]
    agents = np.arange(scenario.agents, dtype=np.int64)
    return np.broadcast_to(agents, columns["kind"].shape)


def copiers_of(columns: Columns) -> Int64s:
    """`[W, A]` who copies each identity, or -1."""
    victim = columns["victim"]
    copiers = np.full_like(victim, NOBODY)
    world, copier = np.nonzero(victim != NOBODY)
    copiers[world, victim[world, copier]] = copier
    return copiers


def recognised(scenario: Scenario, draws: Draws, copier: Int64s, row: Int64s) -> Bools:
    """Whether likeness measures recognise a copier's copy of a row; the same whenever asked."""
    return draws.chance(scenario.dedup_recall, "recognised", 0, copier * scenario.rows + row)


def refused(scenario: Scenario, draws: Draws, author: Int64s, row: Int64s) -> Bools:
    """Whether admission refuses an honest row."""
    chance = scenario.false_refusal if scenario.admission else 0
    return draws.chance(chance, "refused", 0, author * scenario.rows + row)


def _victims(planned: Int64s, kind: Int64s, draws: Draws, worlds: int) -> Column:
    """Each copier copies an honest identity of its own, drawn by world."""
    honest = np.flatnonzero(planned == Kind.HONEST)
    copier = np.flatnonzero(np.isin(kind, (Kind.EXACT_COPIER, Kind.NEAR_COPIER)))
    order = draws.order(len(honest), "victim")
    victim = np.full((worlds, len(kind)), NOBODY, dtype=np.int64)
    victim[:, copier] = honest[order[:, copier % len(honest)]]
    return victim


def _costs(scenario: Scenario, kind: Int64s) -> Int64s:
    per_row = np.array(
        [
            scenario.cost_honest,
            scenario.cost_copied,
            scenario.cost_copied,
            scenario.cost_spam,
            scenario.cost_honest,
        ]
    )
    rows = np.where(kind == Kind.SPAMMER, scenario.spam_rows, scenario.rows)
    return np.asarray(per_row[kind] * rows, dtype=np.int64)


def _accepted_rows(
    scenario: Scenario, columns: dict[str, Column], planned: Int64s, draws: Draws
) -> Column:
    kind = columns["kind"]
    agents, width = kind.shape[1], max(scenario.rows, scenario.spam_rows)
    owner, row = np.divmod(np.arange(agents * scenario.rows), scenario.rows)
    shape = (len(kind), agents, scenario.rows)
    kept = scenario.rows - refused(scenario, draws, owner, row).reshape(shape).sum(axis=2)
    copies = scenario.rows - recognised(scenario, draws, owner, row).reshape(shape).sum(axis=2)
    spam_chance = draws.chance(
        scenario.filler_recall, "filler", 0, np.arange(agents * width)
    ).reshape(len(kind), agents, width)[:, :, : scenario.spam_rows]
    spam = scenario.spam_rows - spam_chance.sum(axis=2)
    if not scenario.admission:
        copies, spam = np.full_like(copies, scenario.rows), np.full_like(spam, scenario.spam_rows)
    rows = np.select(
        [kind == Kind.SPAMMER, np.isin(kind, (Kind.EXACT_COPIER, Kind.NEAR_COPIER))],
        [spam, copies],
        kept,
    )
    filed = np.zeros_like(rows)
    merged = Kind.SPLITTER in scenario.reformed
    account = np.where(
        merged & (planned == Kind.SPLITTER), columns["controller"], np.arange(agents)
    )
    np.add.at(filed, (np.arange(len(rows))[:, None], account), rows)
    return np.asarray(filed, dtype=np.int64)
