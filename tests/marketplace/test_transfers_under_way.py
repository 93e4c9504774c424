"""Single transfers whose outcome was not heard: found again after a crash, and made once."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from headwater_contracts.clients.settlement_token import TransferAuthorization
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.outbox import Outbox
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_marketplace.seller.resume import TransferResumer
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.amount import Amount
from headwater_payments.batch_payload import token_domain
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import UnavailableError
from headwater_payments.exact import parse_exact_payload
from headwater_payments.metering import parse_receipt
from headwater_payments.x402 import PAYMENT_SIGNATURE, PaymentPayload, SettlementResponse
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import SignedTransaction, TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PAYEE, PRICE, USDC, open_shop

pytestmark = pytest.mark.anyio


def now() -> int:
    return int(time.time())


class Slow(TransactionSender):
    """Takes transactions and mines none: they never leave, and no receipt comes."""

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        return "0x" + "00" * 32

    async def outcome(self, *versions: SignedTransaction, **options: Any) -> None:
        return None


class Killed(BaseException):
    """The process ends here: no handler of ordinary errors sees it."""


class Dying(TransactionSender):
    """Ends before or after the broadcast."""

    moment = ""

    async def _broadcast(self, raw: bytes, purpose: str) -> str:
        if self.moment == "before the broadcast":
            raise Killed
        found = await super()._broadcast(raw, purpose)
        if self.moment == "after the broadcast":
            raise Killed
        return found


def facilitator_of(shop: ChainShop, sender: TransactionSender | None = None) -> ChainFacilitator:
    outbox = Outbox(shop.store.database)
    return ChainFacilitator(sender or shop.sender, shop.deployment, now, outbox=outbox)


def use(shop: ChainShop, facilitator: Any) -> None:
    shop.app._facilitator = facilitator
    shop.app._gate = replace(shop.app._gate, facilitator=facilitator)


async def restarted(shop: ChainShop, facilitator: Any = None, **options: Any) -> Housekeeper:
    """What a new process runs over the same database and chain."""
    facilitator = facilitator or facilitator_of(shop)
    store = SellerStore(shop.store.database)
    shop.app._store = store
    shop.app._gate = replace(shop.app._gate, store=store)
    use(shop, facilitator)
    lookup = options.get("lookup", facilitator)
    resumer = TransferResumer(store, facilitator, shop.app._signer, lookup)
    return Housekeeper(store, resumer, now=lambda: now() + 4_000)


async def buyer_of(shop: ChainShop) -> tuple[LocalSigner, Any]:
    signer = LocalSigner.random()
    await shop.fund(signer.address, 5 * PRICE)
    return signer, simple_policy(Amount(5 * PRICE, USDC))


async def paid_twice(shop: ChainShop, wallet: Wallet) -> httpx.Response:
    """Send the very header of the wallet's one payment again."""
    [intent] = await wallet.ledger.intents()
    headers = {PAYMENT_SIGNATURE: intent.header or ""}
    async with httpx.AsyncClient() as client:
        return await client.post(shop.url + "/paid/x", json={}, headers=headers)


async def test_a_pending_transfer_is_charged_after_a_restart_and_its_answer_given(
    tmp_path: Path,
) -> None:
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        slow = Slow(shop.chain.reader, shop.sender._signer, receipt_timeout_s=0)
        use(shop, facilitator_of(shop, slow))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            async with wallet.client(timeout=60) as client:
                answer = await client.post(shop.url + "/paid/x", json={})
            assert answer.status_code == 503
            assert (await paid_twice(shop, wallet)).status_code == 409
            [under_way] = await shop.store.transfers()
            assert under_way.transaction is not None

            housekeeper = await restarted(shop)
            assert await housekeeper.tidy() == []
            assert await shop.token.balance(PAYEE) == PRICE
            assert await shop.store.transfers() == []
            assert await wallet.reconcile() == []
            [intent] = await wallet.ledger.intents()
            assert (intent.state, intent.charge) == ("settled", PRICE)
            assert intent.receipt is not None

            again = await paid_twice(shop, wallet)
            assert (again.status_code, again.json()) == (200, {"ok": True})
            settled = SettlementResponse.from_header(again.headers["payment-response"])
            assert settled.transaction == under_way.transaction
            assert await shop.token.balance(PAYEE) == PRICE
            assert await housekeeper.tidy() == []
            assert await shop.token.balance(signer.address) == 4 * PRICE


@pytest.mark.parametrize("moment", ["before the broadcast", "after the broadcast"])
@pytest.mark.parametrize("lookup", [True, False])
async def test_a_seller_killed_while_it_settles_is_paid_once_and_owes_one_answer(
    tmp_path: Path, moment: str, lookup: bool
) -> None:
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        dying = Dying(shop.chain.reader, shop.sender._signer)
        dying.moment = moment
        use(shop, facilitator_of(shop, dying))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            transport = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]
            with pytest.raises(Killed):
                async with wallet.client(transport=transport, base_url=shop.url) as client:
                    await client.post("/paid/x", json={})
            options = {} if lookup else {"lookup": None}
            housekeeper = await restarted(shop, **options)
            await housekeeper.tidy()
            assert housekeeper.statistics.open_transfers == 0
            [payment] = await shop.store.payments("charged")
            assert payment.charge == PRICE
            receipt, _ = parse_receipt(json.loads(payment.receipt or ""))
            assert receipt.charge == PRICE
            assert await shop.token.balance(PAYEE) == PRICE
            [intent] = await wallet.ledger.intents()
            payload = PaymentPayload.from_header(intent.header or "")
            # Given again, it is told at most once more what became of it, and nothing is made.
            facilitator = facilitator_of(shop)
            await facilitator.settle(payload, payload.accepted)
            refused = await facilitator.settle(payload, payload.accepted)
            assert refused.error_reason == "invalid_exact_evm_nonce_already_used"
            assert await shop.token.balance(PAYEE) == PRICE
            assert await wallet.reconcile() == []
            assert (await wallet.budget()).charged == PRICE
            assert await shop.token.balance(signer.address) == 4 * PRICE


async def test_a_transfer_that_failed_is_released_and_its_nonce_stays_taken(
    tmp_path: Path,
) -> None:
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        slow = Slow(shop.chain.reader, shop.sender._signer, receipt_timeout_s=0)
        use(shop, facilitator_of(shop, slow))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            async with wallet.client(timeout=60) as client:
                await client.post(shop.url + "/paid/x", json={})
            # The payer moves its money before the transaction is mined, which then fails.
            await shop.chain.fund(signer.address, 10**18)
            own = TransactionSender(shop.chain.reader, signer)
            await own.send(shop.token.transfer(shop.chain.faucet, 5 * PRICE))
            housekeeper = await restarted(shop)
            await housekeeper.tidy()
            assert await shop.store.payments("charged") == []
            [payment] = await shop.store.payments("released")
            assert payment.charge == 0
            assert (await paid_twice(shop, wallet)).status_code == 402
            assert await shop.token.balance(PAYEE) == 0


class Silent:
    """A facilitator that takes a payment and never answers."""

    def __init__(self, inner: ChainFacilitator) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def settle(self, payload: Any, terms: Any) -> SettlementResponse:
        await self._inner.settle(payload, terms)
        raise UnavailableError("The facilitator does not answer.")


async def test_a_facilitator_that_settles_and_does_not_answer_is_not_taken_for_a_refusal(
    tmp_path: Path,
) -> None:
    """The money has moved: the chain says so, and the same authorization buys nothing else."""
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        use(shop, Silent(facilitator_of(shop)))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            async with wallet.client(timeout=60) as client:
                answer = await client.post(shop.url + "/paid/x", json={})
                assert answer.status_code == 500
            assert len(await shop.store.payments("reserved")) == 1
            housekeeper = await restarted(shop)
            await housekeeper.tidy()
            [payment] = await shop.store.payments("charged")
            assert payment.charge == PRICE
            assert (await paid_twice(shop, wallet)).json() == {"ok": True}
            assert await shop.token.balance(PAYEE) == PRICE


class Mistaken(Silent):
    """A facilitator that settles, and then says that it failed, for a `reason`."""

    reason: str | None = None

    async def settle(self, payload: Any, terms: Any) -> SettlementResponse:
        await self._inner.settle(payload, terms)
        return SettlementResponse(success=False, error_reason=self.reason, network=terms.network)


@pytest.mark.parametrize("reason", ["unexpected_settle_error", None])
async def test_a_failure_that_does_not_say_whether_money_moved_releases_nothing(
    tmp_path: Path, reason: str | None
) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        mistaken = Mistaken(shop.chain)  # type: ignore[arg-type]
        mistaken.reason = reason
        use(shop, mistaken)  # type: ignore[arg-type]
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            answer = await client.post("/paid/x", json={})
        assert answer.status_code == 503
        assert answer.json()["details"]["reason"] == "settlement_pending"
        [under_way] = await shop.store.transfers()
        assert under_way.transaction is None
        resumer = TransferResumer(shop.store, shop.chain, shop.signer, shop.chain)
        assert await resumer.resume(lambda _: True) == []
        [payment] = await shop.store.payments("charged")
        assert (payment.charge, shop.chain.paid[PAYEE]) == (PRICE, PRICE)


async def test_a_nonce_that_was_spent_otherwise_is_no_payment(tmp_path: Path) -> None:
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        slow = Slow(shop.chain.reader, shop.sender._signer, receipt_timeout_s=0)
        facilitator = facilitator_of(shop, slow)
        use(shop, facilitator)
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            async with wallet.client(timeout=60) as client:
                await client.post(shop.url + "/paid/x", json={})
            [under_way] = await shop.store.transfers()
            payload, terms = under_way.payload, under_way.terms
            assert await facilitator.transfer_made(payload, terms, 0) is None
            signed = parse_exact_payload(payload.payload).authorization
            elsewhere = replace(signed, to=shop.chain.faucet)
            domain = token_domain(terms.extra, shop.token.address, shop.deployment.chain_id)
            signature = await signer.sign_typed_data(TypedData(domain, elsewhere))
            await shop.chain.send(
                shop.token.transfer_with_authorization(
                    TransferAuthorization(
                        elsewhere.sender,
                        elsewhere.to,
                        elsewhere.value,
                        elsewhere.valid_after,
                        elsewhere.valid_before,
                        elsewhere.nonce,
                    ),
                    signature,
                )
            )
            assert await facilitator.transfer_made(payload, terms, 0) is None
            housekeeper = await restarted(shop)
            await housekeeper.tidy()
            assert await shop.store.payments("charged") == []
            assert await shop.token.balance(PAYEE) == 0


@pytest.mark.parametrize("mined", [True, False])
async def test_a_transfer_that_may_still_be_mined_is_not_given_up(
    tmp_path: Path, mined: bool
) -> None:
    """The seller ends behind the broadcast of a stream's transfer, which waits to be mined."""
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        mempool: list[Any] = []
        settle = shop.chain.settle

        async def dies(payload: Any, terms: Any) -> None:
            mempool.append((payload, terms))
            await anyio.sleep_forever()

        shop.chain.settle = dies  # type: ignore[method-assign, assignment]
        wallet = await shop.wallet()
        async with shop.client(wallet) as client:
            with anyio.move_on_after(0.5):
                await client.post("/paid/x", json={"chunks": 3})
        shop.chain.settle = settle  # type: ignore[method-assign]
        [under_way] = await shop.store.transfers()
        resumer = TransferResumer(shop.store, shop.chain, shop.signer, shop.chain)
        assert await resumer.resume(lambda _: True) == [under_way.payment_id]
        [payload, terms] = mempool[0]
        if mined:
            await settle(payload, terms)
        else:
            shop.chain.time = parse_exact_payload(payload.payload).authorization.valid_before
        assert await resumer.resume(lambda _: True) == []
        charged = [payment.charge for payment in await shop.store.payments("charged")]
        assert charged == ([PRICE] if mined else [])
        assert shop.chain.paid.get(PAYEE, 0) == sum(charged)
        assert len(await shop.store.journal()) == len(charged)


async def test_without_a_lookup_a_refusal_does_not_give_a_transfer_up(tmp_path: Path) -> None:
    async with open_shop(tmp_path, schemes=("exact",)) as shop:
        wallet = await shop.wallet()
        settle = shop.chain.settle

        async def dies(payload: Any, terms: Any) -> None:
            await anyio.sleep_forever()

        shop.chain.settle = dies  # type: ignore[method-assign, assignment]
        async with shop.client(wallet) as client:
            with anyio.move_on_after(0.5):
                await client.post("/paid/x", json={"chunks": 3})
        shop.chain.settle = settle  # type: ignore[method-assign]
        resumer = TransferResumer(shop.store, shop.chain, shop.signer)
        assert len(await resumer.resume(lambda _: True)) == 1
        assert shop.chain.paid == {}


@pytest.mark.parametrize("moment", ["before the broadcast", "after the broadcast"])
@pytest.mark.parametrize("outbox", [True, False])
async def test_what_the_outbox_tells_of_a_stream_that_a_killed_seller_was_paid_for(
    tmp_path: Path, moment: str, outbox: bool
) -> None:
    """On chain: what never left is released once that is certain, what left is charged."""
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)
        left = moment == "after the broadcast"
        dying = Dying(shop.chain.reader, shop.sender._signer)
        dying.moment = moment
        kept = Outbox(shop.store.database) if outbox else None
        use(shop, ChainFacilitator(dying, shop.deployment, now, outbox=kept))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            transport = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]
            with pytest.raises(Killed):
                async with wallet.client(transport=transport, base_url=shop.url) as client:
                    await client.post("/paid/x", json={"chunks": 3})
        facilitator = ChainFacilitator(shop.sender, shop.deployment, now, outbox=kept)
        housekeeper = await restarted(shop, facilitator)
        await housekeeper.tidy()
        assert housekeeper.statistics.open_transfers == (0 if left else 1)
        await shop.chain.advance_time(10_000)
        await housekeeper.tidy()
        assert housekeeper.statistics.open_transfers == 0
        charged = [payment.charge for payment in await shop.store.payments("charged")]
        assert charged == ([PRICE] if left else [])
        assert await shop.token.balance(PAYEE) == sum(charged)


@pytest.mark.parametrize("another", [True, False])
async def test_a_transfer_that_was_never_sent_is_given_up_at_once(
    tmp_path: Path, another: bool
) -> None:
    """The outbox proves it only of the facilitator that settles."""
    async with open_chain_shop(tmp_path, schemes=("exact",)) as shop:
        signer, policy = await buyer_of(shop)

        class Dead(ChainFacilitator):
            async def settle(self, *_: Any) -> SettlementResponse:
                raise Killed

        outbox = Outbox(shop.store.database)
        use(shop, Dead(shop.sender, shop.deployment, now, outbox=outbox))
        async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
            transport = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]
            with pytest.raises(Killed):
                async with wallet.client(transport=transport, base_url=shop.url) as client:
                    await client.post("/paid/x", json={"chunks": 3})
        facilitator = facilitator_of(shop)
        lookup = facilitator_of(shop) if another else facilitator
        housekeeper = await restarted(shop, facilitator, lookup=lookup)
        await housekeeper.tidy()
        assert housekeeper.statistics.open_transfers == (1 if another else 0)
        assert len(await shop.store.payments("released")) == (0 if another else 1)
