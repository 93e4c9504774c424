"""A buyer and a seller, each a process of its own to this test, that a fault can strike.

What such a process would lose at its end is made anew for each call; what is on disk is put there
by copying. So a thousand calls can begin where the same call before them had ended.
"""

import importlib
import pkgutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import anyio
import httpx

import headwater_marketplace.seller
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_wallet.buyer import Buyer, secret_of
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from headwater_wallet.terms import Terms
from headwater_wallet.wallet import Wallet
from support.awaits import instrumented
from support.fake_chain import FakeChain
from support.faults import PARTY, DeadError, Name, Party, Plan
from support.shop import PAYEE, PRICE, USDC, application
from support.streaming import streaming_transport

BUDGET: Final = 100_000
FUNDS: Final = 1_000_000
_BUYING = (
    *("approvals", "buyer", "channel_hold", "circuits", "database", "exchange", "lanes"),
    *("payment_header", "payment_record", "purchase", "spend_ledger", "stream_watch"),
    "transport_httpx",
)


class RemoteSigner:
    """A signer that can only be awaited."""

    def __init__(self, inner: LocalSigner) -> None:
        self._inner, self.address = inner, inner.address

    async def sign_typed_data(self, typed: Any) -> bytes:
        return await self._inner.sign_typed_data(typed)


@dataclass
class Scene:
    """Both sides, up and running, before, in and after one call."""

    wallet: Wallet
    store: SellerStore
    app: PaymentMiddleware
    chain: FakeChain
    seller_signer: Any
    transport: Any
    parties: dict[Name, Party]
    served: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Pays as the wallet does."""
        way = _Way(self.transport, self.parties["seller"])
        async with self.wallet.client(transport=way, base_url="http://shop.test") as client:
            yield client

    async def call(self, body: dict[str, Any], plan: Plan) -> bool:
        """Make the call of the plan; whether its answer came in full.

        It is over when both sides have come to rest, or to their end.
        """
        buyer, answered, group = self.parties["buyer"], False, self.transport.group
        async with anyio.create_task_group() as self.transport.group:
            with anyio.CancelScope() as own:
                buyer.scopes.append(own)
                PARTY.set(buyer)
                plan.on = True
                try:
                    async with self.client() as client:
                        answer = await client.post("/paid/x", json=body)
                    answered = answer.status_code == 200
                except (HeadwaterError, httpx.TransportError, OSError):
                    assert plan.struck, "an error without a fault"
                except DeadError:
                    assert buyer.dead
                finally:
                    PARTY.set(None)
            buyer.scopes.remove(own)
            if not answered:
                self.transport.hang_up()
        self.transport.group = group
        await anyio.to_thread.run_sync(plan.submitted_is_done)
        plan.on = False
        for database in (self.wallet.ledger.database, self.store.database):
            # A write whose caller has given up is written all the same.
            with suppress(UnavailableError):
                await database.write(lambda _: None)
        return answered


class Stage:
    """The databases of both sides, and what else outlives a process: the keys and the chain.

    Args:
        folder: where the databases are.
        offer: what is for sale, as `Offer` takes it.
        remote: keys in neither process.
    """

    def __init__(self, folder: Path, offer: dict[str, Any], *, remote: bool) -> None:
        self._folder, self._offer, self._remote = folder, offer, remote
        self._buyer_key, self._seller_key = LocalSigner.random(), LocalSigner.random()
        self._terms: dict[tuple[str, str], Terms] = {}
        self._chain = FakeChain({self._buyer_key.address: FUNDS})
        self.plan = Plan()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Stage"]:
        """Both databases opened, and every await and statement taken over."""
        buying, selling = self._path("buyer"), self._path("seller")
        async with AsyncExitStack() as stack:
            # The code first: what is compiled here must not run before.
            stack.enter_context(self._taken_over())
            self._buying = Database(f"sqlite:///{buying}", WalletTable.metadata)
            await stack.enter_async_context(self._buying)
            self._selling = Database(f"sqlite:///{selling}", SellerStore.metadata)
            await stack.enter_async_context(self._selling)
            await SpendLedger(self._buying, "default").set_limit(Amount(BUDGET, USDC))
            self.keep()
            yield self

    @contextmanager
    def _taken_over(self) -> Iterator[None]:
        async def step_in(site: Any, awaitable: Any) -> Any:
            return await self.plan.step_in(site, awaitable)

        with instrumented(_modules(), step_in) as instrument:
            self._instrument = instrument
            yield

    @asynccontextmanager
    async def scene(self, plan: Plan | None = None) -> AsyncIterator[Scene]:
        """Two processes that begin now, over what is in the databases."""
        self.plan = plan or Plan()
        self.plan.instrument = self._instrument
        parties: dict[Name, Party] = {
            "buyer": Party("buyer", self._path("buyer")),
            "seller": Party("seller", self._path("seller")),
        }
        served: list[str] = []

        async def handler(scope: Any, receive: Any, send: Any) -> None:
            served.append(scope["path"])
            await application(scope, receive, send)

        store, signer = SellerStore(self._selling), self._signer(self._seller_key)
        app = PaymentMiddleware(
            handler,  # type: ignore[arg-type]
            offers=[Offer(r"/paid/.*", Amount(PRICE, USDC), PAYEE, **self._offer)],
            store=store,
            signer=signer,
            facilitator=self._chain,
            chain=self._chain,
        )
        wallet = await self._wallet()
        async with anyio.create_task_group() as group:
            transport = streaming_transport(httpx, _mortal(app, parties["seller"]), group)
            parties["buyer"].at_death = transport.hang_up
            databases = {"buyer": self._buying, "seller": self._selling}
            with self.plan.watching(parties, databases):
                scene = Scene(wallet, store, app, self._chain, signer, transport, parties, served)
                yield scene
        self._known = dict(wallet.buyer.known_terms)

    def keep(self) -> None:
        """Have every scene from now on begin with what there is now, after `reset`."""
        for name in ("buyer", "seller"):
            _copy(self._path(name), self._folder / f"{name}.kept")
        self._kept = self._chain
        self._terms = getattr(self, "_known", {})
        self.reset()

    def reset(self) -> None:
        """Put everything back to how `keep` found it."""
        for name in ("buyer", "seller"):
            _copy(self._folder / f"{name}.kept", self._path(name))
        kept = self._kept
        self._chain = FakeChain(
            dict(kept.wallets), dict(kept.channels), dict(kept.paid), kept.deposits
        )
        self._chain.nonces = set(kept.nonces)

    def bury(self, scene: Scene) -> None:
        """Of a process that died, have only that left which was on disk."""
        for party in scene.parties.values():
            if party.dead:
                _copy(party.remains, party.path)

    async def _wallet(self) -> Wallet:
        signer = self._signer(self._buyer_key)
        buyer = Buyer(
            signer,
            simple_policy(Amount(BUDGET, USDC)),
            SpendLedger(self._buying, "default"),
            lambda: int(time.time()),
            id_secret=await secret_of(signer, USDC.chain_id),
        )
        buyer.known_terms.update(self._terms)
        return Wallet(buyer)

    def _signer(self, key: LocalSigner) -> Any:
        return RemoteSigner(key) if self._remote else key

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.db"


class _Way(httpx.AsyncBaseTransport):
    """The way to a process that may not be there any more."""

    def __init__(self, inner: Any, seller: Party) -> None:
        self._inner, self._seller = inner, seller

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._seller.dead:
            raise httpx.ConnectError("nobody listens", request=request)
        response: httpx.Response = await self._inner.handle_async_request(request)
        return response


def _mortal(app: PaymentMiddleware, seller: Party) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        PARTY.set(seller)
        with anyio.CancelScope() as own:
            seller.scopes.append(own)
            try:
                return await app(scope, receive, send)
            except DeadError:
                pass
            finally:
                seller.scopes.remove(own)
        raise ConnectionResetError("the process, or this call of it, was ended")

    return answer


def _modules() -> list[ModuleType]:
    """Every module that an awaiting call passes on its way from one side to the other and back."""
    selling = pkgutil.iter_modules(headwater_marketplace.seller.__path__)
    names = [f"headwater_wallet.{name}" for name in _BUYING]
    names += [f"headwater_marketplace.seller.{module.name}" for module in selling]
    return [importlib.import_module(name) for name in names]


def _copy(source: Path, target: Path) -> None:
    there, here = sqlite3.connect(source), sqlite3.connect(target)
    there.backup(here)
    there.close()
    here.close()
