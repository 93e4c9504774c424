"""Signing in: a payer, and nobody else, sees what it paid and is given its answers again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_marketplace.seller import Offer, PaymentMiddleware
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.offer_receipt import AccountIssuer
from headwater_payments.sign_in import (
    MAX_AGE_S,
    SIGN_IN_HEADER,
    SignInError,
    SignInMessage,
    check_sign_in,
    message_for,
    parse_sign_in,
    sign_in_extension,
)
from headwater_payments.x402 import PaymentRequired
from headwater_wallet.errors import PaymentRefusedError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.signing_in import ask_as_payer
from support.shop import PAYEE, PRICE, USDC, Shop, application, open_shop

pytestmark = pytest.mark.anyio
ORIGIN = "http://shop.test"
URL = ORIGIN + "/paid/x"
NOW = 1_800_000_000


async def as_payer(
    shop: Shop, signer: Any, method: str = "POST", path: str = "/paid/x", content: bytes = b"{}"
) -> httpx.Response:
    async with shop.plain_client() as http:
        request = http.build_request(method, path, content=content)
        return await ask_as_payer(signer, http, request, network=USDC.network)


async def bought(shop: Shop, content: bytes = b"{}") -> LocalSigner:
    signer = LocalSigner.random()
    async with shop.client(await shop.wallet(signer=signer)) as client:
        answer = await client.post("/paid/x", content=content)
        assert answer.status_code == 200
    return signer


async def test_a_payer_is_given_its_answer_again_and_pays_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        signer = await bought(shop)
        again = await as_payer(shop, signer)
        assert (again.status_code, again.json()) == (200, {"ok": True})
        assert "payment-receipt" in again.headers
        assert len(shop.served) == 1
        assert len(await shop.store.payments("charged")) == 1


async def test_nobody_else_is_given_it_nor_another_request_of_the_payers(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        signer = await bought(shop)
        for who, path, content in (
            (LocalSigner.random(), "/paid/x", b"{}"),
            (signer, "/paid/x", b'{"a":1}'),
            (signer, "/paid/y", b"{}"),
            (signer, "/paid/x?q=1", b"{}"),
        ):
            with pytest.raises(PaymentRefusedError) as refused:
                await as_payer(shop, who, path=path, content=content)
            assert refused.value.details["reason"] == "not_paid"
        assert len(shop.served) == 1


async def test_a_payer_sees_what_it_paid_and_fetches_it_by_its_id(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        signer, other = await bought(shop, b'{"charge": 300}'), await bought(shop)
        listed = (await as_payer(shop, signer, "GET", LOOKUP_PATH, b"")).json()
        [payment] = listed["payments"]
        assert (payment["chargedAmount"], payment["state"]) == ("300", "charged")
        assert (payment["method"], payment["route"]) == ("POST", "/paid/x")
        path = f"{LOOKUP_PATH}{payment['id']}/answer"
        assert (await as_payer(shop, signer, "GET", path, b"")).json() == {"ok": True}
        assert (await as_payer(shop, other, "GET", path, b"")).status_code == 404
        [theirs] = (await as_payer(shop, other, "GET", LOOKUP_PATH, b"")).json()["payments"]
        assert theirs["id"] != payment["id"]


async def test_a_sign_in_serves_once_and_for_one_path(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        signer = await bought(shop)
        async with shop.plain_client() as http:
            required = PaymentRequired.from_header(
                (await http.post("/paid/x", content=b"{}")).headers["payment-required"]
            )
            extension = (required.extensions or {})["sign-in-with-x"]
            message = message_for(extension, signer.address, USDC.network, URL)
            header = {SIGN_IN_HEADER: message.to_header(await signer.sign_in(message))}
            elsewhere = await http.get(LOOKUP_PATH, headers=header)
            assert elsewhere.status_code == 402
            assert elsewhere.json()["error"] == "invalid_siwx_uri_mismatch"
            assert (await http.post("/paid/x", content=b"{}", headers=header)).status_code == 200
            twice = await http.post("/paid/x", content=b"{}", headers=header)
            assert (twice.status_code, twice.json()["error"]) == (402, "invalid_siwx_nonce")
            made_up = replace(message, nonce="ab" * 16)
            forged = {SIGN_IN_HEADER: made_up.to_header(await signer.sign_in(made_up))}
            refused = await http.post("/paid/x", content=b"{}", headers=forged)
            assert refused.json()["error"] == "invalid_siwx_nonce"


async def test_a_host_header_does_not_say_who_the_seller_is(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        async with shop.plain_client() as http:
            asked = await http.post("/paid/x", content=b"{}", headers={"host": "evil.test"})
        required = PaymentRequired.from_header(asked.headers["payment-required"])
        assert (required.extensions or {})["sign-in-with-x"]["info"]["domain"] == "shop.test"
        assert required.resource is not None
        assert required.resource.url == URL


async def test_a_wallet_signs_in_only_where_it_asked() -> None:
    extension = sign_in_extension(URL, [USDC.network], "ab" * 16, NOW)
    for change, url, network in (
        ({}, "http://other.test/paid/x", USDC.network),
        ({"domain": "other.test"}, URL, USDC.network),
        ({"uri": "https://shop.test/paid/x"}, URL, USDC.network),
        ({}, URL, "eip155:1"),
        ({"nonce": 7}, URL, USDC.network),
    ):
        told = {**extension, "info": {**extension["info"], **change}}
        with pytest.raises(InvalidInputError):
            message_for(told, PAYEE, network, url)


CHANGES: list[tuple[Callable[[SignInMessage], SignInMessage], str]] = [
    (lambda m: replace(m, domain="other.test"), "invalid_siwx_domain_mismatch"),
    (lambda m: replace(m, uri="http://other.test/paid/x"), "invalid_siwx_uri_mismatch"),
    (lambda m: replace(m, uri=ORIGIN + "/paid/y"), "invalid_siwx_uri_mismatch"),
    (lambda m: replace(m, issued_at="2027-01-15T07:59:00Z"), "invalid_siwx_issued_at_too_old"),
    (lambda m: replace(m, issued_at="2099-01-01T00:00:00Z"), "invalid_siwx_issued_at_in_future"),
    (lambda m: replace(m, expiration_time=m.issued_at), "invalid_siwx_expired"),
    (lambda m: replace(m, not_before="2099-01-01T00:00:00Z"), "invalid_siwx_not_yet_valid"),
    (lambda m: replace(m, address=PAYEE), "invalid_siwx_signature"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
async def test_a_sign_in_that_does_not_hold_is_refused(
    change: Callable[[SignInMessage], SignInMessage], reason: str
) -> None:
    signer = LocalSigner.random()
    extension = sign_in_extension(URL, [USDC.network], "ab" * 16, NOW)
    message = message_for(extension, signer.address, USDC.network, URL)
    changed = change(message)
    header = changed.to_header(await signer.sign_in(changed))
    if reason == "invalid_siwx_signature":
        header = changed.to_header(await signer.sign_in(message))
    with pytest.raises(SignInError) as refused:
        check_sign_in(*parse_sign_in(header), URL, now=NOW + MAX_AGE_S - 1)
    assert refused.value.details["reason"] == reason


@given(st.text(alphabet=st.characters(), max_size=30), st.sampled_from(["statement", "domain"]))
async def test_no_member_can_add_a_line_to_what_is_signed(text: str, name: str) -> None:
    message = SignInMessage("a.test", PAYEE, "http://a.test/", "eip155:1", "n", "t", statement="s")
    plain = message.text().count("\n")
    try:
        changed = replace(message, **{name: text}).text()
    except InvalidInputError:
        return
    assert changed.count("\n") == plain
    assert len(changed.splitlines()) == len(message.text().splitlines())


@pytest.mark.parametrize("header", ["%", "e30=", "bnVsbA==", "W10=", "A" * 20_000])
async def test_a_malformed_sign_in_gets_one_sentence(tmp_path: Path, header: str) -> None:
    async with open_shop(tmp_path) as shop:
        shop.speaks_for(ORIGIN)
        async with shop.plain_client() as http:
            for method, path in (("POST", "/paid/x"), ("GET", LOOKUP_PATH)):
                answer = await http.request(method, path, headers={SIGN_IN_HEADER: header})
                assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


async def test_an_issuer_needs_an_origin_and_an_origin_is_no_more_than_that(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path) as shop:

        def middleware(**options: Any) -> PaymentMiddleware:
            return PaymentMiddleware(
                application,  # type: ignore[arg-type]
                offers=[Offer("/x", Amount(PRICE, USDC), PAYEE)],
                store=shop.store,
                signer=shop.signer,
                facilitator=shop.chain,
                chain=shop.chain,
                **options,
            )

        with pytest.raises(InvalidInputError, match="origin"):
            middleware(issuer=AccountIssuer(shop.signer))
        for origin in ("shop.test", "http://shop.test/path", "http://u:p@shop.test", "ftp://x"):
            with pytest.raises(InvalidInputError):
                middleware(origin=origin)
        assert middleware(origin="http://shop.test/")
