"""Signed offers and receipts: they say what was signed, and nothing that was changed passes."""

import base64
import copy
import json
import pickle
from typing import Any

import pytest
from payments.test_x402_wire import TERMS, KeySigner

from headwater_payments.errors import InvalidInputError
from headwater_payments.jws import JwsKey, encode_base64url, verify_jws
from headwater_payments.offer_receipt import (
    AccountIssuer,
    Issuer,
    JwsIssuer,
    issue_offers,
    issue_receipt,
    offer_for,
    offers_of,
    receipt_of,
    without_offers,
)
from headwater_payments.x402 import PaymentRequired, SettlementResponse

pytestmark = pytest.mark.anyio
URL = "https://api.example.com/x"
PAYER = KeySigner().address
KEY = JwsKey(b"\x0a" * 32)
ISSUERS: list[tuple[Issuer, str]] = [
    (AccountIssuer(KeySigner()), KeySigner().address),
    (JwsIssuer(KEY), KEY.kid),
]


async def signed(issuer: Issuer) -> tuple[PaymentRequired, SettlementResponse]:
    offers = await issue_offers(issuer, URL, [TERMS], 1_000)
    receipt = await issue_receipt(issuer, URL, PAYER, TERMS.network, 1_010)
    required = PaymentRequired(accepts=[TERMS], extensions={"offer-receipt": offers})
    settlement = SettlementResponse(
        success=True, network=TERMS.network, extensions={"offer-receipt": receipt}
    )
    return (
        PaymentRequired.from_header(required.to_header()),
        SettlementResponse.from_header(settlement.to_header()),
    )


@pytest.mark.parametrize(("issuer", "name"), ISSUERS)
async def test_both_forms_say_who_signed_what(issuer: Issuer, name: str) -> None:
    required, settlement = await signed(issuer)
    offers = offers_of(required)
    found = offer_for(offers, TERMS)
    assert found is not None
    assert found.offer is not None
    assert (found.signer, found.offer.valid_until) == (name, 1_000 + TERMS.max_timeout_seconds)
    assert offer_for(offers, TERMS.model_copy(update={"amount": "999"})) is None
    receipt = receipt_of(settlement)
    assert receipt is not None
    assert receipt.receipt is not None
    assert (receipt.signer, receipt.receipt.payer) == (name, PAYER)
    assert receipt_of(SettlementResponse(success=True, network="eip155:1")) is None


@pytest.mark.parametrize("member", ["amount", "payTo", "validUntil", "resourceUrl", "version"])
async def test_an_account_did_not_sign_a_changed_offer(member: str) -> None:
    required, _ = await signed(AccountIssuer(KeySigner()))
    extensions: Any = copy.deepcopy(required.extensions)
    payload = extensions["offer-receipt"]["info"]["offers"][0]["payload"]
    payload[member] = payload[member] + (1 if isinstance(payload[member], int) else "0")
    changed = required.model_copy(update={"extensions": extensions})
    try:
        assert offers_of(changed)[0].signer != KeySigner().address
    except InvalidInputError:
        assert member == "version"


def test_a_jws_that_was_changed_or_asks_for_less_is_refused() -> None:
    header, payload, signature = KEY.sign({"a": 1}).split(".")
    other = encode_base64url(b'{"a":2}')
    none = encode_base64url(json.dumps({"alg": "none", "kid": KEY.kid}).encode())
    named = encode_base64url(
        json.dumps({"alg": "ES256K", "kid": JwsKey(bytes(31) + b"\1").kid}).encode()
    )
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    for text in (
        f"{header}.{other}.{signature}",
        f"{none}.{payload}.{signature}",
        f"{none}.{payload}.",
        f"{named}.{payload}.{signature}",
        f"{header}.{payload}.{encode_base64url(bytes(raw))}",
        f"{header}.{payload}",
        f"{header}.{payload}.%%%",
        "e30.e30.e30",
    ):
        with pytest.raises(InvalidInputError):
            verify_jws(text)
    assert verify_jws(f"{header}.{payload}.{signature}") == ({"a": 1}, KEY.kid)


def test_nothing_shows_the_key() -> None:
    assert (b"\x0a" * 32).hex() not in repr(KEY)
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


@pytest.mark.parametrize(
    "offers", [7, [7], [{}], [{"format": "jws"}], [{"payload": {}, "signature": "0x"}]]
)
def test_malformed_offers_get_one_sentence(offers: object) -> None:
    required = PaymentRequired(
        accepts=[TERMS], extensions={"offer-receipt": {"info": {"offers": offers}}}
    )
    with pytest.raises(InvalidInputError) as caught:
        offers_of(required)
    assert "\n" not in str(caught.value)


def test_a_buyer_does_not_say_offers_back() -> None:
    known = {"offer-receipt": {"info": {"offers": [1], "other": 2}, "schema": {}}, "x": {}}
    assert without_offers(known) == {
        "offer-receipt": {"info": {"other": 2}, "schema": {}},
        "x": {},
    }
