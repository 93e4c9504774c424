"""Budgets that share a channel: headroom that one reuses of another counts against the one."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text

from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError
from headwater_wallet.database import Database
from headwater_wallet.errors import BudgetExceededError, WindowExceededError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import SpendPolicy, simple_policy
from headwater_wallet.policy_windows import Window
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.spend_records import ChannelTerms
from headwater_wallet.tables import WalletTable
from headwater_wallet.wallet import Wallet, open_wallet
from support.paying import channel_terms, new_payment
from support.shop import PRICE, USDC, Shop

pytestmark = pytest.mark.anyio
NAMES = ("org", "a", "b", "else")
Family = dict[str, SpendLedger]


@pytest.fixture
async def family(database_url: str) -> AsyncIterator[Family]:
    """`org` with the children `a` and `b`, and `else`, which spends on its own."""
    async with Database(database_url, WalletTable.metadata) as database:
        yield await open_family(database, 10_000)


async def open_family(database: Database, limit: int) -> Family:
    ledgers = {name: SpendLedger(database, name) for name in NAMES}
    for ledger in ledgers.values():
        await ledger.set_limit(Amount(limit, USDC))
    for child in "ab":
        await ledgers[child].spend_from("org")
    return ledgers


async def pay(
    ledger: SpendLedger, number: int, cap: int, charge: int, terms: ChannelTerms | None = None
) -> None:
    intent = await ledger.reserve(new_payment(number, cap), terms or channel_terms())
    await ledger.mark_sent(intent.payment_id, "h")
    await ledger.settle(intent.payment_id, charge, None, None)


async def used(family: Family) -> dict[str, int]:
    return {name: (await ledger.budget()).used for name, ledger in family.items()}


@pytest.mark.parametrize("concurrent", [True, False])
async def test_a_budget_pays_for_the_headroom_that_its_sibling_signed(
    family: Family, concurrent: bool
) -> None:
    terms, more = channel_terms(concurrent=concurrent), int(concurrent)
    await pay(family["a"], 1, 1_000, 0, terms)
    await pay(family["b"], 2, 1_000, 1_000, terms)
    # What both signed counts once for the budget above them.
    assert await used(family) == {"org": 1_000 + more, "a": more, "b": 1_000, "else": 0}
    await family["b"].set_limit(Amount(1_000, USDC))
    await pay(family["a"], 3, 1_000, 0, terms)
    before = await used(family)
    with pytest.raises(BudgetExceededError, match="'b' has 0"):
        await pay(family["b"], 4, 1_000, 1_000, terms)
    assert await used(family) == before


async def test_headroom_of_an_unrelated_budget_counts_for_all_above_who_uses_it(
    family: Family,
) -> None:
    await pay(family["else"], 1, 1_000, 0)
    await pay(family["b"], 2, 1_000, 600)
    assert await used(family) == {"org": 1_000, "a": 0, "b": 1_000, "else": 1}
    await pay(family["org"], 3, 400, 400)
    assert await used(family) == {"org": 1_001, "a": 0, "b": 601, "else": 1}


async def test_headroom_of_nobody_counts_for_who_uses_it(family: Family) -> None:
    await pay(family["a"], 1, 10, 10)
    await family["a"].adopt(channel_terms().identifier, 6_000, signed=8_000)
    await pay(family["a"], 2, 1_000, 1_000)
    assert (await family["a"].budget()).used == 1_010


async def test_a_window_counts_headroom_that_was_taken_over(family: Family) -> None:
    policy = SpendPolicy(Amount(10_000, USDC), windows=(Window(3_600, most=500),))
    await pay(family["a"], 1, 1_000, 0)

    def check(history: object, newly_signed: int) -> None:
        for window in policy.windows:
            request = type("Request", (), {"payee": None})
            window.refuse_beyond(
                request,  # type: ignore[arg-type]
                history,  # type: ignore[arg-type]
                newly_signed=newly_signed,
                now=1_000,
            )

    ledger = family["b"]
    await ledger.reserve(new_payment(2, 500), channel_terms(), permit=check)
    with pytest.raises(WindowExceededError):
        await ledger.reserve(new_payment(3, 400), channel_terms(), permit=check)


async def test_a_window_still_counts_what_was_signed_and_then_taken_over(family: Family) -> None:
    await pay(family["a"], 1, 1_000, 0)
    await pay(family["b"], 2, 1_000, 1_000)
    signed = await family["a"].consider(lambda history: history.signed_after(0).atomic)
    assert (signed, (await family["a"].budget()).used) == (1_000, 1)


async def test_a_stream_that_goes_on_pays_for_the_headroom_it_reuses(family: Family) -> None:
    intent = await family["b"].reserve(new_payment(1, 100), channel_terms())
    await family["b"].mark_sent(intent.payment_id, "h")
    await pay(family["a"], 2, 1_000, 0)
    await family["b"].extend(intent.payment_id, 900, 900, 10, lambda _h, _n: None, 1_000)
    await family["b"].settle(intent.payment_id, 900, None, None)
    assert await used(family) == {"org": 1_101, "a": 201, "b": 900, "else": 0}


async def test_a_ledger_from_before_shares_were_kept_goes_on(family: Family) -> None:
    await pay(family["a"], 1, 1_000, 0)
    open_one = await family["a"].reserve(new_payment(2, 300), channel_terms())
    database = family["a"].database
    await database.write(lambda c: c.execute(text("DELETE FROM wallet_share")))
    await family["a"].settle(open_one.payment_id, 300, None, None)
    await database.write(lambda c: c.execute(text("DELETE FROM wallet_share")))
    await pay(family["b"], 3, 500, 500)
    assert await used(family) == {"org": 1_002, "a": 502, "b": 500, "else": 0}


async def test_a_charge_after_the_release_counts_though_another_took_the_headroom(
    family: Family,
) -> None:
    intent = await family["a"].reserve(new_payment(1, 1_000), channel_terms())
    await family["a"].mark_sent(intent.payment_id, "h")
    await family["a"].release(intent.payment_id)
    await pay(family["b"], 2, 1_000, 1_000)
    await family["a"].settle(intent.payment_id, 1_000, None, None)
    budget = await family["a"].budget()
    assert budget.charged == budget.used == 1_000
    whole = await family["org"].budget()
    assert whole.charged == 2_000 <= whole.used


async def test_a_charge_after_the_release_counts_though_the_budget_itself_used_the_headroom(
    family: Family,
) -> None:
    intent = await family["a"].reserve(new_payment(1, 1_000), channel_terms())
    await family["a"].mark_sent(intent.payment_id, "h")
    await family["a"].release(intent.payment_id)
    await pay(family["a"], 2, 1_000, 1_000)
    await family["a"].settle(intent.payment_id, 1_000, None, None)
    budget = await family["a"].budget()
    assert budget.charged == budget.used == 2_000


async def hold(family: Family) -> None:
    for name, ledger in family.items():
        state = await ledger.budget()
        assert state.charged <= state.used <= state.limit, name
        query = text("SELECT coalesce(sum(signed), 0) FROM wallet_signed WHERE budget = :name")
        rows = await ledger.database.read(lambda c, n=name, q=query: c.scalar(q, {"name": n}))
        assert rows == state.used
    whole, *children = [(await family[name].budget()).used for name in ("org", "a", "b")]
    assert sum(children) <= whole
    short = text("SELECT count(*) FROM wallet_share WHERE committed > signed")
    assert not await family["org"].database.read(lambda c: c.scalar(short))
    signed = sum(view.signed for view in (await family["org"].channels()).values())
    roots = [await family[name].budget() for name in ("org", "else")]
    assert sum(root.used for root in roots) == signed


@pytest.mark.parametrize("seed", range(12))
async def test_no_budget_is_charged_beyond_what_it_used_in_any_order(
    tmp_path: Path, seed: int
) -> None:
    dice, outcomes = random.Random(seed), set()
    async with Database(f"sqlite:///{tmp_path / 'w.db'}", WalletTable.metadata) as database:
        family = await open_family(database, 1_500)
        terms = [channel_terms(0), channel_terms(1, concurrent=False)]
        under_way: list[tuple[SpendLedger, str, int]] = []
        for number in range(60):
            if under_way and dice.random() < 0.55:
                ledger, payment, amount = under_way.pop(dice.randrange(len(under_way)))
                if (end := dice.random()) < 0.6:
                    charge = dice.choice((0, amount, dice.randint(0, amount)))
                    await ledger.settle(payment, charge, None, None)
                else:
                    await ledger.release(payment, never_sent=end < 0.8)
            else:
                ledger, amount = family[dice.choice(NAMES)], dice.randint(1, 900)
                try:
                    intent = await ledger.reserve(new_payment(number, amount), dice.choice(terms))
                except HeadwaterError as refused:
                    outcomes.add(refused.code)
                else:
                    under_way.append((ledger, intent.payment_id, amount))
            await hold(family)
    assert "budget_exceeded" in outcomes
    assert outcomes <= {"budget_exceeded", "channel_busy"}


async def test_children_that_pay_one_seller_at_once_stay_within_their_limits(shop: Shop) -> None:
    signer, path = LocalSigner.random(), shop.directory / "family.db"
    shop.chain.wallets[signer.address] = 10**7

    async with AsyncExitStack() as stack:

        async def opened(limit: int, name: str, parent: str | None = None) -> Wallet:
            policy = simple_policy(Amount(limit, USDC))
            opening = open_wallet(signer, policy, database=path, budget=name, parent=parent)
            return await stack.enter_async_context(opening)

        whole = await opened(12 * PRICE, "org")
        a, b = await opened(8 * PRICE, "a", "org"), await opened(3 * PRICE, "b", "org")
        codes: list[str] = []

        async def call(wallet: Wallet, charge: int) -> None:
            async with shop.client(wallet) as client:
                try:
                    await client.post("/paid/x", json={"charge": charge})
                except HeadwaterError as refused:
                    codes.append(refused.code)

        await call(a, 0)
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(call, a, 0)
                group.start_soon(call, b, PRICE)
        for wallet in (whole, a, b):
            state = await wallet.budget()
            assert state.charged <= state.used <= state.limit
        assert (await b.budget()).charged
        # The seller refuses a voucher that overtakes the deposit of another wallet.
        assert set(codes) <= {"budget_exceeded", "payment_refused"}
