"""A transaction that is not mined is replaced under its nonce, within bounds, and pays once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from contracts.conftest import require_program

from headwater_contracts.calls import Call
from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_contracts.json_rpc import RpcError
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.outbox import Outbox
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.address import Address
from headwater_payments.batch_payload import token_domain
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import sign_exact
from headwater_payments.x402 import PaymentPayload, PaymentRequirements
from headwater_wallet.database import Database
from headwater_wallet.errors import (
    SignerRefusedError,
    TransactionPendingError,
    TransactionReplacedError,
)
from headwater_wallet.fees import FeePolicy, Fees
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import SignedTransaction, TransactionSender
from support.mempool import Mempool
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio
AT_ONCE = FeePolicy(bump_after_s=0.01, most_bumps=3)
NEVER = FeePolicy(bump_after_s=60)
OTHER = Address("0x" + "77" * 20)


@dataclass
class Scene:
    chain: DevelopmentChain
    deployment: Deployment
    pool: Mempool
    signer: LocalSigner
    token: SettlementTokenClient

    def sender(self, fees: FeePolicy, timeout_s: float = 20) -> TransactionSender:
        return TransactionSender(self.pool, self.signer, receipt_timeout_s=timeout_s, fees=fees)


@asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    async with await LocalChain.start() as chain:
        deployment = await deploy_development_contracts(chain)
        signer = LocalSigner.random()
        await chain.fund(signer.address, 10**20)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        await chain.send(token.mint(signer.address, 1_000))
        yield Scene(chain, deployment, Mempool(chain.reader), signer, token)


class Ledger:
    """Whoever writes transactions down before they leave."""

    def __init__(self, pool: Mempool) -> None:
        self.written: list[SignedTransaction] = []
        self._pool = pool

    async def __call__(self, signed: SignedTransaction) -> None:
        assert signed.transaction_hash not in self._pool.hashes, "written before it left"
        self.written.append(signed)


@pytest.mark.parametrize("mined", [0, 1, 2, 3])
async def test_whichever_version_is_mined_it_pays_once_and_both_hashes_are_known(
    mined: int,
) -> None:
    async with open_scene() as scene:
        ledger = Ledger(scene.pool)
        sender = scene.sender(AT_ONCE)
        call = scene.token.transfer(OTHER, 100)
        async with anyio.create_task_group() as group:

            async def pay() -> None:
                receipt = await sender.send(call, before_broadcast=ledger)
                assert receipt.transaction_hash == scene.pool.hashes[mined]

            group.start_soon(pay)
            with anyio.fail_after(20):
                while len(scene.pool.seen) < 4:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
            await anyio.sleep(0.1)
            assert len(scene.pool.seen) == 4, "bounded"
            await scene.pool.mine(mined)
        assert [each.transaction_hash for each in ledger.written] == scene.pool.hashes
        assert len({each.nonce for each in ledger.written}) == 1
        assert scene.pool.fees == sorted(scene.pool.fees)
        assert await scene.token.balance(OTHER) == 100
        assert (sender.sent, await scene.chain.reader.nonce(scene.signer.address, "latest")) == (
            1,
            1,
        )
        # Whoever asks again, by any of them or all, hears the same.
        for versions in (ledger.written, ledger.written[::-1]):
            told = await sender.outcome(*versions)
            assert told is not None
            assert told.transaction_hash == scene.pool.hashes[mined]


async def test_one_that_is_mined_in_time_is_not_replaced() -> None:
    async with open_scene() as scene:
        scene.pool.holding = False
        ledger = Ledger(scene.pool)
        await scene.sender(NEVER).send(scene.token.transfer(OTHER, 1), before_broadcast=ledger)
        assert len(ledger.written) == 1


async def test_fees_stop_at_their_bound_and_the_hashes_are_told() -> None:
    async with open_scene() as scene:
        scene.pool.base_fee_wei = 10**9
        bound = FeePolicy(bump_after_s=0.01, most_bumps=9, most_wei=3 * 10**9)
        with pytest.raises(TransactionPendingError) as pending:
            await scene.sender(bound, timeout_s=0.5).send(scene.token.transfer(OTHER, 1))
        assert scene.pool.fees == [2_001_000_000, 2_501_250_000, 3_000_000_000]
        assert pending.value.details["versions"] == scene.pool.hashes


async def test_after_a_restart_only_one_that_is_priced_out_is_replaced() -> None:
    async with open_scene() as scene:
        ledger = Ledger(scene.pool)
        with pytest.raises(TransactionPendingError):
            await scene.sender(NEVER, timeout_s=0.05).send(
                scene.token.transfer(OTHER, 100), before_broadcast=ledger
            )
        again = scene.sender(NEVER)
        assert await again.outcome(*ledger.written, before_broadcast=ledger) is None
        assert len(ledger.written) == 1, "the next block would take it"
        scene.pool.base_fee_wei = scene.pool.fees[0] + 1
        assert await again.outcome(*ledger.written) is None
        assert len(ledger.written) == 1, "nobody would have known of it"
        assert await again.outcome(*ledger.written, before_broadcast=ledger) is None
        first, second = ledger.written
        assert (first.nonce, len(scene.pool.seen)) == (second.nonce, 2)
        await scene.pool.mine(0)
        receipt = await again.outcome(*ledger.written, before_broadcast=ledger)
        assert receipt is not None
        assert receipt.transaction_hash == first.transaction_hash
        assert await scene.token.balance(OTHER) == 100


async def test_another_transaction_in_their_place_ends_all_versions() -> None:
    async with open_scene() as scene:
        ledger = Ledger(scene.pool)
        with pytest.raises(TransactionPendingError):
            await scene.sender(AT_ONCE, timeout_s=0.2).send(
                scene.token.transfer(OTHER, 100), before_broadcast=ledger
            )
        elsewhere = TransactionSender(scene.chain.reader, scene.signer)
        await elsewhere.send(scene.token.transfer(OTHER, 1))
        with pytest.raises(TransactionReplacedError):
            await scene.sender(NEVER).outcome(*ledger.written, before_broadcast=ledger)
        assert await scene.token.balance(OTHER) == 1


async def signed_transfer(scene: Scene) -> tuple[PaymentPayload, PaymentRequirements, int]:
    """A payment of 700 to `PAYEE`, what it is for, and the chain's time."""
    payer, now = LocalSigner.random(), (await scene.chain.reader.block()).timestamp
    await scene.chain.send(scene.token.mint(payer.address, 5_000))
    terms = PaymentRequirements(
        scheme="exact",
        network=USDC.network,
        amount="700",
        asset=USDC.address,
        pay_to=PAYEE,
        max_timeout_seconds=600,
        extra={"name": "USDC", "version": "2"},
    )
    domain = token_domain(terms.extra, USDC.address, scene.chain.chain_id)
    signed = await sign_exact(payer, terms, domain, now=now, nonce=b"\x07" * 32)
    return PaymentPayload(accepted=terms, payload=signed.to_json()), terms, now


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("mined", [0, 1])
async def test_a_facilitator_settles_once_whichever_version_is_mined(
    tmp_path: Path, mined: int, restarted: bool
) -> None:
    async with open_scene() as scene:
        payload, terms, now = await signed_transfer(scene)
        url = f"sqlite:///{tmp_path / 'books.db'}"
        async with Database(url, SellerStore.metadata) as books:

            def facilitator() -> ChainFacilitator:
                one = FeePolicy(bump_after_s=0.01, most_bumps=1)
                sender = scene.sender(one, timeout_s=0.3)
                return ChainFacilitator(sender, scene.deployment, lambda: now, outbox=Outbox(books))

            first = facilitator()
            pending = await first.settle(payload, terms)
            assert pending.error_reason == "settlement_pending"
            assert len(scene.pool.seen) == 2
            await scene.pool.mine(mined)
            told = await (facilitator() if restarted else first).settle(payload, terms)
            assert (told.success, told.transaction) == (True, scene.pool.hashes[mined])
            assert await scene.token.balance(PAYEE) == 700
            left = await books.read(
                lambda c: c.exec_driver_sql("SELECT count(*) FROM seller_transaction").scalar()
            )
            assert left == 0, "both versions are forgotten together"


class Limited:
    """A signer whose limit is reached by `left` transactions."""

    def __init__(self, inner: LocalSigner, left: int) -> None:
        self._inner, self._left = inner, left

    @property
    def address(self) -> Address:
        return self._inner.address

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise SignerRefusedError("The fees exceed what is allowed.")
        return await self._inner.sign_transaction(transaction)


async def test_a_signer_that_allows_no_higher_fees_does_not_end_what_was_sent() -> None:
    async with open_scene() as scene:
        signer = Limited(scene.signer, 1)
        payload, terms, now = await signed_transfer(scene)
        sender = TransactionSender(scene.pool, signer, receipt_timeout_s=0.2, fees=AT_ONCE)
        facilitator = ChainFacilitator(sender, scene.deployment, lambda: now)
        pending = await facilitator.settle(payload, terms)
        assert (pending.error_reason, pending.transaction) == (
            "settlement_pending",
            scene.pool.hashes[0],
        )
        scene.pool.base_fee_wei = scene.pool.fees[0] + 1
        assert (await facilitator.settle(payload, terms)).error_reason == "settlement_pending"
        assert len(scene.pool.hashes) == 1
        await scene.pool.mine(0)
        assert (await facilitator.settle(payload, terms)).success
        assert await scene.token.balance(PAYEE) == 700


async def test_one_refused_question_for_the_receipt_does_not_end_what_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_scene() as scene:
        payload, terms, now = await signed_transfer(scene)
        facilitator = ChainFacilitator(scene.sender(NEVER), scene.deployment, lambda: now)

        async def limited(_: str) -> None:
            raise RpcError("request rate limited", rpc_code=-32005)

        with monkeypatch.context() as patch:
            patch.setattr(scene.pool, "receipt", limited)
            pending = await facilitator.settle(payload, terms)
        assert (pending.error_reason, pending.transaction) == (
            "settlement_pending",
            scene.pool.hashes[0],
        )
        await scene.pool.mine()
        assert (await facilitator.settle(payload, terms)).success
        assert await scene.token.balance(PAYEE) == 700


async def test_anvils_own_pool_takes_the_replacement() -> None:
    require_program("anvil")
    async with await AnvilChain.start() as chain:
        signer = LocalSigner.random()
        await chain.fund(signer.address, 10**20)
        await chain.reader.rpc.request("evm_setAutomine", False)
        ledger = Ledger(Mempool(chain.reader))
        sender = TransactionSender(
            chain.reader, signer, fees=FeePolicy(bump_after_s=0.2, most_bumps=1)
        )
        async with anyio.create_task_group() as group:

            async def pay() -> None:
                receipt = await sender.send(Call(OTHER, b"", 5, "pay"), before_broadcast=ledger)
                assert receipt.transaction_hash == ledger.written[1].transaction_hash

            group.start_soon(pay)
            with anyio.fail_after(20):
                while len(ledger.written) < 2:  # noqa: ASYNC110
                    await anyio.sleep(0.02)
            await anyio.sleep(0.1)
            await chain.mine()
        assert await chain.reader.balance(OTHER) == 5
        assert await sender.outcome(*ledger.written) is not None


@pytest.mark.parametrize(
    ("offered", "market", "next_"),
    [
        (Fees(100, 10), Fees(50, 5), Fees(125, 13)),
        (Fees(100, 10), Fees(300, 5), Fees(300, 13)),
        (Fees(100, 0), Fees(0, 0), Fees(125, 1)),
        (Fees(450, 10), Fees(0, 0), Fees(500, 13)),
        (Fees(460, 10), Fees(0, 0), None),
    ],
)
def test_a_replacement_offers_more_than_before_and_what_is_usual_within_the_bound(
    offered: Fees, market: Fees, next_: Fees | None
) -> None:
    assert FeePolicy(most_wei=500).next(offered, market) == next_


@pytest.mark.parametrize(
    "wrong", [{"bump_percent": 9}, {"bump_after_s": 0}, {"most_bumps": -1}, {"most_wei": 0}]
)
def test_a_fee_policy_that_no_node_would_follow_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        FeePolicy(**wrong)  # type: ignore[arg-type]
