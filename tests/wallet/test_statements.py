"""What sellers sign is kept with its payment, and what contradicts the payment is flagged."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from headwater_payments.amount import Amount
from headwater_payments.jws import JwsKey
from headwater_payments.offer_receipt import (
    AccountIssuer,
    DeliveryReceipt,
    Issuer,
    JwsIssuer,
    SignedOfferTerms,
)
from headwater_payments.x402 import JsonObject
from headwater_wallet.audit import AuditBrokenError
from headwater_wallet.cli import app
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.reconcile import reconcile
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from headwater_wallet.wallet import Wallet
from support.shop import PAYEE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio
ORIGIN = "http://shop.test"


class Liar:
    """Signs what it is told to, with some of it changed."""

    def __init__(self, issuer: Issuer, **changed: Any) -> None:
        self._issuer, self._changed = issuer, changed

    async def issue(self, statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
        names = set(type(statement).__dataclass_fields__)
        changed = {name: value for name, value in self._changed.items() if name in names}
        return await self._issuer.issue(replace(statement, **changed))


async def buy(shop: Shop, wallet: Wallet, calls: int = 1) -> None:
    async with shop.client(wallet) as client:
        for _ in range(calls):
            answer = await client.post("/paid/x", json={"charge": 300})
            assert answer.status_code == 200


async def test_offers_and_receipts_are_kept_with_their_payments(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, AccountIssuer(shop.signer))
        wallet = await shop.wallet()
        await buy(shop, wallet, calls=2)
        payments = await wallet.ledger.intents()
        kept = [(s.kind, s.payment_id) for s in await wallet.statements()]
        assert sorted(kept) == sorted(
            [
                ("offer", payments[0].payment_id),
                *(("receipt", payment.payment_id) for payment in payments),
            ]
        )
        for statement in await wallet.statements():
            assert (statement.signer, statement.vouched) == (shop.signer.address, True)
            assert statement.problem is None
        log = await wallet.ledger.audit_log()
        logged = {(e.event, e.subject, json.loads(e.body).get("digest")) for e in log}
        assert logged >= {(s.kind, s.payment_id, s.digest) for s in await wallet.statements()}
        assert (await wallet.ledger.check_audit()).payments == 2


async def test_a_stream_leaves_its_receipt_too(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, AccountIssuer(shop.signer))
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            await client.post("/paid/x", json={"chunks": 3, "step": 100})
        assert {s.kind for s in await wallet.statements()} == {"offer", "receipt"}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"payer": "0x" + "22" * 20}, "receipt", "The receipt is for 0x2222"),
    ({"network": "eip155:1"}, "receipt", "names the network eip155:1"),
    ({"resource_url": ORIGIN + "/paid/else"}, "receipt", "is for http://shop.test/paid/else"),
    ({"issued_at": 7}, "receipt", "is dated 7"),
    ({"resource_url": "http://["}, "receipt", "cannot be read"),
    ({"resource_url": "http://["}, "offer", "cannot be read"),
    ({"amount": "1"}, "offer", "signs the amount 1"),
    ({"pay_to": "0x" + "22" * 20}, "offer", "signs the payee 0x2222"),
    ({"valid_until": 7}, "offer", "had ended at 7"),
]


@pytest.mark.parametrize(("changed", "kind", "said"), WRONG)
async def test_a_statement_that_contradicts_the_payment_is_flagged_and_kept(
    tmp_path: Path, changed: dict[str, Any], kind: str, said: str
) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, Liar(AccountIssuer(shop.signer), **changed))
        wallet = await shop.wallet()
        await buy(shop, wallet)
        flagged = await wallet.ledger.statements(wrong_only=True)
        [found] = [each for each in flagged if each.kind == kind]
        assert found.problem is not None
        assert said in found.problem
        assert found.vouched, "the seller's own hand"
        [intent] = await wallet.ledger.intents()
        assert (intent.state, intent.charge) == ("settled", 300)


async def test_a_receipt_for_another_transaction_than_the_settlements_is_flagged(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        shop.speaks_for(ORIGIN, Liar(AccountIssuer(shop.signer), transaction="0x" + "ab" * 32))
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            await client.post("/paid/x", json={})
        [found] = await wallet.ledger.statements(wrong_only=True)
        assert "names 0xabab" in (found.problem or "")


async def test_a_key_that_the_terms_do_not_name_is_kept_without_a_voucher_for_it(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path) as shop:
        wallet = await shop.wallet()
        key = JwsKey(b"\x0a" * 32)
        for issuer in (AccountIssuer(LocalSigner.random()), JwsIssuer(key)):
            shop.speaks_for(ORIGIN, issuer)
            await buy(shop, wallet)
        receipts = [s for s in await wallet.statements() if s.kind == "receipt"]
        assert [(s.vouched, s.problem) for s in receipts] == [(False, None)] * 2
        assert key.kid in {s.signer for s in receipts}


class Garbled:
    """A seller whose signatures are none."""

    async def issue(self, statement: SignedOfferTerms | DeliveryReceipt) -> JsonObject:
        del statement
        return {"format": "eip712", "payload": {"version": 1}, "signature": "0x00"}


async def test_what_cannot_be_read_is_flagged_and_stops_no_payment(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, Garbled())
        wallet = await shop.wallet()
        await buy(shop, wallet)
        flagged = await wallet.ledger.statements(wrong_only=True)
        assert {(s.kind, s.signer, s.vouched) for s in flagged} == {
            ("offer", "", False),
            ("receipt", "", False),
        }


class OddlyNamed(JwsKey):
    """A key whose name ends in what PostgreSQL does not store."""

    @property
    def kid(self) -> str:
        return super().kid + "\0"


async def test_words_that_no_database_stores_are_kept_escaped(
    tmp_path: Path, database_url: str
) -> None:
    odd = {"scheme": "ex\0act", "resource_url": f"{ORIGIN}/\0"}
    async with open_shop(tmp_path) as shop:
        for issuer in (AccountIssuer(shop.signer), JwsIssuer(OddlyNamed(b"\x0a" * 32))):
            shop.speaks_for(ORIGIN, Liar(issuer, **odd))
            wallet = await shop.wallet()
            await buy(shop, wallet)
            flagged = await wallet.ledger.statements(wrong_only=True)
            assert sorted(each.kind for each in flagged) == ["offer", "receipt"]
            assert all(each.signer.isprintable() for each in flagged)
            assert "ex\\x00act" in (flagged[0].problem or "")
            assert (await wallet.ledger.check_audit()).payments == 1
    async with Database(database_url, WalletTable.metadata) as database:
        ledger = SpendLedger(database, "b")
        for each in flagged:
            ledger.keep_soon(each)
        await ledger.set_limit(Amount(1, USDC))
        assert await ledger.statements() == flagged


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        (
            {"resource_url": "http://["},
            "The receipt holds a text that cannot be read, such as a URL that is none.",
        ),
    ],
)
async def test_a_receipt_that_was_lost_comes_with_the_reconciliation(
    tmp_path: Path, changed: dict[str, Any], problem: str | None
) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, Liar(AccountIssuer(shop.signer), **changed))
        wallet = await shop.wallet()
        await buy(shop, wallet)
        inner = httpx.ASGITransport(shop.app)

        class Losing(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                answer = await inner.handle_async_request(request)
                await answer.aread()
                raise httpx.ReadTimeout("lost", request=request)

        with pytest.raises(Exception, match="no answer came"):
            async with wallet.client(transport=Losing(), base_url=ORIGIN) as client:
                await client.post("/paid/x", json={"charge": 300})
        [unknown] = await wallet.ledger.intents("unknown")
        async with shop.plain_client() as asking:
            assert await reconcile(wallet.ledger, asking) == []
        [receipt] = await wallet.statements(unknown.payment_id)
        assert (receipt.kind, receipt.vouched, receipt.problem) == ("receipt", True, problem)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallet_statement SET signed = '{}' WHERE kind = 'receipt'",
        "UPDATE wallet_statement SET problem = 'x' WHERE kind = 'receipt'",
        "DELETE FROM wallet_statement WHERE kind = 'offer'",
    ],
)
async def test_a_statement_that_was_edited_or_removed_breaks_the_log(
    tmp_path: Path, statement: str
) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, AccountIssuer(shop.signer))
        wallet = await shop.wallet()
        await buy(shop, wallet)
        await wallet.ledger.check_audit()
        engine = create_engine(f"sqlite:///{tmp_path / f'w-{wallet.address}.db'}")
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()
        with pytest.raises(AuditBrokenError, match="statement"):
            await wallet.ledger.check_audit()


async def test_the_command_lists_and_exports_what_was_signed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN, Liar(AccountIssuer(shop.signer), payer=PAYEE))
        wallet = await shop.wallet()
        await buy(shop, wallet)
        await wallet.budget()
    db = str(tmp_path / f"w-{wallet.address}.db")

    async def run(*options: str) -> Result:
        return await anyio.to_thread.run_sync(CliRunner().invoke, app, ["statements", db, *options])

    shown = await run("--wrong")
    assert shown.exit_code == 0
    assert "offer" not in shown.output
    assert "The receipt is for" in " ".join(shown.output.split())
    exported = json.loads((await run("--format", "json")).output)
    assert [each["kind"] for each in exported] == ["offer", "receipt"]
    assert exported[1]["signed"]["payload"]["payer"] == PAYEE
    rows = csv.DictReader(io.StringIO((await run("--format", "csv")).output))
    assert [row["vouched"] for row in rows] == ["True", "True"]
