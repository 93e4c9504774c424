"""The metering gateway: OpenAI's shapes, priced by the token, with evidence of what caused it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.methods import default_method
from headwater_attribution.receipt_check import ReceiptBasis, receipt_faults
from headwater_attribution.signed_receipt import attribution_receipt, sign_receipt
from headwater_marketplace.gateway import MeteredModel, evidence_of, gateway
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.seller.records import Payment
from headwater_models.chat import ChatRequest, count_prompt_tokens
from headwater_models.corpus_backend import CorpusBackend
from headwater_models.corpus_backend import CorpusRow as ServedRow
from headwater_models.echo import EchoBackend
from headwater_models.tokens import count_tokens
from headwater_payments.amount import Amount
from headwater_payments.hexadecimal import to_hex
from headwater_payments.metering import parse_receipt
from headwater_payments.pricing import TokenPrice
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import Wallet, open_wallet
from support.fake_chain import FakeChain
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio

PRICE = TokenPrice(per_thousand_input=2_000, per_thousand_output=8_000, per_request=5)
PATH = "/v1/chat/completions"
QUESTION = "Which river is the longest of all the rivers in the world?"


def asking(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "echo", "messages": [{"role": "user", "content": question}], **more}


@dataclass
class Desk:
    """A model for sale, a client that pays, and one that does not."""

    store: SellerStore
    wallet: Wallet
    paying: httpx.AsyncClient
    free: httpx.AsyncClient
    model: MeteredModel

    async def last(self) -> Payment:
        return (await self.store.payments("charged", "released", "reserved"))[-1]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    model = MeteredModel(EchoBackend(), PRICE, max_input_tokens=60, max_output_tokens=40)
    async with open_desk(model, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_desk(model: MeteredModel, tmp_path: Path) -> AsyncIterator[Desk]:
    chain, signer, payer = FakeChain(), LocalSigner.random(), LocalSigner.random()
    chain.wallets[payer.address] = 10**7
    async with Database(f"sqlite:///{tmp_path / 's.db'}", SellerStore.metadata) as database:
        store = SellerStore(database)
        app: Any = PaymentMiddleware(
            gateway(model),
            offers=[Offer(PATH, Amount(model.ceiling, USDC), PAYEE)],
            store=store,
            signer=signer,
            facilitator=chain,
            chain=chain,
        )
        inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        policy = simple_policy(Amount(1_000_000, USDC))
        free: Any = gateway(model)
        async with (
            open_wallet(payer, policy, database=tmp_path / "w.db") as wallet,
            wallet.client(transport=inner, base_url="http://model.test") as paying,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(free), base_url="http://model.test"
            ) as unpaid,
        ):
            yield Desk(store, wallet, paying, unpaid, model)


def expected_charge(body: dict[str, Any], answer: str) -> int:
    """By the price list alone: whole units up, of what a buyer can count itself."""
    prompt = count_prompt_tokens(ChatRequest.model_validate(body).messages)
    metered = prompt * 2_000 + count_tokens(answer) * 8_000
    return 5 + -(-metered // 1_000)


async def test_an_answer_has_openais_shape_and_costs_its_tokens(desk: Desk) -> None:
    answer = (await desk.paying.post(PATH, json=asking())).json()
    text = answer["choices"][0]["message"]["content"]
    assert text == QUESTION
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == count_tokens(text)
    charged = (await desk.wallet.budget()).charged
    assert charged == expected_charge(asking(), text) < desk.model.ceiling


async def test_a_stream_has_openais_chunks_and_costs_the_same(desk: Desk) -> None:
    body = asking(stream=True, stream_options={"include_usage": True})
    answer = await desk.paying.post(PATH, json=body)
    events = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    done = events.index("[DONE]")
    chunks = [json.loads(event) for event in events[:done]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said == QUESTION
    assert chunks[-1]["usage"]["completion_tokens"] == count_tokens(said)
    assert (await desk.wallet.budget()).charged == expected_charge(asking(), said)
    [intent] = await desk.wallet.ledger.intents()
    assert intent.receipt is not None


async def test_an_answer_is_cut_at_what_the_price_covers(desk: Desk) -> None:
    long = "river " * 45
    body = asking(long, max_tokens=10_000)
    answer = (await desk.paying.post(PATH, json=body)).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 40
    text = answer["choices"][0]["message"]["content"]
    assert (await desk.wallet.budget()).charged == expected_charge(body, text)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_evidence_is_attached_to_the_payment(desk: Desk, stream: bool) -> None:
    await desk.paying.post(PATH, json=asking(stream=stream))
    payment = await desk.last()
    evidence = evidence_of(json.loads(payment.evidence or "{}"))
    assert (evidence.backend, evidence.answer) == ("echo/1", QUESTION)
    receipt = json.loads(payment.receipt or "{}")
    assert int(receipt["charge"]) == payment.charge
    assert receipt["attribution"] != "0x" + "00" * 32


async def test_a_receipt_commits_to_the_attribution_where_the_gateway_has_a_method(
    tmp_path: Path,
) -> None:
    text = "The longest of all the rivers in the world is the Nile, as most books have it."
    corpus = Corpus(1, 1, [CorpusRow(1, PAYEE, "MIT", 0, text)])
    served = ServedRow(corpus.row_id(0), 1, PAYEE, "", text)
    backend = CorpusBackend("echo", [served], to_hex(corpus.root))
    method = default_method(corpus)
    async with open_desk(MeteredModel(backend, PRICE, method=method), tmp_path) as desk:
        await desk.paying.post(PATH, json=asking())
        payment = await desk.last()
    evidence = evidence_of(json.loads(payment.evidence or "{}"))
    receipt, _ = parse_receipt(json.loads(payment.receipt or "{}"))
    attributed = attribution_receipt(receipt, evidence, method)
    assert attributed.attribution.shares
    assert receipt.attribution == attributed.hash()
    key = LocalSigner.random()
    signed = await sign_receipt(attributed, key, 84_532)
    basis = ReceiptBasis(evidence, corpus, key.address, 84_532, receipt, bound=True)
    assert receipt_faults(signed, basis) == ()
    other = signed.model_copy(update={"cost_us": 7})
    assert any("payment's commitment" in each for each in receipt_faults(other, basis))


REFUSED: dict[str, tuple[int, Any]] = {
    "no JSON": (400, b"{"),
    "nothing": (400, b""),
    "a list": (400, b"[]"),
    "a body nested without end": (400, b"[" * 5_000),
    "bytes that are no text": (400, b"\xff\xfe"),
    "no messages": (400, {"model": "echo", "messages": []}),
    "no model": (400, {"messages": [{"role": "user", "content": "x"}]}),
    "a negative cap": (400, asking(max_tokens=-1)),
    "a prompt too long": (400, asking("river " * 100)),
    "an unknown model": (404, {**asking(), "model": "gpt"}),
    "an empty question": (400, asking("  ")),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("what", list(REFUSED))
async def test_what_cannot_be_answered_is_an_openai_error_and_costs_nothing(
    desk: Desk, what: str, stream: bool
) -> None:
    status, body = REFUSED[what]
    if isinstance(body, dict):
        body = json.dumps({**body, "stream": stream}).encode()
    for client in (desk.free, desk.paying):
        answer = await client.post(PATH, content=body)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert error["code"] == error["type"]
        assert error["message"].endswith(".")
    budget = await desk.wallet.budget()
    assert budget.charged == 0
    assert (await desk.last()).state == "released"
    [intent] = await desk.wallet.ledger.intents()
    assert intent.state == "released"


async def test_the_models_are_listed_for_free(desk: Desk) -> None:
    listed = (await desk.paying.get("/v1/models")).json()
    assert [card["id"] for card in listed["data"]] == ["echo"]
    assert (await desk.wallet.budget()).used == 0


async def test_served_without_the_middleware_an_answer_is_free(desk: Desk) -> None:
    answer = await desk.free.post(PATH, json=asking())
    assert answer.json()["choices"][0]["message"]["content"] == QUESTION
    assert await desk.store.payments("charged") == []


async def test_a_client_that_leaves_a_stream_pays_for_what_was_made(desk: Desk) -> None:
    """Whatever the server calls a departed client, the tokens made until then are charged."""
    from headwater_marketplace.seller import PaymentMiddleware as Middleware

    transport: Any = desk.paying._transport
    app: Any = transport._inner.app
    assert isinstance(app, Middleware)
    sent = 0

    async def leaving(scope: Any, receive: Any, send: Any) -> None:
        async def cut(message: Any) -> None:
            nonlocal sent
            if message["type"] == "http.response.body" and message.get("body"):
                sent += 1
                if sent == 5:
                    raise OSError("the peer is gone")
            await send(message)

        await app({**scope, "asgi": {"version": "3.0", "spec_version": "2.4"}}, receive, cut)

    transport._inner.app = leaving
    await desk.paying.post(PATH, json=asking(stream=True))
    payment = await desk.last()
    assert payment.state == "charged"
    assert 0 < payment.charge < expected_charge(asking(), QUESTION)
