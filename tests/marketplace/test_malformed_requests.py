"""Nothing that a stranger sends makes a server fail: what is malformed gets a 4xx with a code."""

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headwater_contracts.deployments import deploy_development_contracts
from headwater_marketplace.api import marketplace_api
from headwater_marketplace.catalogue import Catalogue
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.facilitator_api import facilitator_api
from headwater_marketplace.gateway import MeteredModel, gateway
from headwater_marketplace.listings import Listing, TokenPrices, sign_listing
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_models.echo import EchoBackend
from headwater_payments.amount import Amount
from headwater_payments.pricing import TokenPrice
from headwater_payments.x402 import PAYMENT_SIGNATURE, PaymentPayload
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.terms import Terms
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from support.chains import start_chain
from support.shop import PAYEE, USDC

SEEN = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Json = Any


@dataclass
class Servers:
    """Everything that answers strangers, with requests to it that are well formed."""

    portal: anyio.from_thread.BlockingPortal
    clients: dict[str, httpx.AsyncClient]
    payments: list[Json]
    registration: Json

    def ask(self, server: str, method: str, path: str, **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            return await self.clients[server].request(method, path, **options)

        answer: httpx.Response = self.portal.call(run)
        return answer


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    with anyio.from_thread.start_blocking_portal() as portal:
        stack = AsyncExitStack()
        with portal.wrap_async_context_manager(stack):
            yield portal.call(_open, portal, stack, folder)


async def _open(
    portal: anyio.from_thread.BlockingPortal, stack: AsyncExitStack, folder: Path
) -> Servers:
    chain = await stack.enter_async_context(await start_chain())
    deployment = await deploy_development_contracts(chain)
    operator, payer = LocalSigner.random(), LocalSigner.random()
    facilitator = ChainFacilitator(
        TransactionSender(chain.reader, operator), deployment, lambda: int(time.time())
    )
    books = Database(f"sqlite:///{folder / 's.db'}", SellerStore.metadata)
    store = SellerStore(await stack.enter_async_context(books))
    shelf = Database(f"sqlite:///{folder / 'c.db'}", Catalogue.metadata)
    catalogue = Catalogue(await stack.enter_async_context(shelf))
    model = gateway(MeteredModel(EchoBackend(), TokenPrice(1_000, 1_000, 5)))
    offers = [Offer(r"/v1/.*", Amount(1_000, USDC), PAYEE)]
    seller = PaymentMiddleware(
        model,  # type: ignore[arg-type]
        offers=offers,
        store=store,
        signer=operator,
        facilitator=facilitator,
        chain=facilitator,
    )
    payments = []
    policy = simple_policy(Amount(10**6, USDC))
    for terms in offers[0].requirements(operator.address):
        path = folder / f"{terms.scheme}.db"
        wallet = await stack.enter_async_context(open_wallet(payer, policy, database=path))
        wallet.buyer.remember(("POST", "http://shop.test/v1/x"), Terms(terms, {}))
        purchase = wallet.buyer.purchase("POST", "http://shop.test/v1/x", {})
        [header] = (await purchase.first_headers()).values()
        await purchase.ended()
        payments.append(PaymentPayload.from_header(header).to_json())
    listing = Listing(
        id="echo",
        name="Echo",
        kind="model",
        description="It echoes.",
        base_url="http://shop.test/v1",
        network=USDC.network,
        asset=USDC.address,
        pay_to=PAYEE,
        provider=payer.address,
        price=TokenPrices(ceiling=1_000),
    )
    apps: dict[str, Any] = {
        "seller": seller,
        "model": model,
        "marketplace": marketplace_api(catalogue),
        "facilitator": facilitator_api(facilitator),
    }
    clients = {
        name: await stack.enter_async_context(
            # A server that raises would answer 500; here the exception fails the test by itself.
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
        )
        for name, app in apps.items()
    }
    return Servers(portal, clients, payments, await sign_listing(listing, payer))


def refused(answer: httpx.Response) -> bool:
    """Whether the answer is a refusal of what was asked; it must never be a failure."""
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code in (400, 402, 404, 409):
        body = answer.json()
        assert body.get("code") or body.get("error") or body.get("accepts") or body.get("state")
    return answer.status_code >= 400


HOSTILE: list[Json] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    2**64,
    2**256,
    -(2**255),
    10**4_000,
    1e300,
    "",
    "0",
    "-1",
    "1.5",
    "1e18",
    "9" * 77,
    "9" * 5_000,
    "é\u202e\x00",
    "0x",
    "0x0",
    "0x" + "zz" * 20,
    "0x" + "00" * 20,
    "0x" + "ff" * 32,
    "0x" + "ff" * 65,
    "0x" + "ff" * 2_000,
    "eip155:" + "9" * 5_000,
    "eip155:1",
    [],
    [[]],
    {},
    {"": {}},
    [{}, None],
]
hostile = st.sampled_from(HOSTILE) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Json, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document, the whole of it first."""
    yield here
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from places(value[key], (*here, key))


def changed(value: Json, place: tuple[str | int, ...], put: Json, *, remove: bool) -> Json:
    """A copy with one place replaced or taken out."""
    if not place:
        return put
    copy: Json = value.copy()
    if remove and len(place) == 1:
        del copy[place[0]]
    else:
        copy[place[0]] = changed(value[place[0]], place[1:], put, remove=remove)
    return copy


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    """A function that spoils a document in one or two places."""
    choices = [
        (draw(st.integers(0, 10**6)), draw(hostile), draw(st.booleans()))
        for _ in range(draw(st.integers(1, 2)))
    ]

    def spoil(document: Json) -> Json:
        for number, put, remove in choices:
            known = list(places(document))
            document = changed(document, known[number % len(known)], put, remove=remove)
        return document

    return spoil


BYTES = st.binary(max_size=60) | st.sampled_from(
    [
        b"",
        b"null",
        b"NaN",
        b"1e400",
        b"{",
        b'"\\ud800"',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 5_000,
        b'{"model": "echo", "model": 1}',
    ]
)


def header_of(document: Json) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@SEEN
@given(number=st.integers(0, 1), spoil=mutations())
def test_no_payment_header_makes_a_seller_fail(servers: Servers, number: int, spoil: Any) -> None:
    header = header_of(spoil(servers.payments[number]))
    refused(servers.ask("seller", "POST", "/v1/x", headers={"PAYMENT-SIGNATURE": header}))


@SEEN
@example(raw=b"\xe9")
@example(raw=b"\x80\xff" * 20)
@given(raw=st.binary(max_size=40).filter(lambda raw: not {0, 10, 13} & set(raw)))
def test_no_byte_in_a_header_makes_a_seller_fail(servers: Servers, raw: bytes) -> None:
    for name in (b"PAYMENT-SIGNATURE", b"Idempotency-Key", b"Accept", b"Host", b"PAYMENT-REQUIRED"):
        asked = servers.ask("seller", "POST", "/v1/x", headers=[(name, raw), (b"Accept", b"*/*")])
        assert refused(asked)


@SEEN
@given(raw=BYTES)
def test_a_body_that_is_no_json_is_refused_everywhere(servers: Servers, raw: bytes) -> None:
    for server, path in (
        ("model", "/v1/chat/completions"),
        ("marketplace", "/api/listings"),
        ("facilitator", "/verify"),
        ("facilitator", "/settle"),
    ):
        assert refused(servers.ask(server, "POST", path, content=raw))


@SEEN
@given(number=st.integers(0, 1), spoil=mutations(), path=st.sampled_from(["/verify", "/settle"]))
def test_no_payment_makes_a_facilitator_fail(
    servers: Servers, number: int, spoil: Any, path: str
) -> None:
    payment = servers.payments[number]
    body = {
        "x402Version": 2,
        "paymentPayload": payment,
        "paymentRequirements": payment["accepted"],
    }
    refused(servers.ask("facilitator", "POST", path, content=json.dumps(spoil(body))))


@SEEN
@given(kind=st.sampled_from(["claim", "settle", "refund"]), spoil=mutations())
def test_no_action_of_a_seller_makes_a_facilitator_fail(
    servers: Servers, kind: str, spoil: Any
) -> None:
    payment = servers.payments[0]
    config, voucher = payment["payload"]["channelConfig"], payment["payload"]["voucher"]
    claim = {
        "voucher": {"channel": config, "maxClaimableAmount": "10"},
        "signature": voucher["signature"],
        "totalClaimed": "5",
    }
    action = {
        "type": kind,
        "claims": [claim],
        "claimAuthorizerSignature": voucher["signature"],
        "receiver": config["receiver"],
        "token": config["token"],
        "channelConfig": config,
        "amount": "1",
        "refundNonce": "0",
        "refundAuthorizerSignature": voucher["signature"],
    }
    body = {
        "paymentPayload": {**payment, "payload": spoil(action)},
        "paymentRequirements": payment["accepted"],
    }
    refused(servers.ask("facilitator", "POST", "/settle", content=json.dumps(body)))


@SEEN
@given(spoil=mutations())
def test_no_registration_makes_a_marketplace_fail(servers: Servers, spoil: Any) -> None:
    body = json.dumps(spoil(servers.registration))
    refused(servers.ask("marketplace", "POST", "/api/listings", content=body))


@SEEN
@given(spoil=mutations())
def test_no_chat_request_makes_a_model_fail(servers: Servers, spoil: Any) -> None:
    asked = {
        "model": "echo",
        "messages": [{"role": "user", "content": "What flows?"}, {"role": "user", "content": []}],
        "max_tokens": 5,
        "stream": False,
        "stream_options": {"include_usage": True},
        "seed": 1,
        "temperature": 0.5,
        "stop": ["x"],
    }
    body = json.dumps(spoil(asked))
    refused(servers.ask("model", "POST", "/v1/chat/completions", content=body))


WORDS = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "\x00",
        "-1",
        "1.5",
        "nan",
        "1e5",
        "9" * 5_000,
        "٣",
        "../..",
        "%00",
        "model",
    ]
)


@SEEN
@given(name=st.sampled_from(["query", "kind", "max_price", "other"]), word=WORDS)
def test_no_question_makes_a_marketplace_fail(servers: Servers, name: str, word: str) -> None:
    try:
        asked = httpx.Request("GET", "http://shop.test/api/listings", params={name: word}).url
    except UnicodeEncodeError:
        return
    refused(servers.ask("marketplace", "GET", str(asked)))


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ("seller", "/v1/x"),
        ("model", "/v1/chat/completions"),
        ("marketplace", "/api/listings"),
        ("facilitator", "/verify"),
        ("facilitator", "/settle"),
    ],
)
def test_an_upload_without_end_is_refused_before_it_fills_the_memory(
    servers: Servers, server: str, path: str
) -> None:
    taken, piece = [0], bytes(65_536)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            taken[0] += len(piece)
            yield piece

    header = PaymentPayload.from_json(servers.payments[0]).to_header()
    answer = servers.ask(
        server, "POST", path, content=endless(), headers={PAYMENT_SIGNATURE: header}
    )
    assert (answer.status_code, refused(answer)) == (413, True)
    assert taken[0] <= 4 * 1024 * 1024 + 2 * len(piece)


@pytest.mark.parametrize("word", ["%00", "%ff%fe", "9" * 5_000, "-1", "x", "%2e%2e", "1.0"])
def test_paths_that_name_nothing_are_not_found(servers: Servers, word: str) -> None:
    for server, path in (
        ("marketplace", f"/api/listings/{word}"),
        ("marketplace", f"/api/epochs/{PAYEE}/{word}"),
        ("marketplace", f"/api/epochs/{word}/1"),
        ("seller", f"/.well-known/nothing/{word}"),
    ):
        assert servers.ask(server, "GET", path).status_code == 404


def test_well_formed_requests_are_not_refused_as_malformed(servers: Servers) -> None:
    listed = servers.ask("marketplace", "POST", "/api/listings", json=servers.registration)
    assert listed.status_code == 201
    found = servers.ask("marketplace", "GET", "/api/listings", params={"kind": "model"})
    assert [each["id"] for each in found.json()["listings"]] == ["echo"]
    payment = servers.payments[1]
    verdict = servers.ask(
        "facilitator",
        "POST",
        "/verify",
        json={"paymentPayload": payment, "paymentRequirements": payment["accepted"]},
    ).json()
    assert verdict["invalidReason"] == "insufficient_funds"
