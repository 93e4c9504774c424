"""One paid call, broken at every await on both sides: no money is lost, none is taken twice.

The seller's store, signer, facilitator and channel reader and the buyer's ledger and signer are
wrapped, signatures inside a database's transaction and writes behind it included. A clean run
counts the points; then each point fails in four ways: an error before and after its effect, a
cancellation before and after. What is left over is resolved as it would be in life, by the seller's
sweep of abandoned requests and the buyer's reconciliation.
"""

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.seller import SellerStore
from headwater_marketplace.seller.admission import Gate
from headwater_marketplace.seller.resume import TransferResumer
from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError
from headwater_payments.ledger import balances, check_journal
from headwater_wallet.reconcile import reconcile
from headwater_wallet.wallet import Wallet
from support.faults import MODES, Mode, Plan, Wrapped
from support.shop import PRICE, USDC, Shop, open_shop
from support.streaming import streaming_transport

pytestmark = pytest.mark.anyio

FUNDS = 1_000_000
BUDGET = 100_000
CHARGE = 400
LATER = 2**40

SCENARIOS: dict[str, dict[str, Any]] = {
    "first call, with a deposit": {"body": {"charge": CHARGE}, "warm": False},
    "later call": {"body": {"charge": CHARGE}, "warm": True},
    "stream": {"body": {"charge": CHARGE, "chunks": 3}, "warm": True},
    "failing handler": {"body": {"charge": CHARGE, "fail": True}, "warm": True},
    "remote signers": {"body": {"charge": CHARGE}, "warm": True, "hidden": ("sign_now",)},
    "single transfer": {"body": {}, "warm": False, "offer": {"schemes": ("exact",)}},
    "stream in windows": {
        "body": {"stream": True, "chunks": 6, "step": 50},
        "warm": True,
        "offer": {"window": Amount(200, USDC)},
    },
}
POINTS = {
    "first call, with a deposit": [
        "ledger.reserve",
        "payer.sign_typed_data",
        "payer.sign_typed_data",
        "ledger.mark_sent",
        "store.payment",
        "store.as_synced",
        "facilitator.settle",
        "chain.channel",
        "store.sync_channel",
        "store.reserve",
        "store.charge",
        "seller.sign_now",
        "ledger.deposited",
        "ledger.settle_soon",
    ],
    "later call": [
        "ledger.reserve",
        "payer.sign_now",
        "store.as_synced",
        "store.reserve",
        "store.charge",
        "seller.sign_now",
        "ledger.settle_soon",
    ],
    "failing handler": [
        "ledger.reserve",
        "payer.sign_now",
        "store.as_synced",
        "store.reserve",
        "store.release",
        "ledger.release",
    ],
    "remote signers": [
        "ledger.reserve",
        "payer.sign_typed_data",
        "ledger.mark_sent",
        "store.as_synced",
        "store.reserve",
        "store.charge",
        "seller.sign_typed_data",
        "store.keep",
        "ledger.settle_soon",
    ],
    "single transfer": [
        "ledger.reserve",
        "payer.sign_typed_data",
        "ledger.mark_sent",
        "store.reserve_exact",
        "facilitator.verify",
        "store.begin_transfer",
        "facilitator.settle",
        "store.charge",
        "seller.sign_now",
        "ledger.settle_soon",
    ],
    "stream in windows": [
        "ledger.reserve",
        "payer.sign_now",
        "store.as_synced",
        "store.reserve",
        "ledger.extend",
        "payer.sign_typed_data",
        "store.payment",
        "store.as_synced",
        "store.extend",
        "store.charge",
        "seller.sign_now",
        "ledger.settle_soon",
    ],
    "stream": [
        "ledger.reserve",
        "payer.sign_now",
        "store.as_synced",
        "store.reserve",
        "store.charge",
        "seller.sign_now",
        "ledger.settle_soon",
    ],
}
NEEDS_SWEEP = {
    # The seller could not learn that it had reserved, or could not write that it released.
    ("store.reserve", "raise after"),
    ("store.reserve_exact", "raise after"),
    ("store.release", "raise before"),
}
IN_DOUBT = {
    # Whether the transfer was made is not known here; the chain and the facilitator tell.
    ("facilitator.settle", "raise before"),
    ("facilitator.settle", "raise after"),
}


def wrap(shop: Shop, wallet: Wallet, plan: Plan, hidden: tuple[str, ...]) -> None:
    store: Any = Wrapped(shop.store, "store", plan)
    facilitator: Any = Wrapped(shop.chain, "facilitator", plan)
    chain: Any = Wrapped(shop.chain, "chain", plan)
    app = shop.app
    app._store, app._facilitator = store, facilitator
    app._signer = Wrapped(shop.signer, "seller", plan, hidden)
    app._gate = Gate(store, shop.signer.address, facilitator, chain, app._now)
    wallet.buyer.ledger = Wrapped(wallet.buyer.ledger, "ledger", plan)  # type: ignore[assignment]
    payer: Any = Wrapped(wallet.buyer.signer, "payer", plan, hidden)
    wallet.buyer.signer = payer


async def paid_call(
    client: httpx.AsyncClient, transport: Any, body: dict[str, Any], plan: Plan
) -> None:
    with anyio.CancelScope() as plan.scope:
        async with anyio.create_task_group() as transport.group:
            try:
                await client.post("/paid/x", json=body)
            except (HeadwaterError, httpx.TransportError):
                assert plan.struck, "an error without a fault"


async def run(directory: Path, name: str, at: int | None, mode: Mode) -> list[str]:
    scenario = SCENARIOS[name]
    offer = scenario.get("offer", {})
    async with open_shop(directory, **offer) as shop, anyio.create_task_group() as group:
        wallet = await shop.wallet(budget=BUDGET, funds=FUNDS)
        ledger, plan = wallet.ledger, Plan(at, mode)
        transport = streaming_transport(httpx, shop.app, group)
        async with wallet.client(transport=transport, base_url="http://shop.test") as client:
            if scenario["warm"]:
                await client.post("/paid/x", json={"charge": CHARGE})
            before = len(shop.served)
            wrap(shop, wallet, plan, scenario.get("hidden", ()))
            await paid_call(client, transport, scenario["body"], plan)
            transport.group = group
            seen = list(plan.seen)
            if at is not None:
                assert plan.struck
            plan.at = None
            point = "" if at is None else seen[at]
            assert len(shop.served) - before <= 1
            resumer = TransferResumer(shop.store, shop.chain, shop.signer, shop.chain)
            open_transfers = await shop.store.transfers()
            assert not open_transfers or (point, mode) in IN_DOUBT
            assert await resumer.resume(lambda _: True) == []
            swept = await shop.store.release_abandoned(LATER)
            assert not swept or (point, mode) in NEEDS_SWEEP, "a request was left reserved"
            async with shop.plain_client() as asking:
                assert await reconcile(ledger, asking, reserved_before=LATER) == []
            await holds(shop, wallet, ledger)
            # Whatever happened, the next call is served, and pays for itself alone.
            charged = (await ledger.budget()).charged
            answer = await client.post("/paid/x", json={"charge": CHARGE})
            assert answer.status_code == 200, answer.text
            price = PRICE if "schemes" in offer else CHARGE
            assert (await ledger.budget()).charged == charged + price
            await holds(shop, wallet, ledger)
        return seen


async def holds(shop: Shop, wallet: Wallet, ledger: Any) -> None:
    store: SellerStore = shop.store
    budget = await ledger.budget()
    intents = await ledger.intents()
    assert {i.state for i in intents} <= {"settled", "released"}
    assert await store.payments("reserved") == []
    charged = sum(p.charge for p in await store.payments("charged"))
    mine = sum(i.charge or 0 for i in intents if i.state == "settled")
    assert charged == mine == budget.charged
    assert budget.charged <= budget.used <= BUDGET
    for record in await store.channels():
        state = record.state
        assert state.claimed <= state.charged <= state.signed <= state.balance
        assert state.reserved == 0
        assert state.charged == charged
        on_chain = await shop.chain.channel(record.identifier)
        assert on_chain.balance == state.balance
    for identifier, channel in (await ledger.channels()).items():
        assert channel.reserved == 0
        assert channel.charged == charged
        assert channel.signed == budget.used
        record = await store.channel(identifier)
        if record is not None:
            assert record.state.signed <= channel.signed
    total = (
        sum(shop.chain.wallets.values())
        + sum(c.balance for c in shop.chain.channels.values())
        + sum(shop.chain.paid.values())
    )
    assert total == FUNDS
    assert shop.chain.deposits <= 2
    entries = await store.journal()
    check_journal(entries)
    received = sum(v for (name, _), v in balances(entries).items() if name.startswith("receivable"))
    assert received == charged


@pytest.mark.parametrize("name", list(SCENARIOS))
async def test_the_points_of_a_paid_call_are_known(tmp_path: Path, name: str) -> None:
    seen = await run(tmp_path, name, None, "raise before")
    assert seen == POINTS[name]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", list(SCENARIOS))
async def test_a_fault_at_any_point_loses_nothing(tmp_path: Path, name: str, mode: Mode) -> None:
    for at, point in enumerate(POINTS[name]):
        folder = tmp_path / f"{at}"
        folder.mkdir()
        try:
            await run(folder, name, at, mode)
        except BaseException as exc:
            exc.add_note(f"{name}: {mode} {point} (point {at})")
            raise
