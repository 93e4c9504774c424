"""An index follows the chain through reorganizations and equals one made anew."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from contracts.world import ALICE, BOB, World, open_world
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.records import Block, Log
from headwater_marketplace.chain_index import FACTS, ChainIndex
from headwater_marketplace.index_tables import BlockRow, IndexTable, MovementRow
from headwater_payments.address import Address, parse_address
from headwater_wallet.database import Database
from support.chains import CHAINS, start_chain

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def log_of(contract: str, address: Address, event: str, *values: object) -> Log:
    """A log as the contract would have written it; block and place come later."""
    ((topic, item),) = (
        (topic, item)
        for topic, item in load_artifact(contract).abi.events.items()
        if item.name == event
    )
    keyed = zip(item.inputs, values, item.indexed, strict=True)
    topics = [encode([kind], [value]) for kind, value, indexed in keyed if indexed]
    plain = zip(item.inputs, values, item.indexed, strict=True)
    kept = [(kind, value) for kind, value, indexed in plain if not indexed]
    data = encode([kind for kind, _ in kept], [value for _, value in kept])
    return Log(address, (topic, *topics), data, 0, b"", "", 0)


TERMS = VaultTerms(
    token=DEVELOPMENT.settlement_token,
    version_id=1,
    platform=ALICE,
    host=BOB,
    attributor=ALICE,
    fallback=parse_address("0x" + "0f" * 20),
    platform_share=5_000_000,
    host_share=20_000_000,
    owner_share=15_000_000,
    parents_share=0,
    contributors_share=60_000_000,
    challenge_window=30,
    panel=1,
    terms_hash=bytes(32),
)


def vault_address(number: int) -> Address:
    return parse_address(f"0x{0xFACE00 + number:040x}")


@pytest.fixture
def index_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/index.db"


@dataclass
class FakeChain:
    """Blocks of logs that can be taken back; every fork has hashes of its own."""

    rng: random.Random
    blocks: list[tuple[Block, list[Log]]] = field(default_factory=list)
    forks: int = 0
    reorganize_during_read: bool = False

    def mine(self) -> None:
        """A block with a few events: assets, vaults, income and payments."""
        number = len(self.blocks)
        parent = self.blocks[-1][0].hash if self.blocks else bytes(32)
        block_hash = keccak(parent + bytes([self.forks % 256]) + self.rng.randbytes(8))
        block = Block(number, block_hash, parent, 1_000 + number, 0)
        vaults = sum(
            log.address == DEVELOPMENT.vault_factory for _, logs in self.blocks for log in logs
        )
        logs: list[Log] = []
        for _ in range(self.rng.choice([0, 0, 1, 2, 3])):
            made = vaults + sum(log.address == DEVELOPMENT.vault_factory for log in logs)
            logs.append(self._event(made))
        numbered = [
            replace(
                log,
                block_number=number,
                block_hash=block_hash,
                transaction_hash="0x" + keccak(block_hash + bytes([i])).hex(),
                index=i,
            )
            for i, log in enumerate(logs)
        ]
        self.blocks.append((block, numbered))

    def reorganize(self, depth: int, length: int) -> None:
        """Take the last blocks back and mine others."""
        self.forks += 1
        del self.blocks[max(len(self.blocks) - depth, 0) :]
        for _ in range(length):
            self.mine()

    def _event(self, vaults: int) -> Log:
        which = self.rng.randrange(4)
        if which == 0 or not vaults:
            vault, terms = vault_address(vaults), TERMS.packed() + bytes.fromhex(TERMS.token[2:])
            words = [terms[at : at + 32] for at in range(0, 160, 32)]
            return log_of(
                "RevenueVaultFactory",
                DEVELOPMENT.vault_factory,
                "VaultCreated",
                1,
                vault,
                words,
            )
        account = self.rng.choice([ALICE, BOB])
        if which == 1:
            registry = DEVELOPMENT.asset_registry
            asset = self.rng.randrange(5)
            return log_of("AssetRegistry", registry, "Transfer", ALICE, account, asset)
        vault = vault_address(self.rng.randrange(vaults))
        amount = self.rng.randrange(1, 2**90)
        if which == 2:
            return log_of("RevenueVault", vault, "Synced", amount, amount)
        return log_of("RevenueVault", vault, "EntitlementPaid", 0, account, amount)

    async def block_number(self) -> int:
        return len(self.blocks) - 1

    async def block(self, block: int) -> Block:
        return self.blocks[block][0]

    async def logs(
        self, address: Sequence[Address], *, from_block: int, to_block: int
    ) -> list[Log]:
        found = [
            log
            for _, logs in self.blocks[from_block : to_block + 1]
            for log in logs
            if log.address in address
        ]
        if self.reorganize_during_read:
            self.reorganize_during_read = False
            self.reorganize(2, 3)
        return found


async def tables(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table; where the cursor happens to stand is no fact."""
    kinds: list[type[IndexTable]] = [BlockRow, *FACTS]

    def work(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
        return {
            str(kind.__tablename__): sorted(
                tuple(row)
                for row in connection.execute(select(kind.__table__))  # type: ignore[attr-defined]
            )
            for kind in kinds
        }

    return await database.read(work)


async def synced(index: ChainIndex) -> int:
    """Sync until the chain holds still; gives how many events were added."""
    added = 0
    for _ in range(5):
        progress = await index.sync()
        added += progress.events
        if not progress.behind:
            return added
    raise AssertionError("the index never caught up")


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(st.sampled_from(["mine", "reorganize", "shrink", "race"]), st.integers(1, 6)),
        min_size=1,
        max_size=12,
    ),
)
def test_an_index_that_followed_equals_one_made_anew(
    seed: int, steps: list[tuple[str, int]]
) -> None:
    async def run(folder: str) -> None:
        chain = FakeChain(random.Random(seed))
        for _ in range(3):
            chain.mine()
        async with Database(f"sqlite:///{folder}/followed.db", ChainIndex.metadata) as followed:
            index = ChainIndex(followed, chain, DEVELOPMENT)
            for step, size in steps:
                if step == "mine":
                    for _ in range(size):
                        chain.mine()
                elif step == "reorganize":
                    chain.reorganize(size, size + 1)
                elif step == "shrink":
                    chain.reorganize(size, 1)
                else:
                    chain.mine()
                    chain.reorganize_during_read = True
                await synced(index)
            async with Database(f"sqlite:///{folder}/anew.db", ChainIndex.metadata) as anew:
                await synced(ChainIndex(anew, chain, DEVELOPMENT))
                assert await tables(followed) == await tables(anew)
            logs = [log for _, found in chain.blocks for log in found]
            assert len((await tables(followed))["index_event"]) == len(logs)

    with TemporaryDirectory() as folder:
        anyio.run(run, folder)


async def test_a_reorganization_takes_back_what_was_paid(database_url: str) -> None:
    chain = FakeChain(random.Random(1))
    for _ in range(40):
        chain.mine()
    async with Database(database_url, ChainIndex.metadata) as database:
        index = ChainIndex(database, chain, DEVELOPMENT)
        assert await synced(index) > 10
        assert (await index.sync()).events == 0
        before = await tables(database)
        assert before["index_movement"]
        chain.reorganize(40, 1)
        progress = await index.sync()
        assert progress.rewound
        assert len((await tables(database))["index_event"]) == len(chain.blocks[0][1])


async def test_blocks_without_enough_confirmations_wait(index_url: str) -> None:
    chain = FakeChain(random.Random(2))
    for _ in range(10):
        chain.mine()
    async with Database(index_url, ChainIndex.metadata) as database:
        index = ChainIndex(database, chain, DEVELOPMENT)
        assert (await index.sync(confirmations=4)).number == 5
        assert (await index.sync()).number == 9


async def test_an_index_of_another_chain_is_made_anew(index_url: str) -> None:
    chain = FakeChain(random.Random(3))
    for _ in range(10):
        chain.mine()
    async with Database(index_url, ChainIndex.metadata) as database:
        await synced(ChainIndex(database, chain, DEVELOPMENT))
        other = FakeChain(random.Random(4))
        for _ in range(10):
            other.mine()
        index = ChainIndex(database, other, replace(DEVELOPMENT, chain_id=1))
        assert (await index.sync()).rewound
        logs = [log for _, found in other.blocks for log in found]
        assert len((await tables(database))["index_event"]) == len(logs)


@pytest.mark.parametrize("on", CHAINS)
async def test_a_real_chain_is_indexed_as_its_contracts_tell(index_url: str, on: str) -> None:
    from contracts.test_events import sell_and_share

    async with await start_chain(on) as chain:
        world: World = await open_world(chain, await deploy_development_contracts(chain))
        parent, child = await sell_and_share(world)
        async with Database(index_url, ChainIndex.metadata) as database:
            index = ChainIndex(database, chain.reader, DEVELOPMENT)
            assert (await index.sync()).events > 20
            assert await index.paid(child.address) == {ALICE: 45_000, BOB: 10_000}
            assert await index.paid(parent.address) == {}
            asset = (await world.registry.version(2)).asset_id
            assert await index.owner(asset) == await world.registry.owner(asset)
            assert await index.owner(99) is None

            def income(connection: Connection) -> int:
                rows = connection.execute(select(MovementRow.__table__))  # type: ignore[attr-defined]
                return sum(
                    int(r.amount) for r in rows if (r.vault, r.purpose) == (child.address, "income")
                )

            assert await database.read(income) == await child.total_in()
