"""The audit log: whole, in order, in step with the ledger; and what is named when it is not."""

import csv
import io
import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.reader import ChainReader
from headwater_marketplace.claim_scheduler import ClaimPolicy, ClaimScheduler
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_wallet.audit import GENESIS, AuditBrokenError, AuditEntry, check_log, entry_hash
from headwater_wallet.claims import ClaimWatch, note_claims
from headwater_wallet.cli import app
from headwater_wallet.database import Database
from headwater_wallet.errors import BudgetExceededError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.paying import channel_terms, new_payment
from support.shop import PRICE, USDC

pytestmark = pytest.mark.anyio


async def filled(url: str) -> None:
    """Three payments, one of each end, under a budget."""
    async with Database(url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "default")
        await ledger.set_limit(Amount(10_000, USDC))
        await ledger.set_limit(Amount(10_000, USDC))
        for number in range(3):
            await ledger.reserve(new_payment(number, 1_000), channel_terms())
            await ledger.mark_sent(f"payment-{number}", f"header {number}")
        await ledger.settle("payment-0", 400, None, "a receipt")
        await ledger.settle("payment-0", 400, None, "a receipt")
        await ledger.release("payment-1")
        await ledger.mark_unknown("payment-2")


async def log_of(url: str) -> list[AuditEntry]:
    async with Database(url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "default")
        await ledger.check_audit()
        return await ledger.audit_log()


async def test_every_change_of_a_payment_is_one_entry_and_no_change_is_none(
    database_url: str,
) -> None:
    await filled(database_url)
    entries = await log_of(database_url)
    assert [(e.event, e.subject) for e in entries] == [
        ("limit", "default"),
        ("reserved", "payment-0"),
        ("sent", "payment-0"),
        ("reserved", "payment-1"),
        ("sent", "payment-1"),
        ("reserved", "payment-2"),
        ("sent", "payment-2"),
        ("settled", "payment-0"),
        ("released", "payment-1"),
        ("unknown", "payment-2"),
    ]
    assert entries[0].previous == GENESIS
    settled = json.loads(entries[7].body)
    assert (settled["charge"], settled["amount"], settled["max_claimable"]) == (400, 1_000, 1_000)
    assert json.loads(entries[2].body)["header_sha256"] == settled["header_sha256"]
    assert len(settled["receipt_sha256"]) == 64
    assert "header 0" not in entries[7].body


Change = Callable[[list[AuditEntry]], list[AuditEntry]]
TAMPERED: dict[str, tuple[Change, str]] = {
    "changed": (
        lambda log: [*log[:3], replace(log[3], body=log[3].body.replace("1000", "1")), *log[4:]],
        "Entry 3 was changed",
    ),
    "removed": (lambda log: [*log[:4], *log[5:]], "Entry 4 was removed"),
    "removed and renumbered": (
        lambda log: [*log[:4], *(rehashed(e, sequence=e.sequence - 1) for e in log[5:])],
        "Entry 4 does not follow",
    ),
    "moved": (
        lambda log: [
            *log[:1],
            rehashed(log[2], sequence=1),
            rehashed(log[1], sequence=2),
            *log[3:],
        ],
        "Entry 1 does not follow",
    ),
    "slipped in": (lambda log: [*log[:2], log[1], *log[2:]], "Entry 2 was removed"),
}


def rehashed(entry: AuditEntry, **changed: int) -> AuditEntry:
    moved = replace(entry, **changed)  # type: ignore[arg-type]
    return replace(moved, hash=entry_hash(moved))


@pytest.mark.parametrize("kind", list(TAMPERED))
async def test_the_first_entry_that_was_tampered_with_is_named(tmp_path: Path, kind: str) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    await filled(url)
    entries = await log_of(url)
    change, said = TAMPERED[kind]
    with pytest.raises(AuditBrokenError, match=said):
        check_log(change(entries))


async def test_a_log_that_was_written_anew_or_cut_off_lacks_the_head_that_was_noted(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    await filled(url)
    entries = await log_of(url)
    noted = entries[6].hash
    assert check_log(entries, noted) == entries[-1].hash
    with pytest.raises(AuditBrokenError, match=noted):
        check_log(entries[:6], noted)
    anew, previous = [], GENESIS
    for entry in entries[1:]:
        entry = rehashed(replace(entry, sequence=entry.sequence - 1, previous=previous))
        anew.append(entry)
        previous = entry.hash
    assert check_log(anew) == previous
    with pytest.raises(AuditBrokenError, match="rewritten or cut off"):
        check_log(anew, noted)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE wallet_intent SET charge = 1 WHERE payment_id = 'payment-0'",
            "payment-0.*entry 7",
        ),
        ("UPDATE wallet_intent SET receipt = 'x' WHERE payment_id = 'payment-0'", "payment-0"),
        ("DELETE FROM wallet_intent WHERE payment_id = 'payment-1'", "entry 8 was removed"),
        ("UPDATE wallet_audit SET body = '{}' WHERE sequence = 5", "Entry 5 was changed"),
        ("DELETE FROM wallet_audit WHERE sequence = 9", "payment-2 is not as entry 6"),
        ("DELETE FROM wallet_audit WHERE sequence = 0", "Entry 0 was removed"),
    ],
)
async def test_a_database_that_was_edited_is_found_out(
    database_url: str, statement: str, said: str
) -> None:
    await filled(database_url)
    with create_engine(database_url).begin() as connection:
        connection.execute(text(statement))
    with pytest.raises(AuditBrokenError, match=said):
        await log_of(database_url)


async def test_a_ledger_without_a_log_is_taken_over_with_its_money(database_url: str) -> None:
    """What a wallet of an earlier release left: payments, and no table for the log."""
    await filled(database_url)
    with create_engine(database_url).begin() as connection:
        connection.execute(text("DROP TABLE wallet_audit"))
    async with Database(database_url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "default")
        before = await ledger.budget()
        state = await ledger.check_audit()
        assert (state.entries, state.payments) == (0, 3)
        await ledger.settle("payment-2", 100, None, None)
        entries = await ledger.audit_log()
        assert {(e.event, e.subject) for e in entries[:2]} == {
            ("opening", "payment-0"),
            ("opening", "payment-1"),
        }
        assert [(e.event, e.subject) for e in entries[2:]] == [("settled", "payment-2")]
        assert (await ledger.check_audit()).payments == 3
        assert (await ledger.budget()).used == before.used
        assert (await ledger.budget()).charged == before.charged + 100


async def test_what_is_refused_leaves_no_entry(database_url: str) -> None:
    async with Database(database_url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "default")
        await ledger.set_limit(Amount(100, USDC))
        with pytest.raises(BudgetExceededError):
            await ledger.reserve(new_payment(1, 101), channel_terms())
        assert [e.event for e in await ledger.audit_log()] == ["limit"]


def spend(url: str, start: int) -> None:
    async def run() -> None:
        async with Database(url, WalletTable.metadata) as database:
            ledger = SpendLedger(database, "default")

            async def one(number: int) -> None:
                intent = await ledger.reserve(
                    new_payment(number, 10), channel_terms(), lambda _: "h"
                )
                ledger.settle_soon(intent, 5, "r")

            async with anyio.create_task_group() as group:
                for number in range(start, start + 25):
                    group.start_soon(one, number)

    anyio.run(run)


async def test_processes_that_share_a_database_write_one_log(database_url: str) -> None:
    async with Database(database_url, WalletTable.metadata) as database:
        await SpendLedger(database, "default").set_limit(Amount(100_000, USDC))
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=spend, args=(database_url, 100 * n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await anyio.to_thread.run_sync(worker.join)
        assert worker.exitcode == 0
    entries = await log_of(database_url)
    assert len(entries) == 1 + 3 * 25 * 2


async def test_a_claim_on_chain_is_bound_to_the_voucher_that_it_claims(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            async with wallet.client(timeout=60) as client:
                await client.post(shop.url + "/paid/x", json={"charge": 70})
            claimed = await SettlementWorker(shop.store, shop.sender, shop.deployment).claim_all()
            assert claimed is not None
            contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
            head = await shop.chain.reader.block_number()
            assert await note_claims(wallet.ledger, contract, 0, head) == 1
            assert await note_claims(wallet.ledger, contract, 0, head) == 0
            *_, settled, last = await wallet.ledger.audit_log()
            assert settled.event == "settled"
            assert json.loads(settled.body)["channel_id"] == last.subject
            assert json.loads(last.body) == {
                "total_claimed": "70",
                "transaction": claimed.transaction,
            }
            assert (await wallet.ledger.check_audit()).entries == 5


async def test_claims_made_by_schedule_are_in_the_log_of_the_wallet_that_pays(
    tmp_path: Path,
) -> None:
    async with open_chain_shop(tmp_path, schemes=("batch-settlement",)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            contract = BatchSettlementClient(shop.chain.reader, shop.deployment.batch_settlement)
            watch = ClaimWatch(wallet.ledger, contract, confirmations=1)
            facilitator = shop.app._facilitator
            schedule = ClaimScheduler(
                *(shop.store, shop.sender, shop.deployment, facilitator),  # type: ignore[arg-type]
                ClaimPolicy(amount_atomic=100),
            )
            transactions = []
            for charge in (70, 30, 120):
                async with wallet.client(timeout=60) as client:
                    await client.post(shop.url + "/paid/x", json={"charge": charge})
                claimed = await schedule.look()
                transactions += [] if claimed is None else claimed.transactions
                assert await watch.look() == 0, "a block that may be replaced was believed"
                await shop.chain.mine()
                assert await watch.look() == (claimed is not None)
            notes = [e for e in await wallet.ledger.audit_log() if e.event == "claimed"]
            bodies = [json.loads(note.body) for note in notes]
            assert [body["total_claimed"] for body in bodies] == ["100", "220"]
            assert [body["transaction"] for body in bodies] == transactions
            # Another process that begins anew notes nothing twice, and a dead node is no end.
            again = ClaimWatch(wallet.ledger, contract, confirmations=0)
            assert await again.look() == 0
            await wallet.ledger.check_audit()
            async with ChainReader.connect("http://127.0.0.1:9", USDC.chain_id) as gone:
                nobody = BatchSettlementClient(gone, shop.deployment.batch_settlement)
                failing = ClaimWatch(wallet.ledger, nobody, sleep=stop_at_once)
                with pytest.raises(StoppedError):
                    await failing.run()
                assert str(failing.last_failure).startswith("unavailable:")


class StoppedError(Exception):
    """A service was to wait."""


async def stop_at_once(_seconds: float) -> None:
    raise StoppedError


async def test_the_command_says_that_the_log_holds_or_what_does_not(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    await filled(f"sqlite:///{path}")

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["audit", str(path), *arguments])
        return result.exit_code, result.stdout, result.stderr

    status, said, _ = await anyio.to_thread.run_sync(run)
    head = said.split()[-1]
    assert (status, said) == (0, f"10 entries hold 3 payments; head {head}\n")
    status, said, _ = await anyio.to_thread.run_sync(run, "--format", "csv", "--head", head)
    rows = list(csv.DictReader(io.StringIO(said)))
    assert (status, len(rows), rows[-1]["hash"]) == (0, 10, head)
    status, said, _ = await anyio.to_thread.run_sync(run, "--format", "json")
    exported = [AuditEntry(**row) for row in json.loads(said)]
    assert check_log(exported) == head
    with create_engine(f"sqlite:///{path}").begin() as connection:
        connection.execute(text("UPDATE wallet_audit SET event = 'settled' WHERE sequence = 8"))
    status, said, told = await anyio.to_thread.run_sync(run)
    assert (status, said) == (1, "")
    assert told == "error[audit_broken]: Entry 8 was changed.\n"
