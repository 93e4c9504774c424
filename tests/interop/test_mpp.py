"""MPP's `Payment` scheme, `evm/charge`: the `pympp` package pays our seller, and we pay its."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from fastapi import FastAPI, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from interop.peers import PRICE, World
from mpp import Challenge as OfficialChallenge
from mpp import Credential as OfficialCredential
from mpp import Receipt as OfficialReceipt
from mpp import generate_challenge_id
from mpp.client import CredentialParams
from mpp.client import Mpp as MppClient
from mpp.client.transport import _accept_payment
from mpp.methods.evm import EvmAsset
from mpp.methods.evm import client as evm_client
from mpp.methods.evm import server as evm_server
from mpp.methods.evm._eip3009 import challenge_hash
from mpp.server import Mpp as MppServer
from mpp.server import pay

from headwater_marketplace.seller.mpp_wire import MppWire
from headwater_marketplace.serving import bind, serve
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.jws import canonical_json, encode_base64url
from headwater_payments.mpp import (
    Challenge,
    Credential,
    accepts_payment,
    parse_challenges,
    parse_credential,
    parse_receipt_header,
    receipt_header,
)
from headwater_payments.mpp_evm import challenge_nonce
from headwater_wallet.errors import PaymentRefusedError, PolicyRefusedError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.wallet import open_wallet
from support.chain_shop import ChainShop, open_chain_shop
from support.shop import PAYEE, USDC

pytestmark = pytest.mark.anyio
ASSET = EvmAsset(USDC.address, USDC.decimals, USDC.chain_id, USDC.name, USDC.version)
SECRET = b"a secret of sixteen bytes or more"


@asynccontextmanager
async def open_mpp_shop(directory: Path) -> AsyncIterator[ChainShop]:
    async with open_chain_shop(directory, schemes=("exact",)) as shop:
        shop.app._asking.mpp = MppWire("shop.test", SECRET, lambda: int(time.time()))
        yield shop


async def payer_of(shop: ChainShop) -> tuple[LocalSigner, MppClient]:
    key = secrets.token_bytes(32)
    signer = LocalSigner(key)
    await shop.fund(signer.address, 10 * PRICE)
    method = evm_client.charge(currency=ASSET, account=Account.from_key(key))
    return signer, MppClient(methods=[method])


async def credential_for(shop: ChainShop, asked: httpx.Response) -> OfficialCredential:
    """What the package signs for a 402, not yet sent."""
    key = secrets.token_bytes(32)
    await shop.fund(LocalSigner(key).address, 10 * PRICE)
    method = evm_client.charge(currency=ASSET, account=Account.from_key(key))
    challenge = OfficialChallenge.from_www_authenticate(asked.headers["www-authenticate"])
    header = await method.create_credential(CredentialParams(challenge=challenge))
    return OfficialCredential.from_authorization(header)


async def test_the_official_client_pays_our_seller(tmp_path: Path) -> None:
    async with open_mpp_shop(tmp_path) as shop:
        signer, client = await payer_of(shop)
        async with client:
            for number in range(2):
                url = f"{shop.url}/paid/x?n={number}"
                answer = await client.fetch(url, method="POST", json={}, timeout=60)
                assert (answer.status_code, answer.json()) == (200, {"ok": True})
                receipt = OfficialReceipt.from_payment_receipt(answer.headers["payment-receipt"])
                assert (receipt.status, receipt.method) == ("success", "evm")
                mined = await shop.chain.reader.receipt(receipt.reference)
                assert mined is not None
                assert mined.succeeded
        assert await shop.token.balance(PAYEE) == 2 * PRICE
        payments = await shop.store.payments("charged")
        assert [(p.scheme, p.payer, p.charge) for p in payments] == [
            ("exact", signer.address, PRICE)
        ] * 2
        assert all(payment.receipt for payment in payments)


async def test_a_credential_buys_one_answer_which_is_given_again(tmp_path: Path) -> None:
    async with open_mpp_shop(tmp_path) as shop, httpx.AsyncClient(timeout=60) as http:
        url = shop.url + "/paid/x"
        credential = await credential_for(shop, await http.post(url, json={}))
        headers = {"authorization": credential.to_authorization()}
        assert (await http.post(url, json={}, headers=headers)).status_code == 200
        again = await http.post(url, json={}, headers=headers)
        assert (again.status_code, again.json()) == (200, {"ok": True})
        assert again.headers["payment-receipt"]
        other_body = await http.post(url, json={"other": 1}, headers=headers)
        assert other_body.status_code == 409
        elsewhere = await http.post(shop.url + "/paid/y", json={}, headers=headers)
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (402, "invalid-challenge")
        asked = await http.post(url + "?q=1", json={}, headers=headers)
        assert (asked.status_code, asked.json()["error"]) == (402, "invalid-challenge")
        assert await shop.token.balance(PAYEE) == PRICE
        assert len(await shop.store.payments("charged")) == 1


async def test_a_changed_or_borrowed_challenge_pays_nothing(tmp_path: Path) -> None:
    async with open_mpp_shop(tmp_path) as shop, httpx.AsyncClient(timeout=60) as http:
        official = await credential_for(shop, await http.post(shop.url + "/paid/x", json={}))
        signed = parse_credential(official.to_authorization())
        cheap = {**signed.challenge.terms, "amount": "1"}
        changes = (
            (replace(signed.challenge, id="A" * 43), "invalid-challenge"),
            (replace(signed.challenge, realm="other.test"), "invalid-challenge"),
            (replace(signed.challenge, expires="2099-01-01T00:00:00Z"), "invalid-challenge"),
            (replace(signed.challenge, opaque=None), "invalid-challenge"),
            (
                replace(signed.challenge, request=encode_base64url(canonical_json(cheap))),
                "invalid-challenge",
            ),
        )
        for challenge, reason in changes:
            header = Credential(challenge, signed.payload, signed.source).to_header()
            answer = await http.post(
                shop.url + "/paid/x", json={}, headers={"authorization": header}
            )
            assert (answer.status_code, answer.json()["error"]) == (402, reason)
            assert answer.headers["www-authenticate"].startswith("Payment ")
        fresh = await http.post(shop.url + "/paid/x", json={})
        [other] = parse_challenges(fresh.headers["www-authenticate"])
        later = replace(other, expires=None)
        mixed = Credential(later, signed.payload, signed.source).to_header()
        refused = await http.post(shop.url + "/paid/x", json={}, headers={"authorization": mixed})
        assert refused.json()["error"] == "invalid-challenge"
        source = f"did:pkh:eip155:84532:{PAYEE}"
        borrowed = Credential(signed.challenge, signed.payload, source).to_header()
        answer = await http.post(shop.url + "/paid/x", json={}, headers={"authorization": borrowed})
        assert answer.json()["error"] == "verification-failed"
        assert await shop.token.balance(PAYEE) == 0


@asynccontextmanager
async def official_shop(world: World) -> AsyncIterator[str]:
    charge = evm_server.charge(
        currency=ASSET, recipient=PAYEE, facilitator=world.facilitators["ours"]
    )
    server = MppServer(methods=charge, realm="shop.test", secret_key="a secret of the seller's")
    app = FastAPI()

    @app.post("/paid")
    @pay(server.charge(amount="0.001"))
    async def paid(request: Request, credential: object, receipt: object) -> Response:
        return Response(json.dumps({"ok": True}), media_type="application/json")

    async with serve(app, bind()) as url:
        yield url


async def test_our_wallet_pays_the_official_server(world: World, tmp_path: Path) -> None:
    payer = await world.payer(10 * PRICE, approved=False)
    before = await world.token.balance(PAYEE)
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with (
        official_shop(world) as url,
        open_wallet(payer.signer, policy, database=tmp_path / "w.db") as wallet,
        wallet.client(timeout=60) as http,
    ):
        for _ in range(2):
            answer = await http.post(url + "/paid", json={"a": 1})
            assert (answer.status_code, answer.json()) == (200, {"ok": True}), answer.text
        assert (await wallet.budget()).charged == 2 * PRICE
        intents = await wallet.ledger.intents()
        assert [(intent.state, intent.scheme) for intent in intents] == [("settled", "exact")] * 2
    assert await world.token.balance(PAYEE) - before == 2 * PRICE


async def test_a_wallet_that_cannot_pay_is_refused_and_one_in_another_asset_signs_nothing(
    world: World, tmp_path: Path
) -> None:
    poor = await world.payer(PRICE - 1, approved=False)
    async with official_shop(world) as url:
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with (
            open_wallet(poor.signer, policy, database=tmp_path / "poor.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            with pytest.raises(PaymentRefusedError):
                await http.post(url + "/paid", json={})
            assert (await wallet.budget()).charged == 0
        elsewhere = replace(USDC, chain_id=1)
        policy = simple_policy(Amount(10 * PRICE, elsewhere))
        async with (
            open_wallet(poor.signer, policy, database=tmp_path / "other.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            with pytest.raises(PolicyRefusedError):
                await http.post(url + "/paid", json={})
            assert await wallet.ledger.intents() == []


async def test_our_wallet_and_our_seller_prefer_x402_where_both_are_spoken(
    tmp_path: Path,
) -> None:
    async with open_mpp_shop(tmp_path) as shop:
        signer = LocalSigner.random()
        await shop.fund(signer.address, 10 * PRICE)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            wallet.client(timeout=60) as http,
        ):
            answer = await http.post(shop.url + "/paid/x", json={})
            assert answer.status_code == 200
            assert (await wallet.budget()).charged == PRICE
            [intent] = await wallet.ledger.intents()
            assert intent.receipt is not None


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
CHALLENGES = st.builds(
    Challenge,
    id=TEXT,
    realm=TEXT,
    method=st.sampled_from(["evm", "tempo"]),
    intent=st.sampled_from(["charge", "session"]),
    request=st.dictionaries(TEXT, TEXT, max_size=3).map(
        lambda told: encode_base64url(canonical_json(told))
    ),
    expires=st.none() | st.just("2099-01-01T00:00:00Z"),
    digest=st.none() | st.just("sha-256=:AAAA:"),
    opaque=st.none() | st.just(encode_base64url(b'{"a":"b"}')),
)


@given(st.lists(CHALLENGES, min_size=1, max_size=3))
async def test_both_packages_read_each_others_challenges(challenges: list[Challenge]) -> None:
    header = ", ".join(['Bearer realm="x"', *(each.to_header() for each in challenges)])
    assert parse_challenges(header) == challenges
    for each in challenges:
        theirs = OfficialChallenge.from_www_authenticate(each.to_header())
        assert (theirs.id, theirs.realm, theirs.request) == (each.id, each.realm, each.terms)
        assert parse_challenges(theirs.to_www_authenticate(theirs.realm)) == [each]
        assert challenge_nonce(each).hex() == challenge_hash(each.id, each.realm)[2:]
        secret = "a secret"
        expected = generate_challenge_id(
            secret_key=secret,
            realm=each.realm,
            method=each.method,
            intent=each.intent,
            request=each.terms,
            expires=each.expires,
            digest=each.digest,
            opaque={"a": "b"} if each.opaque else None,
        )
        assert each.expected_id(secret.encode()) == expected
        credential = Credential(each, {"type": "x"}, "did:pkh:eip155:1:0x00")
        official = OfficialCredential.from_authorization(credential.to_header())
        assert parse_credential(official.to_authorization()) == credential


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, True),
        ("", True),
        ("evm/charge", True),
        ("EVM/charge;q=0.5, tempo/session", True),
        ("tempo/session, evm/session", False),
        ("evm/charge;q=0", False),
        ("*/*;q=0.1, evm/charge;q=0.000", False),
        ("evm/*", True),
        ("*/charge;q=0, evm/*", True),
        ("evm/*;q=0, */*", False),
        ("*/*", True),
        ("evm/charge;q=high", True),
        ("evm", False),
        (";;,,//", False),
    ],
)
def test_what_a_client_accepts_decides_whether_it_is_asked_by_mpp(
    header: str | None, accepted: bool
) -> None:
    assert accepts_payment(header, "evm", "charge") is accepted


async def test_a_seller_asks_by_mpp_those_who_say_that_they_pay_so(tmp_path: Path) -> None:
    async with open_mpp_shop(tmp_path) as shop, httpx.AsyncClient(timeout=60) as http:
        method = evm_client.charge(currency=ASSET, account=Account.create())
        official = _accept_payment([method])
        for said, asked in (("tempo/session", False), ("evm/charge", True), (official, True)):
            answer = await http.post(
                shop.url + "/paid/x", json={}, headers={"Accept-Payment": said}
            )
            assert answer.status_code == 402
            assert ("www-authenticate" in answer.headers) is asked, said
            assert "payment-required" in answer.headers, "x402 is asked for as ever"


async def test_our_wallet_says_what_of_mpp_it_pays_unless_its_application_does(
    tmp_path: Path,
) -> None:
    heard: list[str] = []
    async with open_mpp_shop(tmp_path) as shop:

        async def listening(scope: Any, receive: Any, send: Any) -> None:
            heard.append(dict(scope["headers"]).get(b"accept-payment", b"").decode())
            await shop.app(scope, receive, send)

        inner = httpx.ASGITransport(listening)
        signer, _ = await payer_of(shop)
        policy = simple_policy(Amount(10 * PRICE, USDC))
        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            wallet.client(transport=inner, base_url=shop.url) as client,
        ):
            for headers in ({}, {"Accept-Payment": "evm/charge;q=0.3"}):
                wallet.buyer.known_terms.clear()
                answer = await client.post("/paid/x", json={}, headers=headers)
                assert answer.status_code == 200
    assert heard == ["evm/charge", "", "evm/charge;q=0.3", "evm/charge;q=0.3"]


async def test_receipts_are_read_by_both() -> None:
    ours = receipt_header("evm", "0x01", "2026-01-01T00:00:00Z")
    theirs = OfficialReceipt.from_payment_receipt(ours)
    assert (theirs.reference, theirs.method) == ("0x01", "evm")
    assert parse_receipt_header(theirs.to_payment_receipt())["reference"] == "0x01"


@pytest.mark.parametrize(
    "header",
    [
        'Payment id="a"',
        'Payment id="a", realm="b", method="evm", intent="charge", request="%"',
        'Payment id="a", id="b", realm="b", method="evm", intent="charge", request="e30"',
        'Payment id="a", realm="b", method="evm", intent="charge", request="e30", header="X-Pay"',
    ],
)
async def test_a_malformed_challenge_gets_one_sentence(header: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        [each.terms for each in parse_challenges(header)]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header", ["Payment", "Payment %%", "Payment e30", "Bearer x", "Payment W10"]
)
async def test_a_malformed_credential_gets_one_sentence(header: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_credential(header)


async def test_a_wire_needs_a_name_and_a_secret() -> None:
    for realm, secret in (("", SECRET), ("a|b", SECRET), ("a\nb", SECRET), ("a", b"short")):
        with pytest.raises(InvalidInputError):
            MppWire(realm, secret, lambda: 0)
    assert SECRET.decode() not in repr(MppWire("a", SECRET, lambda: 0))
