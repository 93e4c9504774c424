"""Type hashes and digests against the published values of x402's `batch-settlement` scheme."""

import coincurve
import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.address import Address, parse_address
from headwater_payments.channels import channel_domain, channel_id, deposit_nonce
from headwater_payments.eip712 import Domain, Struct, TypedData, type_hash
from headwater_payments.errors import InvalidInputError
from headwater_payments.permit2 import DepositPermit, ExactPermit, UptoPermit
from headwater_payments.signing import address_of_key, recover, sign_with_key
from headwater_payments.structs import (
    ChannelConfig,
    ClaimBatch,
    ClaimEntry,
    ReceiveWithAuthorization,
    Refund,
    TransferWithAuthorization,
    Voucher,
)

CHAIN = 84532
VECTOR_CHANNEL = ChannelConfig(
    payer=Address("0x" + "11" * 20),
    payer_authorizer=Address("0x" + "11" * 20),
    receiver=Address("0x" + "33" * 20),
    receiver_authorizer=Address("0x" + "44" * 20),
    token=Address("0x" + "55" * 20),
    withdraw_delay=900,
    salt=bytes(32),
)
VECTOR_ID = bytes.fromhex("5aa0c653042e33ac01a3e944daa7f9a9db4153a203423551757927bca6a8fc93")


@pytest.mark.parametrize(
    ("struct", "expected"),
    [
        (ChannelConfig, "1c9a06ceab9b0ebbd3301dc56c9111bb6d9af421356dc9ccb3b7084c755db308"),
        (Voucher, "1e1bd6ff84c3e0d9029a292b212e039c0ca97ec497c55191a4a5874294609a69"),
        (Refund, "be23ad087435072cd69b49cc5b92de10ee610fce7ae0ab428307972d764bb216"),
        (ClaimEntry, "30b9a0367528fca13c3e8ec6134c3113f1887ebe7a1ad61de0955aac288b0cf5"),
        (ClaimBatch, "42bd57c010b870c2e96203c66341f28a6a19b4d56a74533a8eb5f706b9fd6d57"),
        (
            TransferWithAuthorization,
            "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267",
        ),
        (
            ReceiveWithAuthorization,
            "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8",
        ),
        (ExactPermit, "ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7"),
        (UptoPermit, "51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee"),
        (DepositPermit, "436a25c01a21a6ed025816c4c9ea3d6132aa879dd7ef16f6188dd3b0aebccc52"),
    ],
)
def test_type_hashes_are_the_published_ones(struct: type[Struct], expected: str) -> None:
    assert type_hash(struct).hex() == expected


def test_l2_1_a_channel_id_is_the_full_digest_of_its_configuration() -> None:
    assert channel_id(VECTOR_CHANNEL, CHAIN) == VECTOR_ID


def test_l2_2_voucher_digest() -> None:
    digest = TypedData(channel_domain(CHAIN), Voucher(VECTOR_ID, 1000)).digest()
    assert digest.hex() == "beff2905f91d80520e5393b1e6aa65c14c4cf4f6e9c36eab64b49a90953873e2"


def test_l2_3_claim_batch_digest() -> None:
    batch = ClaimBatch((ClaimEntry(VECTOR_ID, 1000, 500),))
    digest = TypedData(channel_domain(CHAIN), batch).digest()
    assert digest.hex() == "fecd0b3504fb3b63b76003ba280d5303975ed18f1e0332b42b2428389b3569e4"


def test_l2_4_refund_digest() -> None:
    digest = TypedData(channel_domain(CHAIN), Refund(VECTOR_ID, 0, 500)).digest()
    assert digest.hex() == "c1a94fb1c3b10ade231ee6347ba905daef6c2ce0217deb1901d7f61960e49a49"


def test_l2_5_deposit_nonce() -> None:
    expected = "7deb3b60ec0f1bf56dbdd0ffedbadafddeaa08947884ff0f215ce93ee1826102"
    assert deposit_nonce(b"\x11" * 32, 1).hex() == expected


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**128 - 1))
def test_our_signatures_equal_those_of_eth_account(identifier: bytes, maximum: int) -> None:
    key = coincurve.PrivateKey(b"\x07" * 32)
    typed = TypedData(channel_domain(CHAIN), Voucher(identifier, maximum))
    signature = sign_with_key(key, typed)
    theirs = Account.sign_typed_data(
        key.secret,
        {
            "name": "x402 Batch Settlement",
            "version": "1",
            "chainId": CHAIN,
            "verifyingContract": typed.domain.verifying_contract,
        },
        {
            "Voucher": [
                {"name": "channelId", "type": "bytes32"},
                {"name": "maxClaimableAmount", "type": "uint128"},
            ]
        },
        {"channelId": identifier, "maxClaimableAmount": maximum},
    )
    assert signature == bytes(theirs.signature)
    assert recover(typed, signature) == address_of_key(key)


def test_a_malleated_signature_is_refused() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    typed = TypedData(channel_domain(CHAIN), Voucher(VECTOR_ID, 1))
    signature = sign_with_key(coincurve.PrivateKey(b"\x07" * 32), typed)
    high = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    flipped = signature[:32] + high + bytes([55 - signature[64]])
    with pytest.raises(InvalidInputError, match="upper half"):
        recover(typed, flipped)


def test_a_domain_without_version_or_contract_leaves_them_out_of_its_type() -> None:
    full = Domain("Permit2", "1", 1, Address("0x" + "11" * 20))
    bare = Domain("Permit2", None, 1, None)
    assert full.separator != bare.separator


@pytest.mark.parametrize("value", [-1, 2**128, True, "5"])
def test_a_value_that_does_not_fit_its_type_is_never_encoded(value: object) -> None:
    with pytest.raises(InvalidInputError):
        Voucher(VECTOR_ID, value).hash()  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "0x", "0x12", "11" * 20, "0x" + "zz" * 20, 5])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_address(text)


def test_an_address_with_a_wrong_checksum_is_refused() -> None:
    good = parse_address("0x036cbd53842c5426634e7929541ec2318f3dcf7e")
    assert good == "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
    with pytest.raises(InvalidInputError, match="checksum"):
        parse_address("0x036CBd53842c5426634e7929541eC2318f3dCF7e")
