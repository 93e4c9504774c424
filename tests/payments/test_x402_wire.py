"""Headers and payloads survive the round trip, agree with the official package, refuse garbage."""

import base64
import json
from functools import partial

import coincurve
import pytest
from x402.http.utils import decode_payment_required_header, encode_payment_signature_header
from x402.schemas import PaymentPayload as OfficialPayload

from headwater_payments.address import Address
from headwater_payments.batch_payload import (
    BatchPayload,
    Deposit,
    SignedVoucher,
    parse_batch_payload,
    token_domain,
)
from headwater_payments.channels import channel_id, deposit_collector_data
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.exact import (
    ExactPaymentError,
    check_exact,
    parse_exact_payload,
    sign_exact,
)
from headwater_payments.metering import MeteringReceipt, parse_receipt, receipt_to_json
from headwater_payments.signing import address_of_key, sign_with_key
from headwater_payments.structs import ChannelConfig
from headwater_payments.x402 import (
    MAX_HEADER_BYTES,
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    ResourceInfo,
    chain_id_of,
)

TOKEN = Address("0x036CbD53842c5426634e7929541eC2318f3dCF7e")
KEY = coincurve.PrivateKey(b"\x09" * 32)
TERMS = PaymentRequirements(
    scheme="exact",
    network="eip155:84532",
    amount="1000",
    asset=TOKEN,
    pay_to="0x" + "33" * 20,
    max_timeout_seconds=60,
    extra={"name": "USDC", "version": "2"},
)


class KeySigner:
    """A signer over a key in memory."""

    @property
    def address(self) -> Address:
        return address_of_key(KEY)

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        return sign_with_key(KEY, typed)


def test_the_official_package_reads_our_terms() -> None:
    ours = PaymentRequired(resource=ResourceInfo(url="http://h/x"), accepts=[TERMS])
    theirs = decode_payment_required_header(ours.to_header())
    assert theirs.accepts[0].pay_to == TERMS.pay_to
    assert theirs.accepts[0].amount == "1000"


def test_we_read_the_official_packages_payment() -> None:
    theirs = OfficialPayload.model_validate(
        {"x402Version": 2, "accepted": TERMS.to_json(), "payload": {"signature": "0x00"}}
    )
    ours = PaymentPayload.from_header(encode_payment_signature_header(theirs))
    assert ours.accepted.matches(TERMS)
    assert ours.payload == {"signature": "0x00"}


def test_members_we_do_not_know_survive_the_round_trip() -> None:
    body = {**TERMS.to_json(), "future": {"a": 1}}
    assert PaymentRequirements.from_json(body).to_json()["future"] == {"a": 1}


@pytest.mark.parametrize(
    "header",
    ["%%%", "aGVsbG8=", base64.b64encode(b"[1]").decode(), "A" * (MAX_HEADER_BYTES + 1), "e30="],
)
def test_a_malformed_header_gets_one_sentence(header: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PaymentPayload.from_header(header)
    assert caught.value.code == "invalid_input"
    assert "\n" not in str(caught.value)


def test_url_safe_and_unpadded_base64_are_read_too() -> None:
    header = PaymentRequired(error="?>~~", accepts=[TERMS]).to_header()
    alternative = header.replace("+", "-").replace("/", "_").rstrip("=")
    assert PaymentRequired.from_header(alternative).error == "?>~~"


@pytest.mark.parametrize("change", [{"amount": "1"}, {"payTo": "0x" + "44" * 20}, {"extra": {}}])
def test_an_unfaithful_echo_of_the_terms_does_not_match(change: dict[str, object]) -> None:
    echo = PaymentRequirements.from_json({**TERMS.to_json(), **change})
    assert not echo.matches(TERMS)


@pytest.mark.parametrize("network", ["base", "solana:1", "eip155:", "eip155:x"])
def test_other_networks_are_refused(network: str) -> None:
    with pytest.raises(InvalidInputError):
        chain_id_of(network)


def _config() -> ChannelConfig:
    return ChannelConfig(
        payer=address_of_key(KEY),
        payer_authorizer=address_of_key(KEY),
        receiver=Address("0x" + "33" * 20),
        receiver_authorizer=Address("0x" + "44" * 20),
        token=TOKEN,
        withdraw_delay=900,
        salt=b"\x01" * 32,
    )


def test_a_batch_payload_survives_the_wire() -> None:
    voucher = SignedVoucher(channel_id(_config(), 84532), 5, b"\x01" * 65)
    deposit = Deposit(100, 0, 99, 7, b"\x02" * 65)
    for payload in (BatchPayload(_config(), voucher), BatchPayload(_config(), voucher, deposit)):
        assert parse_batch_payload(json.loads(json.dumps(payload.to_json()))) == payload


@pytest.mark.parametrize(
    "damage",
    [
        {"type": "refund"},
        {"type": None},
        {"voucher": None},
        {"voucher": {"channelId": "0x12", "maxClaimableAmount": "5", "signature": "0x"}},
        {"channelConfig": {}},
        {"deposit": 5},
    ],
)
def test_a_damaged_batch_payload_is_refused_in_one_sentence(damage: dict[str, object]) -> None:
    voucher = SignedVoucher(channel_id(_config(), 84532), 5, b"\x01" * 65)
    body = BatchPayload(_config(), voucher, Deposit(100, 0, 99, 7, b"\x02" * 65)).to_json()
    with pytest.raises(InvalidInputError):
        parse_batch_payload({**body, **damage})


@pytest.mark.parametrize("delay", [899, 2_592_001, "x", None, True, 900.5])
def test_a_withdraw_delay_out_of_range_is_refused(delay: object) -> None:
    body = BatchPayload(_config(), SignedVoucher(bytes(32), 5, b"\x01" * 65)).to_json()
    body["channelConfig"]["withdrawDelay"] = delay
    with pytest.raises(InvalidInputError, match="withdrawDelay"):
        parse_batch_payload(body)


def test_collector_data_is_four_words_and_the_signature() -> None:
    data = deposit_collector_data(0, 99, 7, b"\x02" * 65)
    assert int.from_bytes(data[32:64], "big") == 99
    assert data[160:225] == b"\x02" * 65


@pytest.mark.anyio
async def test_an_exact_payment_checks_out_until_it_expires() -> None:
    domain = token_domain(TERMS.extra, TOKEN, 84532)
    payment = await sign_exact(KeySigner(), TERMS, domain, now=1_000, nonce=b"\x05" * 32)
    assert parse_exact_payload(json.loads(json.dumps(payment.to_json()))) == payment
    check_exact(payment, TERMS, domain, now=1_000)
    cheaper = TERMS.model_copy(update={"amount": "999"})
    elsewhere = TERMS.model_copy(update={"pay_to": "0x" + "66" * 20})
    other_token = token_domain({"name": "USD Coin", "version": "2"}, TOKEN, 84532)
    reasons = []
    for check in (
        partial(check_exact, payment, TERMS, domain, now=1_060),
        partial(check_exact, payment, cheaper, domain, now=1_000),
        partial(check_exact, payment, elsewhere, domain, now=1_000),
        partial(check_exact, payment, TERMS, other_token, now=1_000),
    ):
        with pytest.raises(ExactPaymentError) as caught:
            check()
        reasons.append(caught.value.details["reason"])
    assert reasons == [
        "invalid_exact_evm_payload_authorization_valid_before",
        "invalid_exact_evm_payload_authorization_value_mismatch",
        "invalid_exact_evm_payload_recipient_mismatch",
        "invalid_exact_evm_payload_signature",
    ]


def test_a_metering_receipt_names_its_signer_after_the_wire() -> None:
    word = b"\x03" * 32
    receipt = MeteringReceipt(
        word, word, address_of_key(KEY), word, word, 10, 7, 70, word, word, 1_700_000_000
    )
    signature = sign_with_key(KEY, receipt.to_sign(84532))
    parsed, read = parse_receipt(json.loads(json.dumps(receipt_to_json(receipt, signature))))
    assert parsed == receipt
    assert parsed.signed_by(read, 84532) == address_of_key(KEY)


def test_an_error_is_a_problem_document() -> None:
    problem = InvalidInputError("No.", value=b"\x01", pairs=[(1, Address("0x"))]).problem()
    assert problem["code"] == "invalid_input"
    assert problem["details"] == {"value": "0x01", "pairs": [[1, "0x"]]}
    assert issubclass(InvalidInputError, HeadwaterError)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("null", "it is not an object"),
        ("[]", "it is not an object"),
        ("{}", "accepted is missing"),
        ('{"accepted": 5}', "accepted is not an object"),
        ('{"accepted": {"scheme": 5}}', "accepted.scheme is not text"),
    ],
)
def test_a_malformed_header_is_told_in_the_words_of_its_members(body: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PaymentPayload.from_header(base64.b64encode(body.encode()).decode())
    assert refused.value.message == f"The PaymentPayload header is malformed: {said}."
