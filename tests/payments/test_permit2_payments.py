"""Payments by Permit2: what is signed is what is checked, and nothing else pays."""

import json
from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from payments.test_x402_wire import TERMS, TOKEN, KeySigner
from x402.mechanisms.evm.exact.permit2_utils import create_permit2_payload
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.mechanisms.evm.upto import UptoEvmClientScheme
from x402.schemas import PaymentRequirements as OfficialRequirements

from headwater_payments.address import parse_address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.exact import SignedTransferError
from headwater_payments.permit2 import PERMIT2, TokenPermissions, permit2_domain
from headwater_payments.permit2_deposit import (
    check_permit2_deposit,
    parse_permit2_deposit,
    sign_permit2_deposit,
)
from headwater_payments.permit2_payload import Permit2Payload, sign_permit2
from headwater_payments.transfers import check_transfer, outline, parse_transfer
from headwater_payments.x402 import PaymentRequirements

pytestmark = pytest.mark.anyio
FACILITATOR = parse_address("0x" + "fa" * 20)
BY_PERMIT2 = {**TERMS.extra, "assetTransferMethod": "permit2"}
EXACT = TERMS.model_copy(update={"extra": BY_PERMIT2})
UPTO = TERMS.model_copy(
    update={"scheme": "upto", "extra": {**BY_PERMIT2, "facilitatorAddress": FACILITATOR}}
)
NONCE = b"\x07" * 32


@pytest.mark.parametrize("terms", [EXACT, UPTO])
async def test_a_payment_survives_the_wire_and_holds(terms: PaymentRequirements) -> None:
    signed = await sign_permit2(KeySigner(), terms, now=1_000, nonce=NONCE)
    read = parse_transfer(json.loads(json.dumps(signed.to_json())))
    assert read == signed
    check_transfer(read, terms, now=1_000)
    told = outline(read, terms)
    assert (told.payer, told.payee, told.ceiling) == (
        KeySigner().address,
        parse_address(terms.pay_to),
        1_000,
    )
    assert (told.nonce, told.nonce_book, told.valid_before) == (NONCE, PERMIT2, 1_061)


@pytest.mark.parametrize("terms", [EXACT, UPTO])
def test_we_read_and_believe_what_the_official_client_signs(terms: PaymentRequirements) -> None:
    official = OfficialRequirements.model_validate(terms.to_json())
    signer = EthAccountSigner(Account.create())
    theirs = (
        UptoEvmClientScheme(signer).create_payment_payload(official)
        if terms.scheme == "upto"
        else create_permit2_payload(signer, official)
    )
    deadline = int(theirs["permit2Authorization"]["deadline"])
    check_transfer(parse_transfer(theirs), terms, now=deadline - 60)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pay_to": "0x" + "44" * 20}, "invalid_permit2_recipient_mismatch"),
        ({"amount": "999"}, "permit2_amount_mismatch"),
        ({"amount": "1001"}, "permit2_amount_mismatch"),
        ({"asset": "0x" + "55" * 20}, "permit2_token_mismatch"),
        ({"network": "eip155:1"}, "invalid_permit2_signature"),
        ({"scheme": "exact"}, "invalid_permit2_spender"),
        ({"extra": {**UPTO.extra, "facilitatorAddress": TOKEN}}, "upto_facilitator_mismatch"),
    ],
)
async def test_a_permit_for_other_terms_is_refused(change: dict[str, object], reason: str) -> None:
    signed = await sign_permit2(KeySigner(), UPTO, now=1_000, nonce=NONCE)
    with pytest.raises(SignedTransferError) as caught:
        check_transfer(signed, UPTO.model_copy(update=change), now=1_000)
    assert caught.value.details["reason"] == reason


async def test_a_permit_holds_within_its_time_only() -> None:
    signed = await sign_permit2(KeySigner(), EXACT, now=1_000, nonce=NONCE)
    check_transfer(signed, EXACT, now=1_054)
    with pytest.raises(SignedTransferError, match="expired"):
        check_transfer(signed, EXACT, now=1_055)


async def test_a_transfer_of_the_whole_price_does_not_pay_for_what_was_used() -> None:
    from headwater_payments.batch_payload import token_domain
    from headwater_payments.exact import sign_exact

    domain = token_domain(TERMS.extra, TOKEN, 84532)
    whole = await sign_exact(KeySigner(), TERMS, domain, now=1_000, nonce=NONCE)
    check_transfer(whole, TERMS, now=1_000)
    with pytest.raises(SignedTransferError, match="not signed in the way"):
        check_transfer(whole, UPTO, now=1_000)


async def test_terms_without_a_facilitator_are_not_signed() -> None:
    nobody = UPTO.model_copy(update={"extra": BY_PERMIT2})
    with pytest.raises(InvalidInputError, match="facilitatorAddress"):
        await sign_permit2(KeySigner(), nobody, now=1_000, nonce=NONCE)


@given(
    st.sampled_from(["permitted", "spender", "nonce", "deadline", "to"]),
    st.integers(0, 2**256 - 1),
)
async def test_no_member_can_be_changed_under_a_signature(name: str, number: int) -> None:
    signed = await sign_permit2(KeySigner(), EXACT, now=1_000, nonce=NONCE)
    address = parse_address("0x" + number.to_bytes(32, "big")[:20].hex())
    permit = signed.permit
    changed = {
        "permitted": replace(permit, permitted=TokenPermissions(TOKEN, number)),
        "spender": replace(permit, spender=address),
        "nonce": replace(permit, nonce=number),
        "deadline": replace(permit, deadline=number),
        "to": replace(permit, witness=replace(permit.witness, to=address)),  # type: ignore[arg-type]
    }[name]
    if changed == permit:
        return
    with pytest.raises(SignedTransferError):
        check_transfer(Permit2Payload(signed.payer, changed, signed.signature), EXACT, now=1_000)


async def test_a_deposit_by_permit2_is_for_its_channel() -> None:
    payer, channel = KeySigner().address, b"\x0c" * 32
    signed = await sign_permit2_deposit(
        KeySigner(), channel, TOKEN, amount=500, deadline=1_060, nonce=NONCE, chain_id=84532
    )
    body = json.loads(json.dumps(signed.to_json(payer)))
    read = parse_permit2_deposit(body, payer)
    assert read == signed
    holds = {"payer": payer, "token": TOKEN, "chain_id": 84532, "now": 1_000}
    check_permit2_deposit(read, channel, **holds)  # type: ignore[arg-type]
    for identifier, change in ((b"\x0d" * 32, {}), (channel, {"token": FACILITATOR})):
        with pytest.raises(SignedTransferError):
            check_permit2_deposit(read, identifier, **{**holds, **change})  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="another amount"):
        parse_permit2_deposit({**body, "amount": "501"}, payer)
    with pytest.raises(InvalidInputError, match="another payer"):
        parse_permit2_deposit(body, FACILITATOR)


async def test_the_digest_is_the_one_that_eth_account_signs() -> None:
    signed = await sign_permit2(KeySigner(), EXACT, now=1_000, nonce=NONCE)
    typed = TypedData(permit2_domain(84532), signed.permit)
    message = encode_typed_data(
        {"name": "Permit2", "chainId": 84532, "verifyingContract": PERMIT2},
        {
            "PermitWitnessTransferFrom": [
                {"name": "permitted", "type": "TokenPermissions"},
                {"name": "spender", "type": "address"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
                {"name": "witness", "type": "Witness"},
            ],
            "TokenPermissions": [
                {"name": "token", "type": "address"},
                {"name": "amount", "type": "uint256"},
            ],
            "Witness": [
                {"name": "to", "type": "address"},
                {"name": "validAfter", "type": "uint256"},
            ],
        },
        typed.struct.message(),
    )
    assert Account.recover_message(message, signature=signed.signature) == signed.payer
