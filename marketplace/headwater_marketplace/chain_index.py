"""An index of the contracts' events, which follows the chain through reorganizations.

A stretch of blocks is read whole and checked to be of one chain before any of it is written, in one
transaction with the cursor, so an index that is killed goes on where it was. When the block at the
cursor is no longer the chain's, everything above the last block that still is, is deleted. An index
made anew from the first block holds the same rows as one that followed the chain.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import col

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.agents import IDENTITY_EVENTS, REPUTATION_EVENTS
from headwater_contracts.events.bond_rules import RULES_EVENTS
from headwater_contracts.events.contributions import CONTRIBUTION_EVENTS
from headwater_contracts.events.court import COURT_EVENTS
from headwater_contracts.events.demands import DEMAND_EVENTS
from headwater_contracts.events.desk import DESK_EVENTS
from headwater_contracts.events.event import Event, EventReader
from headwater_contracts.events.factory import FACTORY_EVENTS, VaultCreated
from headwater_contracts.events.jobs import JOB_EVENTS
from headwater_contracts.events.panels import PANELS_EVENTS
from headwater_contracts.events.registry import REGISTRY_EVENTS
from headwater_contracts.events.vault import VAULT_EVENTS
from headwater_contracts.records import Block, Log
from headwater_marketplace.index_facts import facts
from headwater_marketplace.index_tables import (
    FORM,
    AssetRow,
    BlockRow,
    CursorRow,
    EventRow,
    Fact,
    IndexTable,
    MovementRow,
    OwnerRow,
    RootRow,
    VaultRow,
    VersionRow,
)
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.database import Database

BLOCKS_AT_ONCE: Final = 500
ADDRESSES_AT_ONCE: Final = 100

FACTS: Final[tuple[type[Fact], ...]] = (
    EventRow,
    AssetRow,
    OwnerRow,
    VersionRow,
    VaultRow,
    RootRow,
    MovementRow,
)

_WATCHED: Final[dict[str, tuple[str, Sequence[type[Event]]]]] = {
    "asset_registry": ("AssetRegistry", REGISTRY_EVENTS),
    "vault_factory": ("RevenueVaultFactory", FACTORY_EVENTS),
    "panels": ("Panels", PANELS_EVENTS),
    "availability_demands": ("AvailabilityDemands", DEMAND_EVENTS),
    "epoch_court": ("EpochCourt", COURT_EVENTS),
    "receipt_desk": ("ReceiptDesk", DESK_EVENTS),
    "bond_rules": ("BondRules", RULES_EVENTS),
    "contribution_bond": ("ContributionBond", CONTRIBUTION_EVENTS),
    "job_escrow": ("JobEscrow", JOB_EVENTS),
    "identity_registry": ("IdentityRegistry", IDENTITY_EVENTS),
    "reputation_registry": ("ReputationRegistry", REPUTATION_EVENTS),
}


class ChainSource(Protocol):
    """What an index reads; `ChainReader` is one."""

    async def block_number(self) -> int:
        """The number of the latest block."""
        ...

    async def block(self, block: int) -> Block:
        """A block's header."""
        ...

    async def logs(
        self, address: Sequence[Address], *, from_block: int, to_block: int
    ) -> list[Log]:
        """Logs of these contracts, in chain order."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What one `sync` did.

    Attributes:
        number: the block up to which the index now tells; None when it has read none.
        events: how many it added.
        rewound: whether it first dropped what a reorganization had undone.
        behind: whether the chain changed meanwhile, so that another `sync` is due.
    """

    number: int | None
    events: int
    rewound: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class _Stretch:
    before: tuple[int, str] | None
    last: Block
    blocks: Sequence[Block]
    events: Sequence[Event]


class ChainIndex:
    """Keeps an index of one deployment.

    Args:
        database: opened with `ChainIndex.metadata`.
        source: the chain.
        deployment: where the contracts are, and since which block.
    """

    metadata = IndexTable.metadata

    def __init__(self, database: Database, source: ChainSource, deployment: Deployment) -> None:
        self._database, self._source, self._deployment = database, source, deployment
        contracts = deployment.contracts()
        self._readers: dict[Address, EventReader[Event]] = {
            contracts[field]: EventReader(load_artifact(name).abi, kinds)
            for field, (name, kinds) in _WATCHED.items()
        }
        self._vault_reader: EventReader[Event] = EventReader(
            load_artifact("RevenueVault").abi, VAULT_EVENTS
        )

    async def sync(self, *, confirmations: int = 0) -> Progress:
        """Bring the index up to the chain's head, less `confirmations` blocks.

        Raises:
            UnavailableError: the chain or the database does not answer; what was written stands.
        """
        head = await self._source.block_number()
        rewound = await self._rewind(head)
        cursor = await self._database.read(_cursor)
        start = self._deployment.from_block if cursor is None else cursor[0] + 1
        added, behind = 0, False
        while start <= head - confirmations and not behind:
            stretch = await self._read(
                cursor, start, min(start + BLOCKS_AT_ONCE - 1, head - confirmations)
            )
            behind = stretch is None or not await self._write(stretch)
            if stretch is not None and not behind:
                added += len(stretch.events)
                cursor = (stretch.last.number, to_hex(stretch.last.hash))
                start = stretch.last.number + 1
        return Progress(cursor[0] if cursor else None, added, rewound, behind)

    async def paid(self, vault: Address) -> dict[Address, int]:
        """What a vault has paid to each contributor, atomic units."""

        def work(connection: Connection) -> dict[Address, int]:
            query = select(col(MovementRow.account), col(MovementRow.amount)).where(
                col(MovementRow.vault) == vault, col(MovementRow.purpose) == "contributor"
            )
            totals: defaultdict[Address, int] = defaultdict(int)
            for account, amount in connection.execute(query):
                totals[parse_address(account)] += int(amount)
            return dict(totals)

        return await self._database.read(work)

    async def owner(self, asset_id: int) -> Address | None:
        """Who owns an asset, by the last event about it."""

        def work(connection: Connection) -> Address | None:
            query = (
                select(col(OwnerRow.owner))
                .where(col(OwnerRow.asset_id) == asset_id)
                .order_by(col(OwnerRow.block_number).desc(), col(OwnerRow.log_index).desc())
            )
            found = connection.execute(query).scalars().first()
            return parse_address(found) if found else None

        return await self._database.read(work)

    async def _rewind(self, head: int) -> bool:
        """Drop what stands on blocks that are no longer the chain's."""
        state = await self._database.read(_state)
        if state is None:
            return False
        row, known = state
        ours = row.form == FORM and row.chain_id == self._deployment.chain_id
        if ours and await self._is_on_chain(row.number, row.hash, head):
            return False
        keep: tuple[int, str] | None = None
        for number, block_hash in known if ours else ():
            if await self._is_on_chain(number, block_hash, head):
                keep = (number, block_hash)
                break
        chain_id = self._deployment.chain_id
        await self._database.write(lambda connection: _drop_above(connection, chain_id, keep))
        return True

    async def _is_on_chain(self, number: int, block_hash: str, head: int) -> bool:
        return number <= head and to_hex((await self._source.block(number)).hash) == block_hash

    async def _read(self, before: tuple[int, str] | None, start: int, stop: int) -> _Stretch | None:
        """Everything in a stretch of blocks; None if the chain changed while it was read."""
        last = await self._source.block(stop)
        if before is not None:
            first = last if start == stop else await self._source.block(start)
            if to_hex(first.parent_hash) != before[1]:
                return None
        events = self._decoded(
            await self._source.logs(list(self._readers), from_block=start, to_block=stop)
        )
        vaults = await self._database.read(_vaults)
        vaults += [event.vault for event in events if isinstance(event, VaultCreated)]
        for at in range(0, len(vaults), ADDRESSES_AT_ONCE):
            some = vaults[at : at + ADDRESSES_AT_ONCE]
            events += self._decoded(await self._source.logs(some, from_block=start, to_block=stop))
        events.sort(key=lambda event: (event.log.block_number, event.log.index))
        numbers = sorted({event.log.block_number for event in events})
        blocks = {number: await self._source.block(number) for number in numbers}
        told = all(blocks[e.log.block_number].hash == e.log.block_hash for e in events)
        if not told or (await self._source.block(stop)).hash != last.hash:
            return None
        return _Stretch(before, last, list(blocks.values()), events)

    def _decoded(self, logs: Sequence[Log]) -> list[Event]:
        found = (self._readers.get(log.address, self._vault_reader).decode(log) for log in logs)
        return [event for event in found if event is not None]

    async def _write(self, stretch: _Stretch) -> bool:
        """Write a stretch; False if another index has meanwhile moved the cursor."""
        chain_id = self._deployment.chain_id

        def work(connection: Connection) -> bool:
            if _cursor(connection) != stretch.before:
                return False
            rows: defaultdict[type[IndexTable], list[dict[str, object]]] = defaultdict(list)
            for block in stretch.blocks:
                rows[BlockRow].append(
                    {
                        "number": block.number,
                        "hash": to_hex(block.hash),
                        "timestamp": block.timestamp,
                    }
                )
            for event in stretch.events:
                for fact in facts(event):
                    rows[type(fact)].append(fact.model_dump())
            for kind, values in rows.items():
                connection.execute(insert(kind), values)
            _move(connection, chain_id, (stretch.last.number, to_hex(stretch.last.hash)))
            return True

        return await self._database.write(work)


def _cursor(connection: Connection) -> tuple[int, str] | None:
    row = connection.execute(select(col(CursorRow.number), col(CursorRow.hash))).first()
    return None if row is None else (row[0], row[1])


def _state(connection: Connection) -> tuple[CursorRow, list[tuple[int, str]]] | None:
    """The cursor, and every block with something in it, the highest first."""
    row = connection.execute(select(CursorRow.__table__)).mappings().first()  # type: ignore[attr-defined]
    if row is None:
        return None
    blocks = select(col(BlockRow.number), col(BlockRow.hash)).order_by(col(BlockRow.number).desc())
    known = [(number, block_hash) for number, block_hash in connection.execute(blocks)]
    return CursorRow(**row), known


def _vaults(connection: Connection) -> list[Address]:
    return [
        parse_address(vault) for vault in connection.execute(select(col(VaultRow.vault))).scalars()
    ]


def _drop_above(connection: Connection, chain_id: int, keep: tuple[int, str] | None) -> None:
    above = -1 if keep is None else keep[0]
    for kind in FACTS:
        connection.execute(delete(kind).where(col(kind.block_number) > above))
    connection.execute(delete(BlockRow).where(col(BlockRow.number) > above))
    _move(connection, chain_id, keep)


def _move(connection: Connection, chain_id: int, to: tuple[int, str] | None) -> None:
    connection.execute(delete(CursorRow))
    if to is not None:
        row = CursorRow(form=FORM, chain_id=chain_id, number=to[0], hash=to[1])
        connection.execute(insert(CursorRow), [row.model_dump()])
