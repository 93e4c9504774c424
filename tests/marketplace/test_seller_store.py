"""The seller's books on SQLite and PostgreSQL, with several workers over one database."""

from dataclasses import replace

import anyio
import pytest

from headwater_marketplace.facilitator import ChainChannel
from headwater_marketplace.seller.records import Answer, NewRequest, PaymentConflictError
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.batch_payload import SignedVoucher
from headwater_payments.channels import (
    ChannelError,
    ChannelFundsError,
    ChargeAboveCapError,
    VoucherReplayedError,
)
from headwater_payments.ledger import balances, check_journal
from headwater_wallet.database import Database
from headwater_wallet.tables import MAX_STORED
from support.paying import PAYER, channel_terms
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio

TERMS = channel_terms()


def request(number: int, amount: int = 100) -> NewRequest:
    return NewRequest(f"p{number}", "f", PAYER, PAYEE, "/x", USDC.address, amount, number)


def voucher(maximum: int) -> SignedVoucher:
    return SignedVoucher(TERMS.identifier, maximum, b"\x01" * 65)


async def opened(database: Database, balance: int = 100_000) -> SellerStore:
    store = SellerStore(database)
    await store.sync_channel(TERMS.identifier, TERMS.config, ChainChannel(balance, 0), 1)
    return store


async def test_a_request_is_reserved_charged_and_answered_once(database_url: str) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        store = await opened(database)
        await store.reserve(request(1), voucher(100), concurrent=True)
        with pytest.raises(PaymentConflictError):
            await store.reserve(request(1), voucher(200), concurrent=True)
        with pytest.raises(VoucherReplayedError):
            await store.reserve(request(2), voucher(100), concurrent=True)
        with pytest.raises(ChargeAboveCapError):
            await store.charge("p1", 101, USDC.address)
        assert await store.charge("p1", 40, USDC.address) == 40
        assert await store.charge("p1", 90, USDC.address) == 40
        await store.release("p1")
        await store.keep("p1", Answer("{}", "r", response=b"body"))
        payment = await store.payment("p1")
        assert payment is not None
        assert (payment.state, payment.charge, payment.response) == ("charged", 40, b"body")
        [record] = await store.channels()
        assert (record.state.charged, record.state.reserved) == (40, 0)


@pytest.mark.parametrize("maximum", [100_001, 2**63, 2**127])
async def test_a_voucher_beyond_the_escrow_is_refused(database_url: str, maximum: int) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        store = await opened(database)
        with pytest.raises(ChannelFundsError):
            await store.reserve(request(1), voucher(maximum), concurrent=True)
        assert await store.payment("p1") is None


async def test_a_nonce_buys_once_and_is_free_again_only_when_released(database_url: str) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        store = SellerStore(database)
        nonce = b"\x07" * 32
        await store.reserve_exact(request(1), USDC.address, PAYER, nonce)
        with pytest.raises(VoucherReplayedError):
            await store.reserve_exact(request(2), USDC.address.lower(), PAYER.lower(), nonce)
        await store.release("p1")
        await store.reserve_exact(request(2), USDC.address, PAYER, nonce)
        assert await store.release_abandoned(3) == ["p2"]
        # Its request may have settled before the process stopped: the nonce stays taken.
        with pytest.raises(VoucherReplayedError):
            await store.reserve_exact(request(3), USDC.address, PAYER, nonce)


async def test_a_late_look_at_the_chain_does_not_undo_a_claim(database_url: str) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        store = await opened(database)
        await store.reserve(request(1), voucher(100), concurrent=True)
        await store.charge("p1", 100, USDC.address)
        await store.mark_claimed(TERMS.identifier, 100)
        await store.mark_claimed(TERMS.identifier, 60)
        seen = ChainChannel(balance=100_000, claimed=0)
        record = await store.sync_channel(TERMS.identifier, TERMS.config, seen, 2)
        assert record.state.claimed == 100


async def test_a_claim_that_the_books_do_not_know_stands_without_a_voucher(
    database_url: str,
) -> None:
    """Books restored from a copy: what the chain has paid out is charged, and never offered again
    with the signature of a smaller voucher."""
    async with Database(database_url, SellerStore.metadata) as database:
        store = await opened(database)
        await store.reserve(request(1), voucher(100), concurrent=True)
        await store.charge("p1", 100, USDC.address)
        seen = ChainChannel(balance=100_000, claimed=700)
        record = await store.sync_channel(TERMS.identifier, TERMS.config, seen, 2)
        assert (record.state.charged, record.state.signed, record.signature) == (700, 700, None)


async def test_a_balance_beyond_what_the_books_hold_is_recorded_as_far_as_they_do(
    database_url: str,
) -> None:
    async with Database(database_url, SellerStore.metadata) as database:
        store = await opened(database)
        for _ in range(2):
            seen = ChainChannel(balance=2**100, claimed=0)
            record = await store.sync_channel(TERMS.identifier, TERMS.config, seen, 2)
            assert record.state.balance == MAX_STORED
        await store.reserve(request(1), voucher(100), concurrent=True)
        await store.charge("p1", 100, USDC.address)
        with pytest.raises(ChannelError):
            await store.reserve(request(2), voucher(MAX_STORED + 1), concurrent=True)
        all_gone = ChainChannel(balance=2**100, claimed=2**99)
        record = await store.sync_channel(TERMS.identifier, TERMS.config, all_gone, 3)
        assert record.state.charged == record.state.balance


async def test_workers_over_one_database_keep_one_journal(database_url: str) -> None:
    async with (
        Database(database_url, SellerStore.metadata) as one,
        Database(database_url, SellerStore.metadata) as two,
        Database(database_url, SellerStore.metadata) as three,
    ):
        stores = [await opened(database) for database in (one, two, three)]

        async def serve(number: int) -> None:
            store = stores[number % 3]
            wanted = replace(request(number), route=f"/{number}")
            await store.reserve(wanted, voucher(10_000 + number), concurrent=True)
            await stores[(number + 1) % 3].charge(f"p{number}", number, USDC.address)

        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(serve, number)
        entries = await stores[0].journal()
        check_journal(entries)
        assert len(entries) == 59
        assert balances(entries)[f"receivable:{PAYEE}", USDC.address] == sum(range(60))
        [record] = await stores[1].channels()
        assert (record.state.charged, record.state.reserved) == (sum(range(60)), 0)
