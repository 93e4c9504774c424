"""A key in another process: it decodes what it signs, keeps to its limits, and is never shown."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import ERC3009_DEPOSIT_COLLECTOR, channel_domain, voucher_to_sign
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.permit2 import PERMIT2
from headwater_payments.sign_in import SignInMessage, rfc3339
from headwater_payments.signing import recover
from headwater_payments.structs import (
    ClaimBatch,
    ReceiveWithAuthorization,
    Refund,
    TransferWithAuthorization,
    WalletSecret,
)
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.keys import LocalSigner, SeedKeystore
from headwater_wallet.policy import simple_policy
from headwater_wallet.remote_signer import RemoteSigner
from headwater_wallet.session_keys import SessionSigner
from headwater_wallet.signer_service import MAX_QUESTION, SignerService
from headwater_wallet.signing_rules import SigningRules, Taken
from headwater_wallet.typed_json import typed_from_json, typed_to_json
from headwater_wallet.wallet import open_wallet
from support.shop import PAYEE, USDC, Shop, open_shop

pytestmark = pytest.mark.anyio

NOW = 1_000_000
KEY = LocalSigner(b"\x07" * 32)
TOKEN = Domain(USDC.name, USDC.version, USDC.chain_id, USDC.address)
RULES = SigningRules(Amount(1_000, USDC), Amount(600, USDC), (PAYEE,))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since a socket's path is, and nobody else's."""
    with tempfile.TemporaryDirectory(prefix="hw") as made:
        yield Path(made)


def moved(kind: type = TransferWithAuthorization, **changed: Any) -> TypedData:
    to = PAYEE if kind is TransferWithAuthorization else ERC3009_DEPOSIT_COLLECTOR
    struct = kind(KEY.address, to, 400, 0, NOW + 60, bytes(32))
    return TypedData(changed.pop("domain", TOKEN), replace(struct, **changed))


def service(folder: Path, rules: SigningRules = RULES, shown: list[str] | None = None) -> Any:
    show = (shown if shown is not None else []).append
    taken = Taken(folder / "taken")
    return SignerService(KEY, rules, taken, now=lambda: NOW, show=show)


@asynccontextmanager
async def running(folder: Path, shown: list[str] | None = None) -> AsyncIterator[RemoteSigner]:
    async with service(folder, shown=shown).listening(folder / "s"):
        yield await RemoteSigner.connect(folder / "s")


async def test_it_signs_what_is_allowed_as_the_key_itself_does(folder: Path) -> None:
    shown: list[str] = []
    allowed = [
        moved(),
        moved(ReceiveWithAuthorization),
        voucher_to_sign(bytes(range(32)), 600, USDC.chain_id),
        TypedData(Domain("Headwater Wallet", "1", 84532, None), WalletSecret("payment ids")),
    ]
    async with running(folder, shown) as remote:
        assert remote.address == KEY.address
        for typed in allowed:
            signature = await remote.sign_typed_data(typed)
            assert signature == await KEY.sign_typed_data(typed)
            assert recover(typed, signature) == KEY.address
    assert shown == [
        f"signed: transfer 400 to {PAYEE}",
        "signed: deposit 400",
        f"signed: voucher to 600 on 0x{bytes(range(32)).hex()}",
        "signed: secret for 'payment ids'",
    ]


OTHER = Address("0x" + "77" * 20)
REFUSED = {
    "another payee": moved(to=OTHER),
    "another sender": moved(sender=OTHER),
    "more than one may take": moved(value=601),
    "a day's validity": moved(valid_before=NOW + 86_400),
    "another token": moved(domain=Domain(USDC.name, USDC.version, USDC.chain_id, OTHER)),
    "another chain": moved(domain=Domain(USDC.name, USDC.version, 1, USDC.address)),
    "a deposit elsewhere": moved(ReceiveWithAuthorization, to=OTHER),
    "too much on a channel": voucher_to_sign(bytes(32), 601, USDC.chain_id),
    "a voucher of another chain": voucher_to_sign(bytes(32), 1, 1),
    "a seller's struct": TypedData(TOKEN, Refund(bytes(32), 0, 1)),
    "a secret under a contract": TypedData(TOKEN, WalletSecret("payment ids")),
}


@pytest.mark.parametrize("what", list(REFUSED))
async def test_it_refuses_what_is_not_allowed(folder: Path, what: str) -> None:
    shown: list[str] = []
    async with running(folder, shown) as remote:
        with pytest.raises(SignerRefusedError):
            await remote.sign_typed_data(REFUSED[what])
    assert [line.partition(":")[0] for line in shown] == ["refused"]
    assert not (folder / "taken").exists()


async def test_all_signatures_together_keep_to_the_limit_even_after_a_restart(folder: Path) -> None:
    async with running(folder) as remote:
        await remote.sign_typed_data(moved(value=600))
    async with running(folder) as remote:
        with pytest.raises(SignerRefusedError, match="400 left"):
            await remote.sign_typed_data(moved(value=401))
        await remote.sign_typed_data(moved(ReceiveWithAuthorization, value=400))
        with pytest.raises(SignerRefusedError, match="0 left"):
            await remote.sign_typed_data(moved(value=1))
    assert stat.S_IMODE((folder / "taken").stat().st_mode) == 0o600


async def test_requests_at_once_take_no_more_than_the_limit(folder: Path) -> None:
    done: list[bool] = []

    async def ask(remote: RemoteSigner) -> None:
        try:
            await remote.sign_typed_data(moved(value=300))
            done.append(True)
        except SignerRefusedError:
            done.append(False)

    async with running(folder) as remote, anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(ask, remote)
    assert sorted(done) == [False] * 5 + [True] * 3


HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    "question",
    [
        {"hash": HASH},
        {"sign": HASH},
        {"sign": {"digest": HASH}},
        {"sign": typed_to_json(moved()), "hash": HASH},
        {"sign": {**typed_to_json(moved()), "types": {}}},
        {"sign": {**typed_to_json(moved()), "primaryType": "Mail"}},
        {"sign": {**typed_to_json(moved()), "message": {"from": KEY.address}}},
        {"key": True},
        [],
        "sign",
    ],
)
async def test_there_is_no_question_to_which_a_bare_hash_is_signed(
    folder: Path, question: Any
) -> None:
    answer = await service(folder).answer(json.dumps(question).encode())
    assert answer["refused"] == "invalid_input"
    assert "signature" not in answer


@given(st.binary(max_size=200))
def test_no_bytes_make_the_service_fail(question: bytes) -> None:
    with tempfile.TemporaryDirectory() as made:
        answer = anyio.run(service(Path(made)).answer, question)
    asked_for_its_address = answer == {"address": KEY.address} and b"address" in question
    assert asked_for_its_address or set(answer) == {"refused", "detail"}


@given(
    st.builds(
        TransferWithAuthorization,
        st.just(KEY.address),
        st.just(PAYEE),
        st.integers(0, 2**256 - 1),
        st.integers(0, 2**256 - 1),
        st.integers(0, 2**256 - 1),
        st.binary(min_size=32, max_size=32),
    )
)
def test_typed_data_survives_the_way(struct: TransferWithAuthorization) -> None:
    typed = TypedData(TOKEN, struct)
    again = typed_from_json(json.loads(json.dumps(typed_to_json(typed))))
    assert again == typed
    assert again.digest() == typed.digest()


async def test_only_its_own_user_reaches_the_socket(folder: Path) -> None:
    async with running(folder):
        assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600
        with pytest.raises(UnavailableError, match="already"):
            async with service(folder).listening(folder / "s"):
                pytest.fail("two signers at one socket")
    assert not (folder / "s").exists()
    await anyio.Path(folder).chmod(0o777)
    with pytest.raises(UnavailableError, match="chmod 700"):
        async with service(folder).listening(folder / "s"):
            pytest.fail("a public folder was used")


async def test_what_a_signer_left_behind_is_no_obstacle_and_other_files_are(folder: Path) -> None:
    async with await anyio.create_unix_listener(folder / "s"):
        pass
    assert (folder / "s").exists()
    async with running(folder) as remote:
        assert remote.address == KEY.address
    (folder / "s").write_text("mine")
    with pytest.raises(UnavailableError, match="no socket"):
        async with running(folder):
            pytest.fail("a file was taken for a socket")
    assert (folder / "s").read_text() == "mine"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\n",
        b"[]\n",
        b'{"signature": "0x00"}\n',
        b"x" * (MAX_QUESTION + 1),
        b"[" * 9_000 + b"\n",
    ],
)
async def test_a_signer_that_answers_nonsense_is_unavailable(folder: Path, reply: bytes) -> None:
    async def answer(stream: Any) -> None:
        async with stream:
            await stream.receive()
            await stream.send(reply) if reply else None

    async with (
        await anyio.create_unix_listener(folder / "s") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, answer)
        with pytest.raises(UnavailableError):
            await RemoteSigner(folder / "s", KEY.address).sign_typed_data(moved())
        with pytest.raises(UnavailableError):
            await RemoteSigner.connect(folder / "s")
        group.cancel_scope.cancel()


async def test_a_second_signer_of_a_key_is_refused_and_the_count_is_one(folder: Path) -> None:
    seller, buyer = service(folder), service(folder)
    async with buyer.listening(folder / "buyer"):
        with pytest.raises(UnavailableError, match="Another signer"):
            async with seller.listening(folder / "seller"):
                pytest.fail("Two signers count in one file.")
        await (await RemoteSigner.connect(folder / "buyer")).sign_typed_data(moved())
    async with seller.listening(folder / "seller"):
        await (await RemoteSigner.connect(folder / "seller")).sign_typed_data(moved())
    assert Taken(folder / "taken").atomic == 800, "what the first one took is counted on"


async def test_another_keys_signature_is_not_taken(folder: Path) -> None:
    async with running(folder):
        with pytest.raises(UnavailableError, match="another key"):
            await RemoteSigner(folder / "s", OTHER).sign_typed_data(moved())


@asynccontextmanager
async def cold_payer(folder: Path, shop: Shop) -> AsyncIterator[RemoteSigner]:
    shop.chain.wallets[KEY.address] = 10**6
    rules = SigningRules(Amount(50_000, USDC))
    taken = Taken(folder / "taken")
    asked: list[str] = []
    one = SignerService(KEY, rules, taken, now=lambda: int(time.time()), show=asked.append)
    async with one.listening(folder / "s"):
        remote = await RemoteSigner.connect(folder / "s")
        remote.asked = asked  # type: ignore[attr-defined]
        yield remote


async def test_a_wallet_pays_through_a_remote_signer(folder: Path, tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, cold_payer(folder, shop) as remote:
        policy = simple_policy(Amount(20_000, USDC))
        async with (
            open_wallet(remote, policy, database=tmp_path / "w.db") as wallet,
            shop.client(wallet) as client,
        ):
            for _ in range(3):
                assert (await client.post("/paid/x", json={"charge": 7})).status_code == 200
            assert (await wallet.budget()).charged == 21


async def test_a_session_key_signs_vouchers_and_the_payer_only_deposits(
    folder: Path, tmp_path: Path
) -> None:
    async with open_shop(tmp_path) as shop, cold_payer(folder, shop) as payer:
        session = LocalSigner.random()
        signer = SessionSigner(payer, session)
        policy = simple_policy(Amount(20_000, USDC))
        async with (
            open_wallet(signer, policy, database=tmp_path / "w.db") as wallet,
            shop.client(wallet) as client,
        ):
            for _ in range(3):
                assert (await client.post("/paid/x", json={"charge": 7})).status_code == 200
            assert (await wallet.budget()).charged == 21
        [record] = await shop.store.channels()
        assert record.config.payer == KEY.address
        assert record.config.payer_authorizer == session.address
        kinds = [line.split()[1] for line in payer.asked]  # type: ignore[attr-defined]
        assert kinds == ["secret", "deposit"]
        with pytest.raises(InvalidInputError):
            signer.sign_now(moved())


POLICY = f"""
[asset]
chain_id = {USDC.chain_id}
address = "{USDC.address}"
symbol = "USDC"
decimals = 6
name = "USDC"
version = "2"

[[constraints]]
type = "payment.budget"
max = "0.001"
currency = "USDC"

[[rules]]
action = "allow"
reason = "the limits are the signer's"
"""


def start(folder: Path, *more: str) -> "subprocess.Popen[str]":
    key = folder / "key"
    SeedKeystore(b"\x21" * 32).save(key, "correct horse", rounds=2)
    (folder / "password").write_text("correct horse\n")
    (folder / "policy.toml").write_text(POLICY)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "headwater", "wallet", "signer", str(key)),
            *(
                "--socket",
                str(folder / "s"),
                *("--sells-for", PAYEE, "--fees", "0.01", "--sign-in", "shop.test"),
                "--policy",
                str(folder / "policy.toml"),
                *more,
            ),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HEADWATER_PASSWORD_FILE": str(folder / "password")},
    )


async def test_the_command_keeps_the_key_to_itself(folder: Path) -> None:
    process = start(folder)
    assert process.stdout is not None
    try:
        first = await anyio.to_thread.run_sync(process.stdout.readline)
        seed = SeedKeystore(b"\x21" * 32).signer(0)
        assert first == f"{seed.address} signs at {folder / 's'}\n"
        remote = await RemoteSigner.connect(folder / "s")
        typed = voucher_to_sign(bytes(32), 5, USDC.chain_id)
        assert await remote.sign_typed_data(typed) == await seed.sign_typed_data(typed)
        with pytest.raises(HeadwaterError):
            await remote.sign_typed_data(voucher_to_sign(bytes(32), 1_001, USDC.chain_id))
        claim = TypedData(channel_domain(USDC.chain_id), ClaimBatch(()))
        assert await remote.sign_typed_data(claim) == await seed.sign_typed_data(claim)
        asked = SignInMessage(
            *("shop.test", seed.address, "http://shop.test/x", USDC.network, "ab" * 16),
            rfc3339(int(time.time())),
        )
        assert await remote.sign_in(asked) == await seed.sign_in(asked)
        approval = {
            **dict.fromkeys(("nonce", "value", "maxPriorityFeePerGas"), 0),
            "type": 2,
            "chainId": USDC.chain_id,
            "to": USDC.address,
            "data": "0x095ea7b3" + f"{int(PERMIT2, 16):064x}" + f"{1:064x}",
            "gas": 60_000,
            "maxFeePerGas": 10**9,
        }
        assert await remote.sign_transaction(approval) == await seed.sign_transaction(approval)
        with pytest.raises(SignerRefusedError, match="are left"):
            await remote.sign_transaction({**approval, "maxFeePerGas": 10**12})
    finally:
        process.send_signal(signal.SIGINT)
        said = await anyio.to_thread.run_sync(process.communicate)
    assert process.returncode == 130
    assert not (folder / "s").exists()
    text = first + said[0]
    assert "signed: voucher to 5" in text
    assert "signed: call approve of SettlementToken" in text
    assert "refused: A voucher takes at most 1000" in text
    for secret in ("correct horse", "21" * 32, seed._key.to_hex(), str(seed._key.to_int())):
        assert secret not in text
