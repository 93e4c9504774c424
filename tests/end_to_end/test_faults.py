"""One paid call, broken at every await, SQL statement and commit of both sides, in every way.

A clean run of each scenario counts the points. Then the call is made anew for every fault: what is
awaited fails, before it has done anything or after; the side that awaits is cancelled; its process
dies, and another goes on with what was on disk. What is left over is resolved as it is in life, by
the seller's housekeeping and the buyer's reconciliation. No money is lost, and none taken twice.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.seller import SellerStore, windows
from headwater_marketplace.seller.bill import Bill
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_marketplace.seller.records import Payment
from headwater_marketplace.seller.resume import TransferResumer
from headwater_payments.amount import Amount
from headwater_payments.errors import UnavailableError
from headwater_payments.ledger import balances, check_journal
from headwater_payments.signing import signs_now
from headwater_wallet.payment_record import PaymentRecord
from headwater_wallet.purchase import Purchase
from headwater_wallet.reconcile import reconcile
from headwater_wallet.writers import Writer
from support.faults import Fault, Plan, Point, faults_of
from support.shop import PRICE, USDC
from support.struck import BUDGET, FUNDS, Scene, Stage

pytestmark = pytest.mark.anyio

CHARGE = 400
LATER = 2**40


@dataclass(frozen=True)
class Scenario:
    """A call, and what it does.

    Faults at the points with which it begins just as the call it is `like` are left to that one.
    """

    body: dict[str, Any]
    like: str | None = "later call"
    warm: bool = True
    remote: bool = False
    offer: dict[str, Any] = field(default_factory=dict)


CHARGED = {"charge": CHARGE}
SCENARIOS = {
    "later call": Scenario(CHARGED, None),
    "first call, with a deposit": Scenario(CHARGED, None, warm=False),
    "stream": Scenario({**CHARGED, "chunks": 3}),
    "failing handler": Scenario({**CHARGED, "fail": True}),
    "remote signers": Scenario(CHARGED, remote=True),
    "single transfer": Scenario({}, None, warm=False, offer={"schemes": ("exact",)}),
    "stream in windows": Scenario(
        {"stream": True, "chunks": 6, "step": 50}, offer={"window": Amount(200, USDC)}
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: what a disk keeps is not the matter here."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


@pytest.fixture
def folders(folder: Path) -> tuple[Path, Path, Path]:
    """One for each stage: the points, those of the call that it is like, and the faults."""
    made = folder / "points", folder / "like", folder / "faults"
    for each in made:
        each.mkdir()
    return made


@asynccontextmanager
async def staged(folder: Path, scenario: Scenario) -> AsyncIterator[Stage]:
    """The stage on which a scenario begins."""
    async with Stage(folder, scenario.offer, remote=scenario.remote).open() as stage:
        if scenario.warm:
            async with stage.scene() as scene, scene.client() as client:
                answer = await client.post("/paid/x", json=CHARGED)
                assert answer.status_code == 200
                # Read, so that the charge is written down.
                assert (await scene.wallet.budget()).charged == CHARGE
            stage.keep()
        yield stage


async def run(stage: Stage, scenario: Scenario, fault: Fault | None = None) -> list[Point]:
    """Make the call with one fault, resolve what it left, and hold all accounts together."""
    stage.reset()
    plan = Plan(fault)
    async with stage.scene(plan) as scene:
        answered = await scene.call(scenario.body, plan)
        assert plan.struck == (fault is not None), "the point was not reached"
        # What failed has cost nothing, and is done again.
        assert len(scene.served) <= (2 if "fail" in scenario.body else 1)
        dead = [name for name, party in scene.parties.items() if party.dead]
        if not dead:
            hidden = fault is not None and fault.point.place.startswith(HIDES_THE_OUTCOME)
            left = await scene.wallet.ledger.intents("reserved")
            assert not left or hidden, "a payment was left reserved"
            swept = await aftermath(scene, scenario, answered=answered)
            assert not swept or hidden, "a request was left reserved"
    if dead:
        stage.bury(scene)
        async with stage.scene() as next_life:
            await aftermath(next_life, scenario, answered=answered)
    return plan.points


HIDES_THE_OUTCOME = (
    # A write that was told to have failed though it was made, ...
    "wallet.database.Database.write: ",
    "wallet.database._wait_through: ",
    "COMMIT",
    # ... and a handler that was never begun.
    "marketplace.seller.middleware.PaymentMiddleware._paid: served.run(",
)
"""Where a side that goes on cannot know what it has done, and finds out by looking later."""


async def aftermath(scene: Scene, scenario: Scenario, *, answered: bool) -> list[str]:
    """What is left is resolved as in life, and business goes on; gives what had to be swept up."""
    store, chain, ledger = scene.store, scene.chain, scene.wallet.ledger
    resumer = TransferResumer(store, chain, scene.seller_signer, chain)
    swept = await Housekeeper(store, resumer, now=lambda: LATER).tidy()
    assert await store.transfers() == []
    transport = httpx.ASGITransport(scene.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as asking:
        try:
            left = await reconcile(ledger, asking, reserved_before=LATER)
        except UnavailableError:
            # What a charge written in its turn ran into is told when the ledger is read next.
            left = await reconcile(ledger, asking, reserved_before=LATER)
    assert left == []
    await holds(scene)
    charged = (await ledger.budget()).charged
    assert charged == (CHARGE if scenario.warm else 0) or len(await served(scene)) > scenario.warm
    if answered and "fail" not in scenario.body:
        # A call that was finished is charged, and its receipt is there to be asked for.
        assert len(await served(scene)) == 1 + scenario.warm
    async with scene.client() as client:
        answer = await client.post("/paid/x", json=CHARGED)
    assert answer.status_code == 200, answer.text
    price = PRICE if "schemes" in scenario.offer else CHARGE
    assert (await ledger.budget()).charged == charged + price
    await holds(scene)
    return swept


async def served(scene: Scene) -> list[Payment]:
    """What the seller has charged, with a receipt for each."""
    payments = await scene.store.payments("charged")
    # A signer in another process signs once the charge is written, and may fail to.
    immediate = signs_now(scene.seller_signer)
    assert all(payment.receipt or not immediate for payment in payments)
    return payments


async def holds(scene: Scene) -> None:
    """Buyer, seller and chain agree to the unit."""
    store, chain, ledger = scene.store, scene.chain, scene.wallet.ledger
    budget = await ledger.budget()
    intents = await ledger.intents()
    assert {i.state for i in intents} <= {"settled", "released"}
    assert await store.payments("reserved") == []
    charged = sum(p.charge for p in await store.payments("charged"))
    mine = sum(i.charge or 0 for i in intents if i.state == "settled")
    assert charged == mine == budget.charged
    assert budget.charged <= budget.used <= BUDGET
    await ledger.check_audit()
    for record in await store.channels():
        state = record.state
        assert state.claimed <= state.charged <= state.signed <= state.balance
        assert state.reserved == 0
        assert state.charged == charged
        on_chain = await chain.channel(record.identifier)
        assert on_chain.balance == state.balance
    for identifier, channel in (await ledger.channels()).items():
        assert channel.reserved == 0
        assert channel.charged == charged
        assert channel.signed == budget.used
        # What was reserved for a payment that was never signed is free again.
        assert channel.signed <= max((i.max_claimable for i in intents if i.header), default=0)
        record = await store.channel(identifier)
        if record is not None:
            assert record.state.signed <= channel.signed
    total = (
        sum(chain.wallets.values())
        + sum(c.balance for c in chain.channels.values())
        + sum(chain.paid.values())
    )
    assert total == FUNDS
    assert chain.deposits <= 2
    entries = await store.journal()
    check_journal(entries)
    received = sum(v for (name, _), v in balances(entries).items() if name.startswith("receivable"))
    assert received == charged


async def points_of(folder: Path, like: Path, name: str) -> tuple[list[Point], list[Point]]:
    """Where a scenario's call can go wrong, and where the one that it is like can."""
    scenario, known = SCENARIOS[name], []
    if scenario.like is not None:
        async with staged(like, SCENARIOS[scenario.like]) as stage:
            known = await run(stage, SCENARIOS[scenario.like])
    async with staged(folder, scenario) as stage:
        return await run(stage, scenario), known


def counts_of(points: list[Point]) -> dict[str, int]:
    """How many points of each kind there are."""
    kinds = Counter(point.what for point in points)
    return {
        "awaits": sum(kinds[what] for what in ("whole", "part", "wait")),
        "statements": kinds["statement"],
        "commits": kinds["commit"],
    }


def beginning(points: list[Point], others: list[Point]) -> Iterator[Point]:
    """The points with which both begin."""
    for point, other in zip(points, others, strict=False):
        if point != other:
            return
        yield point


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look for a voucher that another process took would come or not with the machine's speed."""
    monkeypatch.setattr(windows, "LOOK_AGAIN_S", 3_600)


async def struck(
    stage: Stage, scenario: Scenario, faults: Iterable[Fault], *, within_s: int = 30
) -> None:
    """Make the call once for each fault; the failure of one names it."""
    for fault in faults:
        try:
            with anyio.fail_after(within_s):
                await run(stage, scenario, fault)
        except BaseException as exc:
            exc.add_note(str(fault))
            raise


@pytest.mark.parametrize("name", list(SCENARIOS))
async def test_a_fault_at_any_point_loses_nothing(
    folders: tuple[Path, Path, Path], name: str
) -> None:
    counted = json.loads((Path(__file__).parent / "fault_points.json").read_text())
    points, known = await points_of(folders[0], folders[1], name)
    assert counts_of(points) == counted[name], "see tests/support/fault_points.py"
    async with staged(folders[2], SCENARIOS[name]) as stage:
        faults = faults_of(points, beginning(points, known))
        await struck(stage, SCENARIOS[name], faults)


async def nothing(*_: Any, **__: Any) -> None:
    """What is left of a rollback that was removed."""


@contextmanager
def always_committed(writer: Writer) -> Iterator[Any]:
    """A transaction that keeps what came before an error in it."""
    with writer._engine.connect() as connection:
        writing = connection.execution_options(headwater_writes=True)
        writing.begin()
        try:
            yield writing
        finally:
            writing.commit()


ROLLBACKS: dict[str, tuple[str, type, str, Any, str]] = {
    "a seller releases what it does not serve to the end": (
        *("later call", Bill, "cut_short", nothing),
        "seller: fail, marketplace.seller.served.ServedRequest.run: handler()",
    ),
    "a seller releases a transfer that it cannot verify": (
        *("single transfer", SellerStore, "release", nothing),
        "seller: fail, marketplace.seller.admission.Gate._admit_transfer: self.facilitator.verify(",
    ),
    "a buyer gives back what it could not sign": (
        *("first call, with a deposit", PaymentRecord, "undo", nothing),
        "buyer: fail, wallet.payment_header.HeaderSigner.sign: ",
    ),
    "a buyer leaves a channel whose deposit is in doubt to the next": (
        *("first call, with a deposit", Purchase, "ended", nothing),
        "buyer: fail, wallet.exchange.exchange: purchase.answered(",
    ),
    "a transaction with an error in it is undone": (
        *("later call", Writer, "transaction", always_committed),
        "seller: fail, UPDATE seller_payment SET",
    ),
}


@pytest.mark.parametrize("rollback", list(ROLLBACKS))
async def test_without_a_rollback_a_fault_does_harm(
    folder: Path, rollback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, owner, method, instead, place = ROLLBACKS[rollback]
    async with staged(folder, SCENARIOS[name]) as stage:
        every = faults_of(await run(stage, SCENARIOS[name]))
        fault = [each for each in every if str(each).startswith(place)][-1]
        await struck(stage, SCENARIOS[name], [fault])
        monkeypatch.setattr(owner, method, instead)
        with pytest.raises((ExceptionGroup, TimeoutError)) as caught:
            await struck(stage, SCENARIOS[name], [fault], within_s=3)
        harm = caught.errisinstance(TimeoutError) or caught.group_contains(AssertionError)
        assert harm, caught.value
