"""Terms from hostile sellers: whatever stands in a 402 is paid, ignored or refused in words."""

import base64
import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_payments.amount import Amount
from headwater_payments.errors import HeadwaterError
from headwater_payments.extensions import CONCURRENT, PAYMENT_IDENTIFIER, PAYMENT_RECEIPT
from headwater_payments.windows import VOUCHER_WINDOWS
from headwater_payments.x402 import PAYMENT_REQUIRED, PAYMENT_SIGNATURE, PaymentPayload
from headwater_payments.x402 import PaymentRequired as Required
from headwater_wallet.keys import LocalSigner
from headwater_wallet.payment_header import echoed_extensions
from headwater_wallet.policy import simple_policy
from headwater_wallet.terms import choose_terms
from headwater_wallet.wallet import open_wallet
from support.shop import PRICE, USDC, Shop, open_shop

NAMES = (PAYMENT_IDENTIFIER, CONCURRENT, VOUCHER_WINDOWS)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
EXTENSIONS = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=5),
    JUNK | st.fixed_dictionaries({"info": JUNK}, optional={"schema": JUNK}),
    max_size=4,
)


@pytest.fixture(scope="module")
def advertised(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The 402 of a seller with every extension, as JSON."""

    async def ask() -> Any:
        directory = tmp_path_factory.mktemp("seller")
        async with (
            open_shop(directory, window=Amount(100, USDC)) as shop,
            shop.plain_client() as client,
        ):
            answer = await client.post("/paid/x")
            return Required.from_header(answer.headers[PAYMENT_REQUIRED]).to_json()

    return anyio.run(ask)


@given(extensions=EXTENSIONS)
def test_extensions_of_any_shape_are_echoed_as_they_came_or_taken_part_in(
    advertised: Any, extensions: dict[str, Any]
) -> None:
    terms = choose_terms(Required.from_json({**advertised, "extensions": extensions}), USDC)
    channel = terms.channel("0x" + "11" * 20, 10_000)
    assert channel is not None
    for in_windows in (False, True):
        echoed = echoed_extensions(terms, channel, "pay_1", in_windows=in_windows) or {}
        assert echoed.keys() == extensions.keys()
        for name, value in echoed.items():
            if terms.advertises(name):
                info = {k: v for k, v in value.get("info", {}).items() if k not in ("id", "use")}
                before = extensions[name].get("info", {})
                assert info == {k: v for k, v in before.items() if k not in ("id", "use")}
            else:
                assert value == extensions[name]


def header_of(value: Any) -> str:
    """A payment header of whatever JSON."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=40)
@given(data=st.data())
def test_a_402_with_anything_anywhere_is_paid_or_refused_in_words(
    advertised: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    *way, last = data.draw(st.sampled_from(list(places(advertised))))
    terms = copy.deepcopy(advertised)
    place = terms
    for step in way:
        place = place[step]
    place[last] = data.draw(JUNK)
    asks = {PAYMENT_REQUIRED: header_of(terms)}

    async def buy() -> None:
        policy = simple_policy(Amount(10 * PRICE, USDC))
        path = tmp_path_factory.mktemp("wallet") / "w.db"
        wire = httpx.MockTransport(lambda _request: httpx.Response(402, headers=asks))
        async with (
            open_wallet(LocalSigner.random(), policy, database=path) as wallet,
            wallet.client(transport=wire) as client,
        ):
            with suppress(HeadwaterError):
                await client.post("http://shop.test/paid/x", json={"stream": True})

    anyio.run(buy)


@pytest.mark.anyio
@pytest.mark.parametrize("name", [PAYMENT_IDENTIFIER, CONCURRENT])
@pytest.mark.parametrize("junk", [None, 7, [], {"info": None}, {"info": []}, {"info": "x"}])
async def test_an_extension_that_makes_no_sense_is_as_good_as_none(
    shop: Shop, name: str, junk: Any
) -> None:
    wallet = await shop.wallet()
    sent: list[PaymentPayload] = []

    async def hook(request: httpx.Request) -> httpx.Response:
        if PAYMENT_SIGNATURE in request.headers:
            sent.append(PaymentPayload.from_header(request.headers[PAYMENT_SIGNATURE]))
        async with shop.plain_client() as seller:
            copied = {k: v for k, v in request.headers.items() if k.startswith("payment")}
            answer = await seller.post(request.url.path, headers=copied, content=request.content)
        if answer.status_code == 402:
            body = Required.from_header(answer.headers[PAYMENT_REQUIRED])
            body = body.model_copy(update={"extensions": {**(body.extensions or {}), name: junk}})
            answer.headers[PAYMENT_REQUIRED] = header_of(
                {**body.to_json(), "extensions": body.extensions}
            )
        # Not told the id of ours, this seller's receipt names its own.
        answer.headers.pop(PAYMENT_RECEIPT, None)
        return answer

    client = partial(wallet.client, transport=httpx.MockTransport(hook))
    async with client(base_url="http://shop.test") as buyer:
        answer = await buyer.post("/paid/x", json={})
    assert answer.status_code == 200
    [payload] = sent
    assert (payload.extensions or {})[name] == junk
    [channel] = (await wallet.ledger.channels()).values()
    assert channel.charged == PRICE
