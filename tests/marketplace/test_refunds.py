"""Refunds: a payer gets back what is not charged, at once, and a seller never less than its due."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.seller.abandoned import LONGEST_CALL_S
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_marketplace.seller.records import UNREAD
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.amount import Amount
from headwater_payments.errors import UnavailableError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.x402 import (
    PAYMENT_SIGNATURE,
    PaymentPayload,
    PaymentRequired,
    SettlementResponse,
)
from headwater_wallet.books import in_books
from headwater_wallet.channel_book import end_withdrawal
from headwater_wallet.errors import PaymentRefusedError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.session_keys import SessionSigner
from headwater_wallet.wallet import open_wallet
from support.chain_shop import ChainScene, open_chain_shop
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio


class Scene(ChainScene):
    async def buy(self, charge: int) -> None:
        async with self.wallet.client(timeout=60) as client:
            assert (await client.post(self.url, json={"charge": charge})).status_code == 200

    async def held(self) -> int:
        return await self.shop.token.balance(self.wallet.address)

    async def refund_unheard_of(self) -> tuple[Any, Any]:
        """Ask for a refund that the facilitator is given and nobody hears of; gives what it got."""
        facilitator = self.shop.app._gate.facilitator
        settle, given = facilitator.settle, []

        async def deaf(payload: Any, terms: Any) -> SettlementResponse:
            given.append((payload, terms))
            raise UnavailableError("no answer")

        facilitator.settle = deaf  # type: ignore[method-assign]
        with pytest.raises(UnavailableError, match="not learned yet"):
            await self.wallet.refund("POST", self.url)
        facilitator.settle = settle  # type: ignore[method-assign]
        [signed] = given
        return signed

    async def learn_balance(self, balance: int | None = None) -> None:
        """What a wallet that was not answered does before it uses a channel again."""
        [channel] = await self.shop.store.channels()
        if balance is None:
            balance = (await self.shop.app._gate.chain.channel(channel.identifier)).balance
        told, identifier = balance, to_hex(channel.identifier)
        learn = in_books(lambda books: end_withdrawal(books, identifier, told))
        await self.wallet.ledger.database.write(learn)


@asynccontextmanager
async def open_scene(directory: Path, *, session: bool = False) -> AsyncIterator[Scene]:
    async with open_chain_shop(directory, schemes=("batch-settlement",)) as shop:
        payer = LocalSigner.random()
        signer = SessionSigner(payer, LocalSigner.random()) if session else payer
        await shop.fund(signer.address, 100 * PRICE)
        policy = simple_policy(Amount(50 * PRICE, USDC))
        async with open_wallet(signer, policy, database=directory / "w.db") as wallet:
            yield Scene(shop, wallet)


async def test_a_part_and_then_the_rest_comes_back_and_the_seller_has_its_due(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(300)
        assert (await scene.wallet.refund("POST", scene.url, Amount(700, USDC))).atomic == 700
        assert await scene.shop.token.balance(PAYEE) == 300
        rest = await scene.wallet.refund("POST", scene.url)
        assert await scene.held() == 100 * PRICE - 300
        assert rest.atomic == 10 * PRICE - 300 - 700
        [channel] = await scene.shop.store.channels()
        state = channel.state
        assert (state.balance, state.claimed, state.charged, state.reserved) == (300, 300, 300, 0)
        assert channel.refund_nonce == 2
        await scene.buy(200)
        assert (await scene.wallet.budget()).charged == 500
        assert await scene.wallet.reconcile() == []


async def test_a_session_keys_channel_is_refunded_to_the_payer(tmp_path: Path) -> None:
    async with open_scene(tmp_path, session=True) as scene:
        await scene.buy(300)
        await scene.wallet.refund("POST", scene.url)
        assert await scene.held() == 100 * PRICE - 300


async def test_what_is_charged_does_not_come_back_twice(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(300)
        await scene.wallet.refund("POST", scene.url)
        with pytest.raises(PaymentRefusedError) as refused:
            await scene.wallet.refund("POST", scene.url)
        assert str(refused.value.details["reason"]).endswith("refund_no_balance")
        assert await scene.held() == 100 * PRICE - 300


async def refund_payload(scene: Scene, **changed: Any) -> str:
    """The refund that the wallet would ask for, as a header."""
    async with httpx.AsyncClient() as http:
        asked = await http.post(scene.url, json={})
    [terms] = PaymentRequired.from_header(asked.headers["payment-required"]).accepts
    [intent, *_] = await scene.wallet.ledger.intents()
    paid = PaymentPayload.from_header(intent.header or "").payload
    body = {"type": "refund", "channelConfig": paid["channelConfig"], "voucher": paid["voucher"]}
    return PaymentPayload(accepted=terms, payload={**body, **changed}).to_header()


async def test_a_voucher_for_more_than_is_charged_is_corrected(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, httpx.AsyncClient(timeout=60) as http:
        await scene.buy(300)
        headers = {PAYMENT_SIGNATURE: await refund_payload(scene)}
        answer = await http.post(scene.url, json={}, headers=headers)
        assert answer.status_code == 402
        assert str(answer.json()["error"]).endswith("cumulative_amount_mismatch")
        state = answer.json()["accepts"][0]["extra"]["channelState"]
        assert state["chargedCumulativeAmount"] == "300"
        assert await scene.shop.token.balance(PAYEE) == 0


async def test_only_the_payer_asks_for_its_escrow(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, httpx.AsyncClient(timeout=60) as http:
        await scene.buy(PRICE)
        thief = LocalSigner.random()
        [channel] = await scene.shop.store.channels()
        from headwater_payments.channels import voucher_to_sign

        forged = await thief.sign_typed_data(voucher_to_sign(channel.identifier, PRICE, 84532))
        voucher = {
            "channelId": to_hex(channel.identifier),
            "maxClaimableAmount": str(PRICE),
            "signature": to_hex(forged),
        }
        for changed in ({"voucher": voucher}, {"amount": "0"}, {"amount": "x"}, {"voucher": 7}):
            headers = {PAYMENT_SIGNATURE: await refund_payload(scene, **changed)}
            answer = await http.post(scene.url, json={}, headers=headers)
            assert answer.status_code in (400, 402)
        assert (await scene.shop.store.channels())[0].state.balance == channel.state.balance


async def test_nothing_is_refunded_under_a_request_and_nothing_sold_under_a_refund(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene, httpx.AsyncClient(timeout=60) as http:
        await scene.buy(PRICE)
        facilitator = scene.shop.app._gate.facilitator
        under_way, go_on = anyio.Event(), anyio.Event()
        settle = facilitator.settle

        async def slow(payload: Any, terms: Any) -> SettlementResponse:
            under_way.set()
            await go_on.wait()
            return await settle(payload, terms)

        facilitator.settle = slow  # type: ignore[method-assign]
        header = await refund_payload(scene)
        statuses: list[int] = []

        async def ask() -> None:
            answer = await http.post(scene.url, json={}, headers={PAYMENT_SIGNATURE: header})
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await under_way.wait()
            again = await http.post(scene.url, json={}, headers={PAYMENT_SIGNATURE: header})
            assert str(again.json()["error"]).endswith("channel_busy")
            with pytest.raises(PaymentRefusedError):
                await scene.buy(100)
            go_on.set()
        assert statuses == [200]
        [channel] = await scene.shop.store.channels()
        assert (channel.state.balance, channel.state.reserved) == (PRICE, 0)
        assert await scene.shop.token.balance(PAYEE) == PRICE


@pytest.mark.parametrize("mined", [True, False])
async def test_a_seller_killed_under_a_refund_sells_on_what_the_chain_shows(
    tmp_path: Path, mined: bool
) -> None:
    class Killed(BaseException):
        pass

    async with open_scene(tmp_path) as scene:
        await scene.buy(PRICE)
        facilitator = scene.shop.app._gate.facilitator
        settle = facilitator.settle

        async def dies(payload: Any, terms: Any) -> SettlementResponse:
            if mined:
                await settle(payload, terms)
            raise Killed

        facilitator.settle = dies  # type: ignore[method-assign]
        header = {PAYMENT_SIGNATURE: await refund_payload(scene)}
        inner = httpx.ASGITransport(scene.shop.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=inner, base_url=scene.shop.url) as http:
            with pytest.raises(Killed):
                await http.post("/paid/x", json={}, headers=header)
        facilitator.settle = settle  # type: ignore[method-assign]
        store = SellerStore(scene.shop.store.database)
        assert await store.release_abandoned(2**40) == []
        [channel] = await store.channels()
        assert channel.state.reserved == channel.state.balance - channel.state.charged
        await scene.learn_balance()
        if not mined:
            # It may be made yet, so nothing is sold before it is; the payer asks once more.
            await scene.wallet.refund("POST", scene.url)
        await scene.buy(100)
        [channel] = await store.channels()
        assert (channel.state.charged, channel.state.claimed) == (PRICE + 100, PRICE)
        assert channel.state.reserved == 0
        worker = SettlementWorker(store, scene.shop.sender, scene.shop.deployment)
        await worker.claim_all()
        assert await scene.shop.token.balance(PAYEE) == PRICE + 100


async def test_nothing_is_sold_on_escrow_until_a_refund_in_doubt_can_no_more_be_made(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(PRICE)
        facilitator = scene.shop.app._gate.facilitator
        signed = await scene.refund_unheard_of()
        store = scene.shop.store
        [held] = await store.payments("reserved")
        much_later = held.created_at + LONGEST_CALL_S + 1
        assert await Housekeeper(store, now=lambda: much_later).tidy() == []
        # Whatever the payer signs, the escrow is held, for as long as the refund may be made.
        await scene.learn_balance()
        with pytest.raises(PaymentRefusedError):
            await scene.buy(100)
        late = await facilitator.settle(*signed)
        assert late.success
        await scene.learn_balance()
        await scene.buy(100)
        [channel] = await store.channels()
        chain = await facilitator.channel(channel.identifier)  # type: ignore[attr-defined]
        assert channel.state.reserved == 0
        assert channel.state.charged == PRICE + 100 <= chain.balance == channel.state.balance


async def test_a_refund_in_doubt_may_be_asked_for_again_and_is_made_once(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(PRICE)
        facilitator = scene.shop.app._gate.facilitator
        signed = await scene.refund_unheard_of()
        await scene.learn_balance()
        assert (await scene.wallet.refund("POST", scene.url)).atomic == 9 * PRICE
        assert not (await facilitator.settle(*signed)).success
        assert await scene.held() == 99 * PRICE
        [channel] = await scene.shop.store.channels()
        assert (channel.state.reserved, channel.state.balance) == (0, PRICE)


async def test_a_node_that_lags_does_not_bring_returned_escrow_back_into_the_books(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(PRICE)
        facilitator = scene.shop.app._gate.facilitator
        [channel] = await scene.shop.store.channels()
        before = await facilitator.channel(channel.identifier)  # type: ignore[attr-defined]
        settle, settled = facilitator.settle, []

        async def settling(payload: Any, terms: Any) -> SettlementResponse:
            settled.append(await settle(payload, terms))
            return settled[-1]

        async def lagging(identifier: bytes) -> Any:
            return before if settled else await ChainFacilitator.channel(facilitator, identifier)

        facilitator.settle = settling  # type: ignore[method-assign]
        facilitator.channel = lagging  # type: ignore[method-assign, attr-defined]
        assert (await scene.wallet.refund("POST", scene.url)).atomic == 9 * PRICE
        [channel] = await scene.shop.store.channels()
        assert channel.synced_at == UNREAD
        # A payer of bad will signs on what has left; the seller doesn't take a stale word for it.
        await scene.learn_balance(before.balance)
        async with scene.wallet.client(timeout=60) as client:
            answer = await client.post(scene.url, json={"charge": PRICE})
        assert (answer.status_code, answer.json()["code"]) == (503, "channel_unread")
        del facilitator.channel  # type: ignore[attr-defined]
        await scene.learn_balance()
        await scene.buy(100)
        [channel] = await scene.shop.store.channels()
        chain = await facilitator.channel(channel.identifier)  # type: ignore[attr-defined]
        assert channel.state.charged == PRICE + 100 <= chain.balance == channel.state.balance


async def test_a_refund_that_is_sent_and_not_heard_of_is_pending(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.buy(PRICE)
        reader = scene.shop.sender.reader

        async def deaf(transaction: str) -> None:
            raise UnavailableError("no receipts today")

        reader.receipt = deaf  # type: ignore[method-assign, assignment]
        try:
            with pytest.raises(UnavailableError, match="not learned yet"):
                await scene.wallet.refund("POST", scene.url)
        finally:
            del reader.receipt  # type: ignore[method-assign]
        assert [each.scheme for each in await scene.shop.store.payments("reserved")] == ["refund"]
