"""`headwater doctor`: what is in place is said to be, and what is not gets its code."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import create_engine, inspect, text
from typer.testing import CliRunner

from headwater.main import application
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_marketplace.migrations import upgrade
from headwater_marketplace.seller.records import NewRequest
from headwater_payments.amount import Amount
from headwater_payments.channels import BATCH_SETTLEMENT, ERC3009_DEPOSIT_COLLECTOR
from headwater_wallet.database import Database
from headwater_wallet.examination import (
    AHEAD_S,
    SLOW_BLOCK_S,
    examine_chain,
    examine_database,
    examine_escrow,
)
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.tables import WalletTable
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.databases import database_url, fresh_postgres_database, postgres
from support.shop import PAYEE, PRICE, USDC

__all__ = ["database_url", "postgres"]

pytestmark = pytest.mark.anyio


def diagnose(*arguments: object) -> tuple[int, dict[str, str]]:
    words = ["doctor", *map(str, arguments), "--json"]
    result = CliRunner().invoke(application(words), words)
    assert result.stderr == "", result.stderr
    return result.exit_code, {each["code"]: each["status"] for each in json.loads(result.stdout)}


async def asked(*arguments: object) -> tuple[int, dict[str, str]]:
    return await anyio.to_thread.run_sync(diagnose, *arguments)


async def test_a_sound_set_up_is_ok_and_each_risk_gets_its_code(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'shop.db'}")
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        await shop.chain.fund(signer.address, 10**18)
        path, policy = tmp_path / "w.db", simple_policy(Amount(10 * PRICE, USDC))
        everything = (
            *("--rpc", shop.chain.url, "--account", signer.address),
            *("--wallet", path, "--seller", tmp_path / "shop.db"),
        )
        async with (
            open_wallet(signer, policy, database=path) as wallet,
            wallet.client(timeout=60) as client,
        ):
            await client.post(shop.url + "/paid/x", json={"charge": 300})
        status, found = await asked(*everything)
        assert status == 0
        assert set(found.values()) == {"ok"}
        assert len(found) == 13

        # A payer that withdraws, a call that a crash left, and a payment without an outcome.
        [record] = await shop.store.channels()
        contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
        own = TransactionSender(shop.chain.reader, signer)
        await own.send(contract.initiate_withdraw(record.config, 100))
        old = NewRequest("a-payment-of-old", "f", signer.address, PAYEE, "/x", USDC.address, 1, 1)
        await shop.store.reserve_exact(old, USDC.address, signer.address, bytes(32))
        with create_engine(f"sqlite:///{path}").begin() as connection:
            connection.execute(text("UPDATE wallet_intent SET state = 'unknown', created_at = 1"))
        status, found = await asked(*everything)
        assert status == 1
        wrong = {code: said for code, said in found.items() if said != "ok"}
        assert wrong == {
            "unresolved": "warn",
            "audit": "fail",
            "vouchers": "fail",
            "abandoned": "warn",
        }


async def test_escrow_that_was_left_behind_is_a_warning(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        path, policy = tmp_path / "w.db", simple_policy(Amount(10 * PRICE, USDC))
        async with (
            open_wallet(signer, policy, database=path) as wallet,
            wallet.client(timeout=60) as client,
        ):
            await client.post(shop.url + "/paid/x", json={"charge": 300})
        await shop.chain.advance_time(8 * 86_400)
        status, found = await asked(
            "--rpc", shop.chain.url, "--account", signer.address, "--wallet", path
        )
        # A chain that is days ahead of this machine fails the clock, and stops at that.
        assert (status, found["clock"], "escrow" in found) == (1, "fail", False)
        reader, token = shop.chain.reader, shop.token.address
        now = (await reader.block()).timestamp
        at = {s: await _clock(reader, token, now + s) for s in (0, -AHEAD_S - 1, SLOW_BLOCK_S + 1)}
        assert list(at.values()) == ["ok", "fail", "warn"]
        async with Database(f"sqlite:///{path}", WalletTable.metadata) as database:
            [left] = await examine_escrow(database, reader, signer.address, idle_s=86_400)
            assert (left.code, left.status) == ("escrow", "warn")
            [used] = await examine_escrow(database, reader, signer.address, idle_s=10**9)
            assert used.status == "ok"


async def _clock(reader: Any, token: Any, now: int) -> str:
    found = {f.code: f.status for f in await examine_chain(reader, token, None, now)}
    return found["clock"]


async def test_a_node_that_is_away_or_of_another_chain_fails(tmp_path: Path) -> None:
    assert await asked("--rpc", "http://127.0.0.1:1") == (1, {"rpc": "fail"})
    async with open_chain_shop(tmp_path) as shop:
        assert await asked("--rpc", shop.chain.url, "--chain-id", 1) == (1, {"rpc": "fail"})
        nothing = "0x" + "12" * 20
        status, found = await asked("--rpc", shop.chain.url, "--token", nothing)
        assert (status, found["contracts"]) == (1, "fail")
        for other in (BATCH_SETTLEMENT, ERC3009_DEPOSIT_COLLECTOR):
            status, found = await asked("--rpc", shop.chain.url, "--token", other)
            assert (status, found["contracts"]) == (1, "fail")
        poor = await asked("--rpc", shop.chain.url, "--account", nothing)
        assert poor[1] | {"balance": "warn", "gas": "warn"} == poor[1]


def test_a_seller_database_that_was_not_upgraded_fails(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 's.db'}", "0001")
    status, found = diagnose("--seller", tmp_path / "s.db")
    assert (status, found["migrations"]) == (1, "fail")
    upgrade(f"sqlite:///{tmp_path / 's.db'}")
    status, found = diagnose("--seller", tmp_path / "s.db")
    assert (status, found["migrations"], found["abandoned"]) == (0, "ok", "ok")


def test_the_probe_of_a_database_leaves_nothing_behind(database_url: str) -> None:
    found = examine_database(database_url, "It")
    assert [(f.code, f.status) for f in found] == [("database", "ok"), ("durable", "ok")]
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_server_that_does_not_wait_for_its_disk_fails(postgres: str) -> None:
    off = f"{fresh_postgres_database(postgres)}&options=-csynchronous_commit%3Doff"
    [_, durable] = examine_database(off, "It")
    assert durable.status == "fail"
    assert "synchronous_commit" in durable.message


def test_a_database_that_cannot_be_written_fails(tmp_path: Path) -> None:
    broken = tmp_path / "w.db"
    broken.write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    assert diagnose("--wallet", broken) == (1, {"database": "fail"})


@pytest.mark.parametrize("option", ["--wallet", "--seller"])
def test_a_database_of_something_else_fails_and_is_left_as_it_was(
    option: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    other.touch()
    assert diagnose(option, other) == (1, {"database": "fail"})
    assert other.read_bytes() == b""
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")
    before = other.read_bytes()
    assert diagnose(option, other) == (1, {"database": "fail"})
    assert other.read_bytes() == before


def test_missing_books_are_called_by_their_name() -> None:
    for option, none in (
        ("--wallet", "There is no spend ledger"),
        ("--seller", "There are no seller's books"),
    ):
        words = ["doctor", option, "missing.db"]
        result = CliRunner().invoke(application(words), words)
        assert result.stderr == f"error[invalid_input]: {none} at missing.db.\n"


@pytest.mark.parametrize("words", [["doctor"], ["doctor", "--wallet", "/no/such/ledger.db"]])
def test_a_wrong_command_line_gets_one_sentence(words: list[str]) -> None:
    result = CliRunner().invoke(application(words), words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error[invalid_input]: ")
