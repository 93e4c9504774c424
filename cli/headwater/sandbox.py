"""A market of one on an embedded chain: something for sale and a funded wallet in one context.

Everything in it is the code that runs on a public network: contracts on an EVM, HTTP over loopback,
signatures, books. The keys are made anew each time and the money is worth nothing elsewhere.
"""

import functools
import inspect
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_contracts.reader import ChainReader
from headwater_payments.address import Address
from headwater_payments.amount import Amount, Asset
from headwater_payments.batch_payload import SCHEME as BATCH
from headwater_payments.errors import InvalidInputError, needing
from headwater_payments.exact import SCHEME as EXACT
from headwater_payments.json_text import read_json
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import Wallet, open_wallet

with needing("The sandbox", "chain", "marketplace"):
    from headwater_contracts.chains.local import LocalChain
    from headwater_marketplace.chain_facilitator import ChainFacilitator
    from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
    from headwater_marketplace.seller.asgi import read_body
    from headwater_marketplace.seller.middleware import App, Receive, Scope, Send
    from headwater_marketplace.seller.routed import paths_of, roots_of
    from headwater_marketplace.serving import bind, serve
    from headwater_marketplace.settlement import SettlementWorker

Sold = Callable[[JsonValue], Awaitable[JsonValue]]
"""What can be sold here: an async function from JSON to JSON."""

GAS_MONEY_WEI = 10**18


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running seller and a buyer's wallet.

    Attributes:
        url: where the seller is.
        wallet: a funded wallet under the budget that was asked for.
        payee: the account that is paid.
        asset: the token it is paid in.
        deployment: where the contracts are.
        reader: reads the chain.
        rpc_url: where the chain serves JSON-RPC.
        store: the seller's books.
    """

    url: str
    wallet: Wallet
    payee: Address
    asset: Asset
    deployment: Deployment
    reader: ChainReader
    rpc_url: str
    store: SellerStore
    _world: "_World" = field(repr=False)

    async def open_wallet(self, budget: str) -> Wallet:
        """Another funded wallet, with a budget in whole units; it closes with the sandbox."""
        return await self._world.open_wallet(budget)

    async def fund(self, account: Address, amount: str) -> None:
        """Give an account tokens, in whole units: for buyers that are not wallets of Headwater."""
        await self._world.mint(account, self.asset.amount(amount))

    async def settle(self) -> Amount:
        """Claim on chain what was charged and is not claimed yet; gives what the payee holds now.

        Raises:
            TransactionError: the claim was refused; the books are unchanged.
        """
        await SettlementWorker(self.store, self._world.sender, self.deployment).claim_all()
        return Amount(await self._world.token.balance(self.payee), self.asset)


@asynccontextmanager
async def open_sandbox(
    sold: Sold, *, price: str = "0.001", budget: str = "0.10"
) -> AsyncIterator[Sandbox]:
    """Sell an async function by POST at any path of `url`, to a wallet that can pay for it.

    Args:
        sold: takes the request's JSON and gives the answer's.
        price: of one call, in whole units of the settlement token.
        budget: the most that the wallet may sign away, in whole units.

    Raises:
        InvalidInputError: `price` or `budget` is not an amount, or `sold` is no async function.
    """
    _require_async(sold)
    async with open_asgi_sandbox(_json_app(sold), price=price, budget=budget) as opened:
        yield opened


@asynccontextmanager
async def open_asgi_sandbox(
    app: App,
    *,
    path: str = r"/.*",
    price: str = "0.001",
    budget: str = "0.10",
    schemes: tuple[str, ...] = (BATCH, EXACT),
    window: str | None = None,
) -> AsyncIterator[Sandbox]:
    """Sell POST requests to those paths of an ASGI application; other methods there get 405.

    Other paths are free.

    Args:
        app: the application.
        path: a regular expression that the whole of a paid path matches.
        price: the most that one request costs, in whole units; `current_meter()` may charge less.
        budget: the most that the wallet may sign away, in whole units.
        schemes: the ways to pay, best first.
        window: how much of a stream is paid for at a time, in whole units; None for all at once.

    Raises:
        InvalidInputError: `price`, `budget` or `window` is not an amount, or a scheme is unknown.
    """
    for name, amount in (("price", price), ("budget", budget)):
        _require_text(name, amount)
    if window is not None:
        _require_text("window", window)
    async with AsyncExitStack() as stack:
        world = await _World.start(stack)
        part = None if window is None else world.asset.amount(window)
        payee = LocalSigner.random().address
        facilitator = ChainFacilitator(world.sender, world.deployment, lambda: int(time.time()))
        books = Database(f"sqlite:///{world.directory / 'seller.db'}", SellerStore.metadata)
        store = SellerStore(await stack.enter_async_context(books))
        offer = Offer(path, world.asset.amount(price), payee, schemes=schemes, window=part)
        paid = PaymentMiddleware(
            _by_post(app, offer),
            offers=[offer],
            store=store,
            signer=world.operator,
            facilitator=facilitator,
            chain=facilitator,
        )
        url = await stack.enter_async_context(serve(paid, bind()))
        yield Sandbox(
            url=url,
            wallet=await world.open_wallet(budget),
            payee=payee,
            asset=world.asset,
            deployment=world.deployment,
            reader=world.chain.reader,
            rpc_url=world.chain.url,
            store=store,
            _world=world,
        )


@dataclass(frozen=True, slots=True)
class _World:
    """The chain with its contracts, the operator that sends transactions, and a scratch folder."""

    stack: AsyncExitStack
    directory: Path
    chain: LocalChain
    deployment: Deployment
    operator: LocalSigner
    sender: TransactionSender
    token: SettlementTokenClient
    asset: Asset

    @classmethod
    async def start(cls, stack: AsyncExitStack) -> "_World":
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headwater-")))
        chain = await stack.enter_async_context(await LocalChain.start())
        deployment = await deploy_development_contracts(chain)
        operator = LocalSigner.random()
        await chain.fund(operator.address, GAS_MONEY_WEI)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        asset = await token.asset(deployment.chain_id)
        sender = TransactionSender(chain.reader, operator)
        return cls(stack, directory, chain, deployment, operator, sender, token, asset)

    async def open_wallet(self, budget: str) -> Wallet:
        signer, limit = LocalSigner.random(), self.asset.amount(budget)
        await self.mint(signer.address, limit)
        database = self.directory / f"{signer.address}.db"
        opened = open_wallet(signer, simple_policy(limit), database=database)
        return await self.stack.enter_async_context(opened)

    async def mint(self, account: Address, amount: Amount) -> None:
        await self.chain.send(self.token.mint(account, amount.atomic))


def _require_async(sold: object) -> None:
    called = sold if inspect.isroutine(sold) else getattr(sold, "__call__", None)  # noqa: B004
    while isinstance(sold, functools.partial):
        sold = called = sold.func
    if isinstance(sold, type) or not inspect.iscoroutinefunction(called):
        name = getattr(sold, "__name__", type(sold).__name__)
        raise InvalidInputError(
            f"What is sold is an async function from JSON to JSON, and {name} is not: "
            "write `async def`."
        )


def _require_text(name: str, amount: object) -> None:
    if not isinstance(amount, str):
        raise InvalidInputError(
            f"The {name} is text in whole units, such as '0.001', not the "
            f"{type(amount).__name__} {amount!r}: binary fractions are not exact.",
            value=str(amount),
        )


def _by_post(app: App, offer: Offer) -> App:
    """The application without other methods on paths that are sold: none gets it for nothing."""
    roots = roots_of(app)

    async def sold(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "POST":
            return await app(scope, receive, send)
        if not any(offer.covers(path) for path in paths_of(scope, roots)):
            return await app(scope, receive, send)
        await _answer(send, 405, {"detail": "This is sold by POST."}, [(b"allow", b"POST")])

    return sold


def _json_app(sold: Sold) -> App:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive)
            asked = read_json(body or b"null", "The request's body")
        except InvalidInputError as exc:
            return await _answer(send, 400, exc.problem())
        await _answer(send, 200, await sold(asked))

    return app


async def _answer(
    send: Send, status: int, content: object, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
