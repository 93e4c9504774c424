"""A seller's key in another process: its structs, transactions and sign-ins, each under rules."""

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_contracts.calls import Call
from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.clients.claim_orders import Claim
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.reader import ChainReader
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_marketplace.settlement import SettlementWorker
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import BATCH_SETTLEMENT, channel_domain
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.metering import MeteringReceipt
from headwater_payments.offer_receipt import (
    DeliveryReceipt,
    SignedOfferTerms,
    statement_domain,
)
from headwater_payments.permit2 import PERMIT2
from headwater_payments.sign_in import MAX_AGE_S, SignInMessage, rfc3339
from headwater_payments.signing import recover, recover_text
from headwater_payments.structs import ClaimBatch, ClaimEntry, Refund
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.fees import read_transaction
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.remote_signer import RemoteSigner
from headwater_wallet.seller_rules import SellerRules
from headwater_wallet.signer_service import SignerService
from headwater_wallet.signing_rules import SigningRules, Taken
from headwater_wallet.transaction_rules import (
    TransactionRules,
    transaction_from_json,
    x402_calls,
)
from headwater_wallet.typed_json import typed_from_json, typed_to_json
from headwater_wallet.wallet import open_wallet
from support.chain_shop import open_chain_shop
from support.paying import channel_terms
from support.shop import PAYEE, PRICE, USDC

pytestmark = pytest.mark.anyio

NOW = 1_000_000
KEY = LocalSigner(b"\x07" * 32)
OTHER = Address("0x" + "77" * 20)
ORIGIN = "https://shop.example"
SELLER = SellerRules(Amount(600, USDC), (PAYEE,), (ORIGIN,), refunds=True, most_fee=5)
CALLS = TransactionRules(USDC.chain_id, x402_calls(USDC.address), 10**15, 6 * 10**14)
CHANNELS = channel_domain(USDC.chain_id)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since a socket's path is, and nobody else's."""
    with tempfile.TemporaryDirectory(prefix="hw") as made:
        yield Path(made)


@asynccontextmanager
async def running(
    folder: Path, shown: list[str] | None = None, **options: Any
) -> AsyncIterator[RemoteSigner]:
    service = SignerService(
        options.pop("key", KEY),
        options.pop("rules", None),
        Taken(folder / "taken"),
        now=options.pop("now", lambda: NOW),
        show=(shown if shown is not None else []).append,
        **options,
    )
    async with service.listening(folder / "s"):
        yield await RemoteSigner.connect(folder / "s")


def receipt(**changed: Any) -> TypedData:
    made = MeteringReceipt(
        *(bytes(32), bytes(32), PAYEE, bytes(32), bytes(32), 600, 400, 400),
        *(bytes(32), bytes(32), NOW),
    )
    return replace(made, **changed).to_sign(USDC.chain_id)


def statement(kind: type = SignedOfferTerms, **changed: Any) -> TypedData:
    made: Any = (
        SignedOfferTerms(
            *(1, f"{ORIGIN}/x", "exact", USDC.network, USDC.address, PAYEE, "600", NOW + 60)
        )
        if kind is SignedOfferTerms
        else DeliveryReceipt(1, USDC.network, f"{ORIGIN}/x", OTHER, NOW)
    )
    made = replace(made, **changed)
    return TypedData(statement_domain(made), made)


def order(**changed: Any) -> TypedData:
    made = replace(Claim(USDC.address, 1, 900, KEY.address, 5, NOW + 60), **changed)
    return made.to_sign(USDC.chain_id, OTHER)


BATCH = TypedData(CHANNELS, ClaimBatch((ClaimEntry(bytes(32), 9, 9), ClaimEntry(bytes(32), 5, 4))))
ALLOWED = {
    "receipt for 400": receipt(),
    "offer of https://shop.example/x for 600": statement(),
    "delivery receipt to": statement(DeliveryReceipt),
    "claim 2 channels": BATCH,
    "refund 600 of": TypedData(CHANNELS, Refund(bytes(32), 0, 600)),
    "pay what is due of 900": order(),
}


@pytest.mark.parametrize("said", list(ALLOWED))
async def test_what_a_seller_signs_is_signed_as_the_key_itself_does(
    folder: Path, said: str
) -> None:
    shown: list[str] = []
    async with running(folder, shown, seller=SELLER) as remote:
        signature = await remote.sign_typed_data(ALLOWED[said])
        assert signature == await KEY.sign_typed_data(ALLOWED[said])
        assert recover(ALLOWED[said], signature) == KEY.address
    assert shown[0].startswith(f"signed: {said}")


REFUSED = {
    "a receipt of another's": receipt(payee=OTHER),
    "a receipt for more": receipt(cap=601, charge=1),
    "a receipt above its cap": receipt(charge=601),
    "a receipt of another chain": replace(
        receipt(), domain=Domain("Headwater Metering", "1", 1, None)
    ),
    "an offer for another": statement(pay_to=OTHER),
    "an offer elsewhere": statement(resource_url="https://other.example/x"),
    "an offer on another chain": statement(network="eip155:1"),
    "an offer under a contract": replace(statement(), domain=CHANNELS),
    "a receipt elsewhere": statement(DeliveryReceipt, resource_url="https://other.example/x"),
    "a claim beyond the voucher": TypedData(CHANNELS, ClaimBatch((ClaimEntry(bytes(32), 5, 6),))),
    "a claim of another chain": replace(BATCH, domain=channel_domain(1)),
    "a refund of more": TypedData(CHANNELS, Refund(bytes(32), 0, 601)),
    "an order to a stranger": order(recipient=OTHER),
    "an order for a fee": order(fee=6),
    "an order in another token": order(token=OTHER),
    "an order without a vault": replace(
        order(), domain=Domain("Headwater Vault", "1", 84532, None)
    ),
}


@pytest.mark.parametrize("what", list(REFUSED))
async def test_what_would_harm_the_seller_is_not_signed(folder: Path, what: str) -> None:
    shown: list[str] = []
    async with running(folder, shown, seller=SELLER) as remote:
        with pytest.raises(SignerRefusedError):
            await remote.sign_typed_data(REFUSED[what])
    assert [line.partition(":")[0] for line in shown] == ["refused"]


async def test_nothing_is_signed_that_the_signers_own_command_line_did_not_allow(
    folder: Path,
) -> None:
    buyer = SigningRules(Amount(1_000, USDC))
    async with running(folder, rules=buyer) as remote:
        for typed in ALLOWED.values():
            with pytest.raises(SignerRefusedError):
                await remote.sign_typed_data(typed)
        with pytest.raises(SignerRefusedError, match="signs no transactions"):
            await remote.sign_transaction(transaction())
        with pytest.raises(SignerRefusedError, match="no site"):
            await remote.sign_in(sign_in())
    without = replace(SELLER, refunds=False)
    async with running(folder, seller=without) as remote:
        with pytest.raises(SignerRefusedError, match="no escrow"):
            await remote.sign_typed_data(ALLOWED["refund 600 of"])


@given(
    st.lists(
        st.builds(
            ClaimEntry,
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**128 - 1),
            st.integers(0, 2**128 - 1),
        ),
        max_size=4,
    )
)
def test_claims_survive_the_way(claims: list[ClaimEntry]) -> None:
    typed = TypedData(CHANNELS, ClaimBatch(tuple(claims)))
    assert typed_from_json(typed_to_json(typed)) == typed


READER = ChainReader.connect("http://127.0.0.1:9", USDC.chain_id)
CONTRACT = BatchSettlementClient(READER, BATCH_SETTLEMENT)
TOKEN = SettlementTokenClient(READER, USDC.address)
CLAIM = CONTRACT.claim([VoucherClaim(channel_terms().config, 900, b"\x01" * 65, 700)])
SETTLE = CONTRACT.settle(PAYEE, USDC.address)


def transaction(call: Call | None = None, **changed: Any) -> dict[str, Any]:
    call = call or CONTRACT.multicall([CLAIM, SETTLE])
    return {
        "type": 2,
        "chainId": USDC.chain_id,
        "nonce": 3,
        "to": call.to,
        "data": "0x" + call.data.hex(),
        "value": 0,
        "gas": 100_000,
        "maxFeePerGas": 5 * 10**9,
        "maxPriorityFeePerGas": 1,
        **changed,
    }


async def test_a_transaction_is_signed_as_it_was_asked_for(folder: Path) -> None:
    shown: list[str] = []
    async with running(folder, shown, transactions=CALLS) as remote:
        raw = await remote.sign_transaction(transaction())
        assert raw == await KEY.sign_transaction(transaction())
        # A replacement of it, in the form in which a sender reads it back.
        again = {**read_transaction(raw), "maxFeePerGas": 1}
        assert (await remote.sign_transaction(again)) != raw
    assert shown[0] == (
        f"signed: call multicall(claim, settle) of BatchSettlement for at most {5 * 10**14} wei"
    )


REFUND = CONTRACT.refund(channel_terms().config, 5)
NOT_SIGNED: dict[str, dict[str, Any]] = {
    "another contract": transaction(replace(CLAIM, to=OTHER)),
    "a call that is none of its own": transaction(REFUND),
    "such a call among others": transaction(CONTRACT.multicall([CLAIM, REFUND])),
    "a multicall in a multicall": transaction(CONTRACT.multicall([CONTRACT.multicall([CLAIM])])),
    "more behind the arguments": transaction(replace(CLAIM, data=CLAIM.data + bytes(32))),
    "no call at all": transaction(replace(CLAIM, data=b"")),
    "an approval of somebody": transaction(TOKEN.approve(OTHER, 1)),
    "a plain transfer": transaction(TOKEN.transfer(PAYEE, 1)),
    "coin": transaction(value=1),
    "another chain": transaction(chainId=1),
    "another type": transaction(type=1),
    "a fee above the bound": transaction(maxFeePerGas=6 * 10**9 + 1),
}


@pytest.mark.parametrize("what", list(NOT_SIGNED))
async def test_a_transaction_that_is_not_allowed_is_not_signed(folder: Path, what: str) -> None:
    async with running(folder, transactions=CALLS) as remote:
        with pytest.raises(SignerRefusedError):
            await remote.sign_transaction(NOT_SIGNED[what])
    assert not (folder / "taken").exists()


async def test_fees_keep_to_their_limit_over_a_restart(folder: Path) -> None:
    async with running(folder, transactions=CALLS) as remote:
        await remote.sign_transaction(transaction())
        assert await remote.sign_transaction(transaction(TOKEN.approve(PERMIT2, 1)))
    async with running(folder, transactions=CALLS) as remote:
        with pytest.raises(SignerRefusedError, match="0 are left"):
            await remote.sign_transaction(transaction(maxFeePerGas=1))


@pytest.mark.parametrize(
    "body",
    [
        {**{k: str(v) for k, v in transaction().items()}, "accessList": []},
        {k: str(v) for k, v in transaction().items() if k != "to"},
        {**{k: str(v) for k, v in transaction().items()}, "to": ""},
        "0x02f8",
        None,
    ],
)
def test_a_transaction_of_another_form_is_not_read(body: Any) -> None:
    with pytest.raises(InvalidInputError):
        transaction_from_json(body)


def sign_in(**changed: Any) -> SignInMessage:
    made = SignInMessage(
        "shop.example", KEY.address, f"{ORIGIN}/x", USDC.network, "ab" * 16, rfc3339(NOW)
    )
    return replace(made, **changed)


async def test_it_signs_in_at_the_sites_that_were_named_to_it(folder: Path) -> None:
    shown: list[str] = []
    message = sign_in(
        statement="See what you paid.",
        resources=(f"{ORIGIN}/x",),
        expiration_time=rfc3339(NOW + MAX_AGE_S),
    )
    async with running(folder, shown, sign_in=["shop.example"]) as remote:
        signature = await remote.sign_in(message)
        assert recover_text(message.text(), signature) == KEY.address
        for wrong in (
            sign_in(domain="evil.example", uri="https://evil.example/x"),
            sign_in(uri="https://evil.example/x"),
            sign_in(address=OTHER),
            sign_in(issued_at=rfc3339(NOW - 3_600)),
            sign_in(issued_at="whenever"),
            sign_in(expiration_time=rfc3339(NOW + 3_600)),
            sign_in(expiration_time="9999"),
        ):
            with pytest.raises(SignerRefusedError):
                await remote.sign_in(wrong)
    assert [line.partition(":")[0] for line in shown] == ["signed", *["refused"] * 7]


class Forger(LocalSigner):
    """Signs other transactions than it is asked to."""

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        return await super().sign_transaction({**transaction, "to": OTHER})


async def test_another_transaction_than_was_asked_for_is_not_taken(folder: Path) -> None:
    async with running(folder, key=Forger(b"\x07" * 32), transactions=CALLS) as remote:
        with pytest.raises(UnavailableError, match="another transaction"):
            await remote.sign_transaction(transaction())


async def test_a_seller_sells_claims_and_is_signed_in_to_with_its_keys_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    """Seller and buyer keep their keys elsewhere: a sale, a claim, the answer once more."""
    seller = replace(SELLER, each=Amount(PRICE, USDC), origins=None)
    calls = replace(CALLS, most_fee_wei=10**18, each_fee_wei=None)
    (folder / "b").mkdir(mode=0o700)
    buying = SigningRules(Amount(20 * PRICE, USDC))
    clock = {"now": lambda: int(time.time())}
    async with (
        running(folder, seller=seller, transactions=calls, **clock) as remote,
        open_chain_shop(tmp_path, signer=remote) as shop,
    ):
        host = shop.url.removeprefix("http://")
        shop.app._asking.sign_ins = SignIns(shop.store, remote, shop.url, shop.app._now)
        payer = LocalSigner.random()
        await shop.fund(payer.address, 20 * PRICE)
        async with running(
            folder / "b", key=payer, rules=buying, sign_in=[host], **clock
        ) as signer:
            policy = simple_policy(Amount(10 * PRICE, USDC))
            async with open_wallet(signer, policy, database=tmp_path / "w.db") as wallet:
                async with wallet.client(timeout=60) as client:
                    answer = await client.post(shop.url + "/paid/x", json={"charge": 70})
                assert answer.json() == {"ok": True}
                assert (await wallet.ledger.intents())[0].receipt is not None
                again = await wallet.answered_before(
                    "POST", shop.url + "/paid/x", content=answer.request.content
                )
                assert again.json() == {"ok": True}
        claimed = await SettlementWorker(shop.store, shop.sender, shop.deployment).claim_all()
        assert claimed is not None
        assert await shop.token.balance(PAYEE) == 70
