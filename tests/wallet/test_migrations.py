"""A ledger of an earlier release, with money in it, goes on where it was."""

import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

import headwater_wallet.migrations as migrations
from headwater_marketplace.migrations import open_database
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import config_to_json
from headwater_payments.errors import UnavailableError
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.engines import tables_of
from headwater_wallet.errors import BudgetExceededError, WindowExceededError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.migrations import HEAD, VERSION_TABLE, open_ledger, upgrade
from headwater_wallet.policy import PaymentRequest, Rule, SpendHistory, SpendPolicy, Window
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.wallet import open_wallet
from support.paying import URL, channel_terms, new_payment
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio

NOW = 1_000_000


def first_ledger(url: str) -> None:
    """The ledger of the first release, as its users have it: $0.01 of which 7,000 are signed away.

    A channel of 6,000 signed and 5,000 charged, of which 1,000 wait for an answer; a single
    transfer of 1,000; and a reservation that was given back.
    """
    upgrade(url, "0001")
    terms = channel_terms()
    channel = {
        "channel_id": to_hex(terms.identifier),
        "chain_id": terms.chain_id,
        "receiver": PAYEE,
        "config": json.dumps(config_to_json(terms.config)),
        "balance": 8_000,
        "charged": 5_000,
        "reserved": 1_000,
        "signed": 6_000,
        "blocked": None,
    }
    common = {
        "budget": "default",
        "url": URL,
        "payee": PAYEE,
        "network": "eip155:84532",
        "asset": USDC.address,
        "deposit": 0,
        "receipt": None,
    }
    paid = {**common, "scheme": "batch-settlement", "channel_id": channel["channel_id"]}
    single = {**common, "scheme": "exact", "channel_id": None, "max_claimable": 0}
    payments: list[dict[str, Any]] = [
        {**paid, "payment_id": "a", "state": "settled", "amount": 5_000, "budgeted": 5_000}
        | {"max_claimable": 5_000, "charge": 5_000, "header": "h", "created_at": NOW - 7_200},
        {**paid, "payment_id": "b", "state": "unknown", "amount": 1_000, "budgeted": 1_000}
        | {"max_claimable": 6_000, "charge": None, "header": "h", "created_at": NOW - 60},
        {**single, "payment_id": "c", "state": "settled", "amount": 1_000, "budgeted": 1_000}
        | {"charge": 1_000, "header": "h", "created_at": NOW - 30},
        {**single, "payment_id": "d", "state": "released", "amount": 2_000, "budgeted": 0}
        | {"charge": None, "header": None, "created_at": NOW - 10},
    ]
    engine = create_engine(url)
    with engine.begin() as connection:
        rows = [("wallet_channel", channel), *(("wallet_intent", each) for each in payments)]
        budget = {"name": "default", "limit": 10_000, "used": 7_000}
        for table, row in [("wallet_budget", budget), *rows]:
            columns = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)
    engine.dispose()


def columns_of(url: str) -> list[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
        )
        difference: list[Any] = compare_metadata(context, migrations.metadata())
        assert context.get_current_revision() == HEAD
    engine.dispose()
    return difference


@pytest.mark.parametrize("begin", [lambda url: None, lambda url: upgrade(url, "0001")])
def test_migrations_and_a_new_ledger_make_the_same_tables(database_url: str, begin: Any) -> None:
    begin(database_url)
    upgrade(database_url)
    assert columns_of(database_url) == []


def test_the_newest_form_is_that_of_the_newest_file() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == HEAD


async def test_a_ledger_with_money_in_it_keeps_every_unit(database_url: str) -> None:
    first_ledger(database_url)
    async with open_ledger(database_url) as database:
        ledger = SpendLedger(database, "default")
        before = await ledger.budget()
        assert (before.limit, before.used, before.charged, before.left) == (
            *(10_000, 7_000, 6_000),
            3_000,
        )
        assert [(i.payment_id, i.state) for i in await ledger.intents()] == [
            *(("a", "settled"), ("b", "unknown"), ("c", "settled")),
            ("d", "released"),
        ]
        # What waits is settled, the channel goes on from what was signed, and the limit holds.
        await ledger.settle("b", 400, None, None)
        intent = await ledger.reserve(new_payment("e", 1_000), channel_terms())
        assert intent.max_claimable == 6_400
        assert (await ledger.budget()).used == 7_400
        with pytest.raises(BudgetExceededError):
            await ledger.reserve(new_payment("f", 2_601, "exact"), None)
        await ledger.check_audit()
    assert columns_of(database_url) == []


async def test_windows_count_what_was_signed_before_there_were_any(database_url: str) -> None:
    first_ledger(database_url)
    window = Window(3_600, most=2_500)
    policy = SpendPolicy(Amount(10_000, USDC), (Rule("allow", "all"),), windows=(window,))
    async with open_ledger(database_url) as database:
        ledger = SpendLedger(database, "default")

        async def asks(atomic: int) -> None:
            request = PaymentRequest(Amount(atomic, USDC), PAYEE, "http://shop.test", URL)

            def permit(history: SpendHistory) -> None:
                policy.check(request, history, newly_signed=atomic, now=NOW)

            await ledger.consider(permit)

        # 2,000 of the last hour stand already: what b and c signed.
        await asks(500)
        with pytest.raises(WindowExceededError):
            await asks(501)


async def test_a_wallet_upgrades_its_ledger_when_it_is_opened(tmp_path: Path) -> None:
    first_ledger(f"sqlite:///{tmp_path / 'w.db'}")
    policy = SpendPolicy(Amount(10_000, USDC))
    async with open_wallet(LocalSigner.random(), policy, database=tmp_path / "w.db") as wallet:
        assert (await wallet.budget()).charged == 6_000


async def test_a_ledger_without_a_version_is_taken_for_what_it_holds(database_url: str) -> None:
    """Ledgers were made before their form was written down."""
    async with open_ledger(database_url) as database:
        await SpendLedger(database, "default").set_limit(Amount(9, USDC))
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    engine.dispose()
    async with open_ledger(database_url) as database:
        assert (await SpendLedger(database, "default").budget()).limit == 9
    assert columns_of(database_url) == []


def test_a_ledger_of_a_later_release_is_left_alone(database_url: str) -> None:
    upgrade(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UnavailableError, match="9999"):
        open_ledger(database_url)


def test_an_upgrade_that_breaks_off_leaves_what_it_found(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_ledger(database_url)
    before = tables_of(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        # The last table of the upgrade is in its way, as a table of another's would be.
        connection.execute(text("CREATE VIEW wallet_audit AS SELECT 1 AS x"))
    with pytest.raises(UnavailableError, match="cannot be upgraded"):
        upgrade(database_url)
    with engine.begin() as connection:
        assert set(inspect(connection).get_table_names()) == before
        connection.execute(text("DROP VIEW wallet_audit"))
    engine.dispose()
    upgrade(database_url)
    assert columns_of(database_url) == []


def _open(url: str, at: float) -> None:
    time.sleep(max(0, at - time.time()))
    open_ledger(url).close()


def test_processes_that_start_together_upgrade_once(database_url: str) -> None:
    first_ledger(database_url)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["headwater_wallet.migrations"])
    at = time.time() + 1
    workers = [forks.Process(target=_open, args=(database_url, at)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert columns_of(database_url) == []


async def test_a_ledger_and_a_marketplace_share_a_database(database_url: str) -> None:
    async with open_database(database_url), open_ledger(database_url) as database:
        await SpendLedger(database, "default").set_limit(Amount(9, USDC))
    async with open_ledger(database_url), open_database(database_url):
        pass
    assert {"alembic_version", VERSION_TABLE, "seller_payment"} <= tables_of(database_url)
