"""Keys: kept encrypted, derived by the standard, shown to nobody."""

import copy
import json
import logging
import pickle
import stat
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.messages import encode_typed_data
from eth_account.types import Language
from eth_keyfile import keyfile

from headwater_payments.channels import voucher_to_sign
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.signing import recover
from headwater_wallet.errors import KeyStoreError, PolicyRefusedError
from headwater_wallet.keys import (
    MAX_MEMORY,
    MAX_WORK,
    SCRYPT_ROUNDS,
    LocalSigner,
    SeedKeystore,
)
from support.shop import Shop

ENTROPY = bytes(range(32))
WORDS = Mnemonic(Language.ENGLISH).to_mnemonic(ENTROPY)
PASSWORD = "correct horse battery"
ROUNDS = 2


def secrets_of(entropy: bytes) -> list[str]:
    """Every form in which the seed or one of its keys could be written."""
    words = Mnemonic(Language.ENGLISH).to_mnemonic(entropy)
    Account.enable_unaudited_hdwallet_features()
    key = bytes(Account.from_mnemonic(words, account_path="m/44'/60'/0'/0/0").key)
    forms = [words]
    for secret in (entropy, key):
        forms += [secret.hex(), repr(secret), str(int.from_bytes(secret, "big")), str(list(secret))]
    return forms


def assert_silent(text: str, entropy: bytes = ENTROPY, *more: str) -> None:
    found = [form for form in (*secrets_of(entropy), *more) if form.lower() in text.lower()]
    assert not found


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        yield from chain_of(error.__context__ if error.__context__ is not error.__cause__ else None)
        error = error.__cause__


def test_a_saved_seed_is_unlocked_by_its_password(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    SeedKeystore(ENTROPY).save(path, PASSWORD, rounds=ROUNDS)
    again = SeedKeystore.load(path, PASSWORD)
    assert again.signer(3).address == SeedKeystore(ENTROPY).signer(3).address
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert_silent(path.read_text(), ENTROPY, PASSWORD)


def test_a_file_that_exists_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text("mine")
    with pytest.raises(KeyStoreError, match="left as it is"):
        SeedKeystore(ENTROPY).save(path, PASSWORD, rounds=ROUNDS)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="cannot be written"):
        SeedKeystore(ENTROPY).save(tmp_path / "no" / "seed.json", PASSWORD, rounds=ROUNDS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("keys") / "seed.json"
    SeedKeystore(ENTROPY).save(path, PASSWORD, rounds=ROUNDS)
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def refused(path: Path, password: str = PASSWORD) -> KeyStoreError:
    with pytest.raises(KeyStoreError) as caught:
        SeedKeystore.load(path, password)
    for error in chain_of(caught.value):
        assert_silent("".join(traceback.format_exception(error)), ENTROPY, PASSWORD)
        assert_silent(repr(error.args), ENTROPY, PASSWORD)
    return caught.value


def test_a_wrong_password_opens_nothing_and_is_not_repeated(
    tmp_path: Path, saved: dict[str, Any]
) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(saved))
    error = refused(path, "hunter2")
    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "no readable key file" in refused(tmp_path / "none.json").message
    assert "no readable key file" in refused(tmp_path).message


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"7", b"null", b'"text"', b"{", b"\xff\xfe", b'{"crypto": 1}'],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seed.json"
    path.write_bytes(content)
    assert "damaged" in refused(path).message


@pytest.mark.parametrize("member", ["ciphertext", "cipherparams", "kdf", "kdfparams", "mac"])
@pytest.mark.parametrize("value", [None, 7, "zz", {}, []])
def test_a_file_with_a_damaged_member_is_refused(
    tmp_path: Path, saved: dict[str, Any], member: str, value: Any
) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({**saved, "crypto": {**saved["crypto"], member: value}}))
    refused(path)


def test_another_programs_key_file_is_not_taken_for_a_seed(tmp_path: Path) -> None:
    """A plain Ethereum key has 32 bytes too; deriving from it would give accounts nobody funded."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(ENTROPY, PASSWORD, kdf="scrypt", iterations=2)))
    refused(path)


@pytest.mark.parametrize(
    "costly",
    [
        {"n": 2**30},
        {"n": 2**21},
        {"n": 2**18, "p": 2**10},
        {"r": 2**30},
        {"n": 2, "r": 2**10, "p": 2**14},
        {"p": 2**28},
        {"dklen": 2**40},
        {"N": 2**30},
    ],
)
def test_a_file_that_would_take_too_much_to_open_is_not_tried(
    tmp_path: Path, saved: dict[str, Any], costly: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyfile, "scrypt", lambda *_args, **_kwargs: pytest.fail("it was tried"))
    path, crypto = tmp_path / "seed.json", saved["crypto"]
    work = {**crypto["kdfparams"], **costly}
    path.write_text(json.dumps({**saved, "crypto": {**crypto, "kdfparams": work}}))
    assert "not tried" in refused(path).message


def test_a_file_of_too_many_iterations_is_not_tried(tmp_path: Path, saved: dict[str, Any]) -> None:
    path, salt = tmp_path / "seed.json", saved["crypto"]["kdfparams"]["salt"]
    work = {"c": 2**40, "dklen": 32, "prf": "hmac-sha256", "salt": salt}
    crypto = {**saved["crypto"], "kdf": "pbkdf2", "kdfparams": work}
    path.write_text(json.dumps({**saved, "crypto": crypto}))
    assert "not tried" in refused(path).message


def test_no_file_is_saved_that_could_not_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="rounds"):
        SeedKeystore(ENTROPY).save(tmp_path / "seed.json", PASSWORD, rounds=2**22)
    assert not list(tmp_path.iterdir())


def test_what_is_saved_by_default_can_be_opened() -> None:
    assert SCRYPT_ROUNDS * 8 * 8 <= MAX_WORK
    assert SCRYPT_ROUNDS * 8 * 128 <= MAX_MEMORY


def test_a_file_whose_vector_was_changed_opens_no_other_seed(
    tmp_path: Path, saved: dict[str, Any]
) -> None:
    """The checksum covers the encrypted seed, not the vector that it was encrypted with."""
    path, crypto = tmp_path / "seed.json", saved["crypto"]
    iv = bytearray.fromhex(crypto["cipherparams"]["iv"])
    iv[0] ^= 1
    changed = {**crypto, "cipherparams": {"iv": iv.hex()}}
    path.write_text(json.dumps({**saved, "crypto": changed}))
    assert "another account" in refused(path).message


@pytest.mark.parametrize("address", ["", "zz", 7, [], "11" * 20])
def test_a_file_that_names_another_account_is_refused(
    tmp_path: Path, saved: dict[str, Any], address: object
) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({**saved, "address": address}))
    refused(path)


def test_a_file_without_an_address_is_opened_as_before(
    tmp_path: Path, saved: dict[str, Any]
) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({k: v for k, v in saved.items() if k != "address"}))
    first = SeedKeystore(ENTROPY).signer(0).address
    assert SeedKeystore.load(path, PASSWORD).signer(0).address == first


@pytest.mark.parametrize("index", [0, 1, 7, 2**31 - 1])
def test_accounts_are_derived_as_eth_account_derives_them(index: int) -> None:
    Account.enable_unaudited_hdwallet_features()
    theirs = Account.from_mnemonic(WORDS, account_path=f"m/44'/60'/0'/0/{index}")
    assert SeedKeystore(ENTROPY).signer(index).address == theirs.address


@pytest.mark.parametrize("index", [-1, 2**31])
def test_an_index_out_of_range_is_refused(index: int) -> None:
    with pytest.raises(InvalidInputError):
        SeedKeystore(ENTROPY).signer(index)


@pytest.mark.parametrize("entropy", [b"", b"short", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(entropy: bytes) -> None:
    with pytest.raises(InvalidInputError):
        SeedKeystore(entropy)


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize(
    "secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 33, b""]
)
def test_what_is_no_key_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        LocalSigner(secret)
    for error in chain_of(caught.value):
        if len(secret) > 8:
            assert secret.hex() not in str(error)
            assert repr(secret) not in str(error)


@pytest.mark.anyio
async def test_signatures_agree_with_eth_account() -> None:
    for number in range(1, 30):
        secret = (number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % ORDER).to_bytes(32, "big")
        typed = voucher_to_sign(secret[::-1], number * 10**30 % 2**128, 84532)
        signer = LocalSigner(secret)
        ours = await signer.sign_typed_data(typed)
        message = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Voucher": [
                    {"name": "channelId", "type": "bytes32"},
                    {"name": "maxClaimableAmount", "type": "uint128"},
                ],
            },
            "primaryType": "Voucher",
            "domain": {
                "name": "x402 Batch Settlement",
                "version": "1",
                "chainId": 84532,
                "verifyingContract": typed.domain.verifying_contract,
            },
            "message": {
                "channelId": secret[::-1],
                "maxClaimableAmount": number * 10**30 % 2**128,
            },
        }
        theirs = Account.from_key(secret).sign_message(encode_typed_data(full_message=message))
        assert ours == bytes(theirs.signature)
        assert recover(typed, ours) == signer.address == Account.from_key(secret).address


@pytest.mark.anyio
async def test_a_transaction_is_signed_as_eth_account_signs_it() -> None:
    transaction: dict[str, Any] = {
        "type": 2,
        "chainId": 84532,
        "nonce": 5,
        "to": "0x" + "33" * 20,
        "data": "0x1234",
        "value": 7,
        "gas": 100_000,
        "maxFeePerGas": 10**9,
        "maxPriorityFeePerGas": 1,
    }
    signer = SeedKeystore(ENTROPY).signer(0)
    Account.enable_unaudited_hdwallet_features()
    theirs = Account.from_mnemonic(WORDS).sign_transaction(transaction)
    assert await signer.sign_transaction(transaction) == bytes(theirs.raw_transaction)
    for broken in ({}, {**transaction, "nonce": "x"}, {**transaction, "surprise": 1}):
        with pytest.raises(InvalidInputError) as caught:
            await signer.sign_transaction(broken)
        for error in chain_of(caught.value):
            assert_silent("".join(traceback.format_exception(error)))


@pytest.mark.parametrize("make", [lambda: SeedKeystore(ENTROPY), lambda: LocalSigner(ENTROPY)])
def test_nothing_shows_or_copies_a_key(make: Any) -> None:
    holder = make()
    for text in (repr(holder), str(holder), f"{holder}", f"{holder!r:>80}", repr([holder])):
        assert_silent(text)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="stays in this process"):
            pickle.dumps(holder, protocol)
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stays in this process"):
            duplicate(holder)
    assert not hasattr(holder, "__dict__")
    with pytest.raises(TypeError):
        json.dumps(holder)


def file_contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.glob("*.db*")]


@pytest.mark.anyio
async def test_a_paid_call_leaves_no_key_in_logs_ledgers_or_errors(
    shop: Shop, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    wallet = await shop.wallet()
    signer = SeedKeystore(ENTROPY).signer(0)
    shop.chain.wallets[signer.address] = 10**7
    wallet.buyer.signer = signer
    with pytest.raises(TypeError):
        copy.deepcopy(wallet)
    with pytest.raises(TypeError):
        pickle.dumps(wallet)
    async with shop.client(wallet) as client:
        for body in ({"charge": 7}, {"chunks": 3, "charge": 7}, {"fail": True}):
            await client.post("/paid/x", json=body)
        wallet.buyer.policy = type(wallet.policy)(wallet.policy.budget)
        with pytest.raises(PolicyRefusedError) as caught:
            await client.post("/paid/x", json={})
    assert len(await wallet.ledger.intents("settled")) == 2
    for error in chain_of(caught.value):
        assert_silent("".join(traceback.format_exception(error)))
    problem = caught.value.problem() if isinstance(caught.value, HeadwaterError) else {}
    assert_silent(json.dumps(problem))
    assert caplog.records
    assert_silent(caplog.text)
    assert_silent(" ".join(repr(record.__dict__) for record in caplog.records))
    assert_silent(repr(wallet) + repr(wallet.buyer) + str(wallet.buyer))
    contents = file_contents(tmp_path)
    assert len(contents) >= 2
    for content in contents:
        assert_silent(content.decode("latin-1"))
        for secret in (ENTROPY, bytes(Account.from_mnemonic(WORDS).key)):
            assert secret not in content


@pytest.mark.anyio
async def test_a_graph_that_holds_a_wallet_checkpoints_no_key(shop: Shop, tmp_path: Path) -> None:
    """LangGraph writes state and config to its checkpoints; a wallet travels in its context."""
    from typing import TypedDict

    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.runtime import Runtime

    class State(TypedDict):
        answer: str

    wallet = await shop.wallet()
    wallet.buyer.signer = signer = SeedKeystore(ENTROPY).signer(0)
    shop.chain.wallets[signer.address] = 10**7

    async def buy(state: State, runtime: Runtime[Any]) -> State:
        async with shop.client(runtime.context) as client:
            return {"answer": (await client.post("/paid/x", json={"charge": 9})).text}

    graph: Any = StateGraph(State, context_schema=object)
    graph.add_node("buy", buy)
    graph.add_edge(START, "buy")
    graph.add_edge("buy", END)
    saver = InMemorySaver()
    config = {"configurable": {"thread_id": "t"}}
    said = await graph.compile(checkpointer=saver).ainvoke({"answer": ""}, config, context=wallet)
    assert said["answer"] == '{"ok":true}'
    stored = repr(dict(saver.storage)) + repr(dict(saver.blobs)) + repr(dict(saver.writes))
    assert "ok" in stored
    assert_silent(stored)
