"""The JavaScript packages of x402 pay our sellers, and agree with us on what was signed."""

import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
from interop.javascript_peer import ask
from interop.peers import PRICE, WAYS, World

from headwater_payments.jws import JwsKey
from headwater_payments.offer_receipt import (
    AccountIssuer,
    JwsIssuer,
    SignedOfferTerms,
    offers_of,
    receipt_of,
)
from headwater_payments.sign_in import check_sign_in, message_for, parse_sign_in, sign_in_extension
from headwater_payments.x402 import PaymentRequired, PaymentRequirements, SettlementResponse
from headwater_wallet.keys import LocalSigner
from support.shop import PAYEE, USDC, open_shop

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000
ORIGIN = "http://shop.test"


@pytest.mark.parametrize("way", list(WAYS))
async def test_the_fetch_client_pays_our_seller(world: World, way: str) -> None:
    payer = await world.payer(approved=WAYS[way][1] == "permit2")
    before = await world.token.balance(PAYEE)
    answers = await ask(
        "pay",
        key="0x" + payer.secret.hex(),
        rpc=world.chain.url,
        url=f"{world.shops['ours', 'ours']}/{way}",
        bodies=[{"charge": PRICE}, {"charge": 300}, {"charge": PRICE}],
    )
    assert [answer["status"] for answer in answers] == [200, 200, 200], answers
    assert [json.loads(answer["text"]) for answer in answers] == [{"ok": True}] * 3
    settled = [SettlementResponse.from_header(answer["settlement"]) for answer in answers]
    assert all(each.success for each in settled)
    paid = await world.token.balance(PAYEE) - before
    scheme = WAYS[way][0]
    if scheme == "batch-settlement":
        state = (settled[-1].extra or {})["channelState"]
        assert (state["chargedCumulativeAmount"], paid) == (str(2 * PRICE + 300), 0)
    else:
        assert paid == (2 * PRICE + 300 if scheme == "upto" else 3 * PRICE)


@pytest.mark.parametrize("form", ["eip712", "jws"])
async def test_they_check_the_offers_and_receipts_that_our_seller_signs(
    tmp_path: Path, form: str
) -> None:
    async with open_shop(tmp_path) as shop:
        issuer: Any = (
            AccountIssuer(shop.signer)
            if form == "eip712"
            else JwsIssuer(JwsKey(secrets.token_bytes(32)))
        )
        shop.speaks_for(ORIGIN, issuer)
        async with shop.plain_client() as plain:
            asked = await plain.post("/paid/x", json={})
        required = PaymentRequired.from_header(asked.headers["payment-required"])
        async with shop.client(await shop.wallet()) as client:
            answer = await client.post("/paid/x", json={"charge": 300})
        settlement = SettlementResponse.from_header(answer.headers["payment-response"])
        told = await ask(
            "checkOffers", required=required.to_json(), settlement=settlement.to_json()
        )
        assert [each["scheme"] for each in told["checked"]] == ["batch-settlement", "exact"]
        payload = told["receipt"]["payload"]
        assert payload["payer"] == settlement.payer
        assert payload["resourceUrl"] == ORIGIN + "/paid/x"
        if form == "eip712":
            signers = {*(each["signer"] for each in told["checked"]), told["receipt"]["signer"]}
            assert signers == {shop.signer.address}
        ours = receipt_of(settlement)
        assert ours is not None
        assert ours.receipt is not None
        assert ours.receipt.issued_at == payload["issuedAt"]
        assert len(offers_of(required)) == 2


async def test_we_check_the_offers_and_receipts_that_they_sign() -> None:
    key = secrets.token_bytes(32)
    terms = {
        "scheme": "exact",
        "network": USDC.network,
        "asset": USDC.address,
        "payTo": PAYEE,
        "amount": "1000",
    }
    issued = await ask(
        "issue",
        key="0x" + key.hex(),
        url=ORIGIN + "/x",
        input={"acceptIndex": 0, **terms, "offerValiditySeconds": 60},
        payer=PAYEE,
    )
    accepts = [PaymentRequirements.from_json({**terms, "maxTimeoutSeconds": 60})]
    extension = {"offer-receipt": {"info": {"offers": [issued["offer"]]}}}
    [offer] = offers_of(PaymentRequired(accepts=accepts, extensions=extension))
    assert offer.signer == LocalSigner(key).address
    assert isinstance(offer.offer, SignedOfferTerms)
    assert (offer.offer.amount, offer.offer.resource_url) == ("1000", ORIGIN + "/x")
    settlement = SettlementResponse(
        success=True,
        network=USDC.network,
        extensions={"offer-receipt": {"info": {"receipt": issued["receipt"]}}},
    )
    receipt = receipt_of(settlement)
    assert receipt is not None
    assert receipt.signer == LocalSigner(key).address


async def test_each_side_believes_the_others_sign_in() -> None:
    import time

    key, now = secrets.token_bytes(32), int(time.time())
    signer = LocalSigner(key)
    for resources in (True, False):
        extension = sign_in_extension(ORIGIN + "/paid/x", [USDC.network], "ab" * 16, now)
        if not resources:
            del extension["info"]["resources"]
            extension["info"]["statement"] = "Sign in to see what you paid."
        header = await ask("signIn", key="0x" + key.hex(), extension=extension)
        message, signature = parse_sign_in(header)
        check_sign_in(message, signature, ORIGIN + "/paid/x", now=now + 1)
        assert message.address == signer.address
        ours = message_for(extension, signer.address, USDC.network, ORIGIN + "/paid/x")
        assert ours == message
        header = ours.to_header(await signer.sign_in(ours))
        told = await ask("checkSignIn", header=header, origin=ORIGIN)
        assert told == {
            "valid": {"isValid": True},
            "verified": {"isValid": True, "payer": signer.address},
        }


async def test_their_client_signs_in_for_what_it_paid(tmp_path: Path) -> None:
    """The whole flow over the seller's own challenge, as a text that their package signs."""
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        key = secrets.token_bytes(32)
        wallet = await shop.wallet(signer=LocalSigner(key))
        async with shop.client(wallet) as client:
            paid = await client.post("/paid/x", json={"charge": 300})
        async with shop.plain_client() as plain:
            header = await _signed_in(plain, "POST", "/paid/x", key, b'{"charge":300}')
            again = await plain.post(
                "/paid/x", content=paid.request.content, headers={"SIGN-IN-WITH-X": header}
            )
        assert (again.status_code, again.json()) == (200, {"ok": True})
        assert len(shop.served) == 1


async def _signed_in(
    http: httpx.AsyncClient, method: str, path: str, key: bytes, body: bytes
) -> str:
    asked = await http.request(method, path, content=body)
    required = PaymentRequired.from_header(asked.headers["payment-required"])
    extension = (required.extensions or {})["sign-in-with-x"]
    return str(await ask("signIn", key="0x" + key.hex(), extension=extension))
