"""`upto`: one transfer of what was used, which the seller settles once that is known."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_marketplace.seller.resume import TransferResumer
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.amount import Amount
from headwater_payments.errors import UnavailableError
from headwater_payments.permit2 import PERMIT2
from headwater_payments.permit2_payload import sign_permit2
from headwater_payments.x402 import (
    PAYMENT_SIGNATURE,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    SettlementResponse,
)
from headwater_wallet.errors import PaymentRefusedError
from headwater_wallet.intent_rows import changed
from headwater_wallet.keys import LocalSigner
from headwater_wallet.migrations import open_ledger
from headwater_wallet.policy import simple_policy
from headwater_wallet.policy_history import SpendHistory
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.chain_shop import ChainScene, open_chain_shop
from support.paying import new_payment
from support.shop import PAYEE, PRICE, USDC
from support.streaming import streaming_transport

pytestmark = pytest.mark.anyio


class Scene(ChainScene):
    async def paid(self) -> int:
        return await self.shop.token.balance(PAYEE)


@asynccontextmanager
async def open_scene(
    directory: Path, *, approved: bool = True, scheme: str = "upto"
) -> AsyncIterator[Scene]:
    async with open_chain_shop(directory, schemes=(scheme,)) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 20 * PRICE)
        if approved:
            await shop.chain.fund(signer.address, 10**18)
            sender = TransactionSender(shop.chain.reader, signer)
            await sender.send(shop.token.approve(PERMIT2, 2**256 - 1))
        policy = simple_policy(Amount(20 * PRICE, USDC))
        async with open_wallet(
            signer, policy, database=directory / "w.db", chain=shop.chain.reader, confirmations=2
        ) as wallet:
            yield Scene(shop, wallet)


async def test_what_was_used_is_charged_and_what_was_signed_counts_as_spent(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:
        for charge in (300, PRICE):
            answer = await client.post(scene.url, json={"charge": charge})
            settled = SettlementResponse.from_header(answer.headers["payment-response"])
            assert (answer.status_code, settled.amount) == (200, str(charge))
        assert await scene.paid() == 300 + PRICE
        budget = await scene.wallet.budget()
        assert (budget.charged, budget.used) == (300 + PRICE, 2 * PRICE)
        receipts = [intent.receipt for intent in await scene.wallet.ledger.intents()]
        assert all(receipts)


async def test_the_unused_part_of_a_ceiling_comes_back_once_the_chain_has_settled_it(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:
        await client.post(scene.url, json={"charge": 300})
        await scene.wallet.reconcile()
        held = await scene.wallet.budget()
        assert (held.charged, held.used) == (300, PRICE), "its block may still be replaced"
        await scene.shop.chain.mine(2)
        assert await scene.wallet.reconcile() == []
        freed = await scene.wallet.budget()
        assert (freed.charged, freed.used) == (300, 300)
        [intent] = await scene.wallet.ledger.intents()
        assert (intent.state, intent.amount, intent.budgeted) == ("settled", PRICE, 300)
        assert (await scene.wallet.ledger.check_audit()).payments == 1
        ends = scene.wallet.buyer.transfer_ends
        assert ends is not None
        assert await ends.settle(scene.wallet.ledger) == [], "it is over, and not asked for again"


async def test_a_seller_that_takes_more_than_it_told_is_counted_as_the_chain_shows(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:

        async def telling_less(payload: PaymentPayload, terms: PaymentRequirements) -> Any:
            honest = await facilitator.settle(payload, payload.accepted)
            return honest.model_copy(update={"amount": terms.amount})

        facilitator = scene.shop.app._facilitator
        lying = SimpleNamespace(verify=facilitator.verify, settle=telling_less)
        scene.shop.app._facilitator = lying  # type: ignore[assignment]
        await client.post(scene.url, json={"charge": 300})
        [intent] = await scene.wallet.ledger.intents()
        assert (intent.charge, await scene.paid()) == (300, PRICE)
        await scene.shop.chain.mine(2)
        ends = scene.wallet.buyer.transfer_ends
        assert ends is not None
        [end] = await ends.settle(scene.wallet.ledger)
        assert (end.told, end.taken, end.given_back) == (300, PRICE, 0)
        assert (await scene.wallet.budget()).charged == PRICE


@pytest.mark.parametrize("scheme", ["upto", "exact"])
@pytest.mark.parametrize("told", [True, False])
async def test_a_signature_that_was_never_used_is_given_back_when_its_time_is_over(
    tmp_path: Path, scheme: str, told: bool
) -> None:
    """A seller says that it charged, or is never heard of again; it has submitted nothing."""
    async with open_scene(tmp_path, scheme=scheme) as scene:
        facilitator = scene.shop.app._facilitator

        async def nothing(payload: PaymentPayload, terms: PaymentRequirements) -> Any:
            if not told:
                raise UnavailableError("The node is away.")
            return SettlementResponse(
                success=True,
                transaction="0x" + "ab" * 32,
                network=USDC.network,
                amount="300" if scheme == "upto" else terms.amount,
            )

        scene.shop.app._facilitator = SimpleNamespace(  # type: ignore[assignment]
            verify=facilitator.verify, settle=nothing
        )
        async with scene.wallet.client(timeout=60) as client:
            with suppress(Exception):
                await client.post(scene.url, json={"charge": 300})
        ledger, ends = scene.wallet.ledger, scene.wallet.buyer.transfer_ends
        assert ends is not None
        await scene.shop.chain.mine(3)
        assert await ends.settle(ledger) == [], "until then it could still be used"
        assert (await scene.wallet.budget()).used == PRICE
        await scene.shop.chain.advance_time(4_000)
        await scene.shop.chain.mine(3)
        await ends.settle(ledger)
        [intent] = await ledger.intents()
        if scheme == "exact" and told:
            assert intent.state == "settled", "the seller says that all of it was taken"
            return
        assert (await scene.wallet.budget()).used == 0
        assert (intent.state, intent.charge) == (("settled", 0) if told else ("released", None))


async def test_a_transfer_whose_answer_was_lost_is_found_on_chain_without_its_seller(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, scheme="exact") as scene:
        async with scene.wallet.client(timeout=60) as client:
            await client.post(scene.url, json={})
        ledger, ends = scene.wallet.ledger, scene.wallet.buyer.transfer_ends
        assert ends is not None

        def forget(session: Any, row: Any) -> None:
            row.state, row.charge, row.receipt = "unknown", None, None

        [intent] = await ledger.intents()
        await ledger.database.write(changed(intent.payment_id, forget))
        await scene.shop.chain.mine(2)
        [end] = await ends.settle(ledger)
        assert (end.told, end.taken, end.given_back) == (None, PRICE, 0)
        assert [i.state for i in await ledger.intents()] == ["settled"]


async def test_a_permit_settled_through_another_contract_stays_counted_in_full(
    tmp_path: Path,
) -> None:
    """Its nonce is spent, and no transaction that the wallet can read says for how much."""
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:
        await client.post(scene.url, json={"charge": 300})
        ends = scene.wallet.buyer.transfer_ends
        assert ends is not None
        ends._proxies.clear()
        await scene.shop.chain.mine(2)
        assert await ends.settle(scene.wallet.ledger) == []
        assert (await scene.wallet.budget()).used == PRICE


async def test_parents_and_windows_get_back_what_a_child_did_not_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    async with open_ledger(url) as database:
        parent, child = SpendLedger(database, "parent"), SpendLedger(database, "child")
        for ledger in (parent, child):
            await ledger.set_limit(Amount(10 * PRICE, USDC))
        await child.spend_from("parent")
        intent = await child.reserve(new_payment(1, PRICE, "upto"), None, lambda _: "header")
        await child.settle(intent.payment_id, 300, None, None)
        await child.end(intent.payment_id, 300, "header")
        for ledger in (parent, child):
            assert (await ledger.budget()).used == 300

            def in_the_window(history: SpendHistory) -> int:
                return history.signed_after(0).atomic

            assert await ledger.consider(in_the_window) == 300
            assert await ledger.consider(lambda history: history.has_signed_for(PAYEE))


async def test_what_used_nothing_needs_no_transaction(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:
        answer = await client.post(scene.url, json={"charge": 0})
        settled = SettlementResponse.from_header(answer.headers["payment-response"])
        assert (settled.success, settled.transaction, settled.amount) == (True, "", "0")
        assert scene.shop.sender.sent == await scene.paid() == 0
        failed = await client.post(scene.url, json={"fail": True})
        assert failed.status_code == 503
        assert (await scene.wallet.budget()).charged == 0


async def test_a_stream_is_settled_at_its_end_for_what_it_used(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, scene.wallet.client(timeout=60) as client:
        answer = await client.post(scene.url, json={"chunks": 3, "step": 120})
        assert answer.text.count("data:") == 3
        assert await scene.paid() == 360
        assert (await scene.wallet.budget()).charged == 360
        [intent] = await scene.wallet.ledger.intents()
        assert (intent.state, intent.charge) == ("settled", 360)
        assert intent.receipt is not None


async def test_a_client_that_leaves_a_stream_pays_for_what_it_used(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, anyio.create_task_group() as group:
        inner = streaming_transport(httpx, scene.shop.app, group)
        async with (
            scene.wallet.client(transport=inner, base_url=scene.shop.url) as client,
            client.stream("POST", "/paid/x", json={"chunks": 50, "step": 10}) as answer,
        ):
            events = 0
            async for line in answer.aiter_lines():
                events += line.startswith("data:")
                if events == 4:
                    break
        with anyio.fail_after(20):
            while not (charged := await scene.shop.store.payments("charged")):  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert 40 <= charged[0].charge < 500
        assert await scene.paid() == charged[0].charge
        assert await scene.wallet.reconcile() == []
        assert (await scene.wallet.budget()).charged == charged[0].charge


async def test_a_payer_without_an_approval_is_told_so_and_nothing_is_served(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, approved=False) as scene:
        async with scene.wallet.client(timeout=60) as client:
            with pytest.raises(PaymentRefusedError) as refused:
                await client.post(scene.url, json={"charge": 300})
        assert refused.value.details["reason"] == "permit2_allowance_required"
        assert await scene.shop.store.payments("charged") == []
        assert await scene.paid() == 0


async def test_one_signature_sent_ten_times_at_once_buys_one_answer(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, httpx.AsyncClient(timeout=60) as http:
        asked = await http.post(scene.url, json={})
        [terms] = PaymentRequired.from_header(asked.headers["payment-required"]).accepts
        signed = await sign_permit2(
            scene.wallet.buyer.signer, terms, now=int(time.time()), nonce=bytes(31) + b"\x01"
        )
        header = PaymentPayload(accepted=terms, payload=signed.to_json()).to_header()
        statuses: list[int] = []

        async def send() -> None:
            headers = {PAYMENT_SIGNATURE: header}
            answer = await http.post(scene.url, json={"charge": 300}, headers=headers)
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(send)
        assert sorted(statuses) == [200] + [402] * 9
        store = scene.shop.store
        await store.database.write(lambda c: c.exec_driver_sql("DELETE FROM seller_nonce").close())
        await send()
        assert statuses[-1] == 402, "a seller that lost its books is told by the chain"
        assert await scene.paid() == 300


async def test_the_facilitator_settles_no_more_than_was_signed_and_only_as_itself(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene:
        shop = scene.shop
        async with scene.wallet.client(timeout=60) as client:
            await client.post(scene.url, json={"charge": 300})
        [intent] = await scene.wallet.ledger.intents()
        payload = PaymentPayload.from_header(intent.header or "")
        facilitator = ChainFacilitator(shop.sender, shop.deployment, lambda: int(time.time()))
        more = payload.accepted.model_copy(update={"amount": str(PRICE + 1)})
        refused = await facilitator.settle(payload, more)
        assert refused.error_reason == "invalid_upto_evm_payload_settlement_exceeds_amount"
        again = await facilitator.settle(payload, payload.accepted)
        assert again.error_reason == "permit2_invalid_nonce"
        other = LocalSigner.random()
        await shop.chain.fund(other.address, 10**18)
        elsewhere = ChainFacilitator(
            TransactionSender(shop.chain.reader, other), shop.deployment, lambda: int(time.time())
        )
        verdict = await elsewhere.verify(payload, payload.accepted)
        assert verdict.invalid_reason == "upto_facilitator_mismatch"
        assert await scene.paid() == 300


class Killed(BaseException):
    """The process ends here: no handler of ordinary errors sees it."""


class Dying(TransactionSender):
    """Ends before or behind the broadcast."""

    after = False

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        if not self.after:
            raise Killed
        await super()._broadcast(raw, purpose)
        raise Killed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("body", [{"charge": 300}, {"chunks": 3, "step": 100}])
async def test_a_seller_killed_while_it_settles_is_paid_once_for_what_was_used(
    tmp_path: Path, body: dict[str, int], after: bool
) -> None:
    async with open_scene(tmp_path) as scene:
        shop = scene.shop
        dying = Dying(shop.chain.reader, shop.sender._signer)
        dying.after = after
        shop.app._facilitator = ChainFacilitator(dying, shop.deployment, lambda: int(time.time()))
        transport = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]
        with pytest.raises(Killed):
            async with scene.wallet.client(transport=transport, base_url=shop.url) as client:
                await client.post("/paid/x", json=body)
        store = SellerStore(shop.store.database)
        facilitator = ChainFacilitator(shop.sender, shop.deployment, lambda: int(time.time()))
        resumer = TransferResumer(store, facilitator, shop.sender._signer, facilitator)  # type: ignore[arg-type]
        await Housekeeper(store, resumer, now=lambda: int(time.time()) + 4_000).tidy()
        [payment] = await store.payments("charged")
        assert payment.charge == await scene.paid() == 300
        await scene.wallet.reconcile()
        assert (await scene.wallet.budget()).charged == 300
