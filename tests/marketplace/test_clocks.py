"""Clocks of buyer, seller and chain that are apart: paid all the same, or told which is wrong."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments.test_x402_wire import TERMS

from headwater_payments.amount import Amount
from headwater_payments.exact import MAX_VALIDITY_S
from headwater_payments.permit2 import PERMIT2
from headwater_wallet.clocks import seller_ahead
from headwater_wallet.errors import ClockSkewError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.terms import Terms
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PRICE, USDC

pytestmark = pytest.mark.anyio
SCHEMES = ("batch-settlement", "exact", "upto")


@asynccontextmanager
async def wallet_of(shop: ChainShop, directory: Path, skew_s: int) -> AsyncIterator[Wallet]:
    """A wallet whose clock is `skew_s` ahead of everybody's."""
    signer = LocalSigner.random()
    await shop.fund(signer.address, 50 * PRICE)
    await shop.chain.fund(signer.address, 10**18)
    sender = TransactionSender(shop.chain.reader, signer)
    await sender.send(shop.token.approve(PERMIT2, 2**256 - 1))
    async with open_wallet(
        signer,
        simple_policy(Amount(20 * PRICE, USDC)),
        database=directory / f"{signer.address}.db",
        now=lambda: int(time.time()) + skew_s,
    ) as wallet:
        yield wallet


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_buyer_whose_clock_is_wrong_pays_a_seller_that_tells_the_time(
    tmp_path: Path, scheme: str
) -> None:
    async with open_chain_shop(tmp_path, schemes=(scheme,)) as shop:
        for skew in (-1_800, 1_800):
            async with wallet_of(shop, tmp_path, skew) as wallet:
                async with wallet.client(timeout=60) as client:
                    for _ in range(2):
                        answer = await client.post(shop.url + "/paid/x", json={"charge": PRICE})
                        assert answer.status_code == 200
                assert (await wallet.budget()).charged == 2 * PRICE


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_where_no_time_is_told_a_late_clock_is_named_and_an_early_one_pays(
    tmp_path: Path, scheme: str
) -> None:
    async with open_chain_shop(tmp_path, schemes=(scheme,)) as shop:
        inner = httpx.ASGITransport(shop.app)  # type: ignore[arg-type]
        async with wallet_of(shop, tmp_path, -1_800) as wallet:
            async with wallet.client(transport=inner, base_url=shop.url) as client:
                with pytest.raises(ClockSkewError, match="does not tell its time") as refused:
                    await client.post("/paid/x", json={})
            assert refused.value.details["reason"].endswith(("_valid_before", "_expired"))
            assert (await wallet.budget()).charged == 0
            assert [i.state for i in await wallet.ledger.intents()] == ["released"]
        async with (
            wallet_of(shop, tmp_path, 1_800) as wallet,
            wallet.client(transport=inner, base_url=shop.url) as client,
        ):
            assert (await client.post("/paid/x", json={})).status_code == 200
        assert len(await shop.store.payments("charged")) == 1


async def test_a_clock_too_far_off_is_named_with_the_difference(tmp_path: Path) -> None:
    async with (
        open_chain_shop(tmp_path, schemes=("exact",)) as shop,
        wallet_of(shop, tmp_path, -2 * MAX_VALIDITY_S) as wallet,
        wallet.client(timeout=60) as client,
    ):
        with pytest.raises(ClockSkewError, match="s ahead of this one") as refused:
            await client.post(shop.url + "/paid/x", json={})
        assert abs(refused.value.details["seller_ahead_s"] - 2 * MAX_VALIDITY_S) <= 2
        assert await shop.store.payments("charged") == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("skew", [1_800, -1_800])
async def test_a_seller_whose_clock_is_wrong_is_paid_where_it_tells_it(
    tmp_path: Path, scheme: str, skew: int
) -> None:
    def late() -> int:
        return int(time.time()) + skew

    async with open_chain_shop(tmp_path, now=late, schemes=(scheme,)) as shop:

        async def dated(scope: Any, receive: Any, send: Any) -> None:
            async def with_date(message: Any) -> None:
                if message["type"] == "http.response.start":
                    date = (b"date", formatdate(late(), usegmt=True).encode())
                    message = {**message, "headers": [*message["headers"], date]}
                await send(message)

            await shop.app(scope, receive, with_date)

        inner = httpx.ASGITransport(dated)
        async with (
            wallet_of(shop, tmp_path, 0) as wallet,
            wallet.client(transport=inner, base_url=shop.url) as client,
        ):
            assert (await client.post("/paid/x", json={})).status_code == 200
            assert (await wallet.budget()).charged == PRICE


@given(ahead=st.integers(-(2**40), 2**40), timeout=st.integers(1, 2**40))
def test_a_seller_that_lies_about_the_time_gets_no_signature_beyond_an_hour(
    ahead: int, timeout: int
) -> None:
    chosen = TERMS.model_copy(update={"max_timeout_seconds": timeout})
    from_ = Terms(chosen, {}, seller_ahead_s=ahead).signing_time(1_000_000)
    assert from_ >= 1_000_000
    assert from_ + min(timeout, MAX_VALIDITY_S) <= 1_000_000 + MAX_VALIDITY_S


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Tue, 15 Nov 1994 08:12:31 GMT", 784_887_151 - 784_887_000),
        ("Tue, 15 Nov 1994 08:12:31 -0000", 784_887_151 - 784_887_000),
        ("Tue, 15 Nov 1994 08:10:03 GMT", 0),
        ("yesterday", None),
        ("", None),
        ("Tue, 99 Nov 99999999 08:12:31 GMT", None),
    ],
)
def test_a_date_is_read_or_is_none(date: str, ahead: int | None) -> None:
    assert seller_ahead(httpx.Headers({"Date": date}), 784_887_000) == ahead
