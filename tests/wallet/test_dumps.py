"""No key, seed or password in what tools write out: tracebacks with variables, crashes, dumps."""

import dataclasses
import importlib
import inspect
import os
import pkgutil
import pprint
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from wallet.test_keys import ENTROPY, PASSWORD, ROUNDS, assert_silent, secrets_of

from headwater_marketplace.seller.mpp_wire import MppWire
from headwater_payments.channels import voucher_to_sign
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import HeadwaterError, MissingExtraError
from headwater_payments.jws import JwsKey
from headwater_payments.structs import Voucher
from headwater_wallet.keys import LocalSigner, SeedKeystore
from headwater_wallet.session_keys import SessionSigner
from support.shop import Shop

PACKAGES = (
    *("headwater_payments", "headwater_contracts", "headwater_attribution", "headwater_wallet"),
    *("headwater_models", "headwater_marketplace", "headwater_agents", "headwater_simulations"),
    "headwater",
)
LONG = ENTROPY + b"!"
BEYOND = b"\xff" * 31 + b"A"
"""A seed and a key that are none, for errors about them."""


def shown(work: Callable[[], object]) -> str:
    """What a tool shows of an error: each frame below this one with its variables."""
    try:
        work()
    except HeadwaterError as error:
        inner = error.__traceback__.tb_next if error.__traceback__ else None
        told = traceback.TracebackException(
            type(error), error.with_traceback(inner), inner, capture_locals=True
        )
        return "".join(told.format())
    raise AssertionError("nothing went wrong")


def keyfile(folder: Path) -> Path:
    path = folder / "seed.key"
    SeedKeystore(ENTROPY).save(path, PASSWORD, rounds=ROUNDS)
    return path


def broken(signer: LocalSigner) -> Callable[[], object]:
    typed = voucher_to_sign(bytes(32), 1, 84532)
    return lambda: signer.sign_now(TypedData(typed.domain, Voucher(bytes(31), -1)))


FAILURES: dict[str, Callable[[Path], Callable[[], object]]] = {
    "a key that is none": lambda _: lambda: LocalSigner(BEYOND),
    "a key of a JWS that is none": lambda _: lambda: JwsKey(BEYOND),
    "a seed that is none": lambda _: lambda: SeedKeystore(LONG),
    "a secret too short": lambda _: lambda: MppWire("shop", ENTROPY[:15], lambda: 0),
    "a realm that is none": lambda _: lambda: MppWire("a\nb", ENTROPY, lambda: 0),
    "a wrong password": lambda folder: (
        lambda path: lambda: SeedKeystore.load(path, PASSWORD + "!")
    )(keyfile(folder)),
    "a file that is there": lambda folder: (
        lambda path: lambda: SeedKeystore(ENTROPY).save(path, PASSWORD, rounds=ROUNDS)
    )(keyfile(folder)),
    "an account out of range": lambda _: lambda: SeedKeystore(ENTROPY).signer(-1),
    "what cannot be signed": lambda _: broken(SeedKeystore(ENTROPY).signer(0)),
}


@pytest.mark.parametrize("what", list(FAILURES))
def test_a_traceback_with_its_variables_shows_no_secret(tmp_path: Path, what: str) -> None:
    text = shown(FAILURES[what](tmp_path))
    assert "Error" in text
    more = (repr(LONG), repr(BEYOND), BEYOND.hex(), repr(ENTROPY[:15]))
    assert_silent(text, ENTROPY, PASSWORD, *more)


HOLDERS: list[Callable[[], object]] = [
    lambda: SeedKeystore(ENTROPY),
    lambda: SeedKeystore(ENTROPY).signer(0),
    lambda: LocalSigner(ENTROPY),
    lambda: SessionSigner(LocalSigner(ENTROPY), SeedKeystore(ENTROPY).signer(0)),
    lambda: JwsKey(ENTROPY),
    lambda: MppWire("shop", ENTROPY, lambda: 0),
]


@pytest.mark.parametrize("make", HOLDERS)
def test_a_dump_of_what_holds_a_key_shows_none(make: Callable[[], object]) -> None:
    holder = make()
    for text in (repr(holder), str(holder), pprint.pformat({"settings": [holder]})):
        assert_silent(text)


@pytest.mark.anyio
async def test_a_dump_of_a_wallet_and_all_that_it_holds_shows_no_key(shop: Shop) -> None:
    wallet = await shop.wallet(signer=SeedKeystore(ENTROPY).signer(0))
    wallet.buyer.id_secret = b"\xfe\xdc" * 16
    async with shop.client(wallet) as client:
        await client.post("/paid/x", json={"charge": 7}, headers={"Idempotency-Key": "k"})
    parts: list[object] = [wallet, wallet.buyer, wallet.ledger, wallet.policy, shop.app, client]
    parts += await wallet.ledger.intents()
    for part in parts:
        assert_silent(pprint.pformat(part), ENTROPY, repr(wallet.buyer.id_secret))
    assert_silent(repr(await wallet.ledger.audit_log()), ENTROPY)


def test_no_record_shows_a_field_that_is_named_as_a_secret() -> None:
    """Settings and records are shown whole, so what must not be shown says so by its field."""
    wrong, seen = [], 0
    for kind in _records():
        for name, is_shown in _fields(kind):
            seen += 1
            if is_shown and re.search("secret|password|private_key|entropy|mnemonic|api_key", name):
                wrong.append(f"{kind.__module__}.{kind.__name__}.{name}")
    assert seen > 500, "the records were found"
    assert wrong == []


def _records() -> Iterator[type]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        for info in pkgutil.walk_packages(found.__path__, f"{package}."):
            if info.name.endswith((".__main__", ".env")) or ".versions." in info.name:
                continue
            try:
                module = importlib.import_module(info.name)
            except MissingExtraError:
                # An extra that the tests do without, such as the one with torch.
                continue
            for _, kind in inspect.getmembers(module, inspect.isclass):
                if kind.__module__ == info.name:
                    yield kind


def _fields(kind: type) -> list[tuple[str, bool]]:
    if dataclasses.is_dataclass(kind):
        return [(field.name, field.repr) for field in dataclasses.fields(kind)]
    if issubclass(kind, BaseModel):
        return [(name, bool(field.repr)) for name, field in kind.model_fields.items()]
    return []


HOLDING = """
import faulthandler, os, resource, sys
sys.path[:0] = {path!r}
from headwater_wallet.keys import SeedKeystore
{before}
store = SeedKeystore.load(__import__("pathlib").Path({key!r}), {password})
signer = store.signer(0)
faulthandler.enable()
import ctypes
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
sys.stdout.flush()
def deep(signer, store):
    os.abort()
deep(signer, store)
"""


def crash(
    folder: Path, before: str, password: str, *, allowed: bool = True
) -> "subprocess.CompletedProcess[str]":
    import resource

    def allow() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard if allowed else 0, hard))

    (folder / "password").write_text(PASSWORD + "\n")
    code = HOLDING.format(path=sys.path, before=before, key=str(keyfile(folder)), password=password)
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        preexec_fn=allow,
        env={**os.environ, "HEADWATER_PASSWORD_FILE": str(folder / "password")},
        timeout=60,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_command_that_unlocks_a_key_leaves_no_core_when_it_crashes(tmp_path: Path) -> None:
    died = crash(tmp_path, "from headwater_wallet.cli_support import password", "password")
    assert died.stdout.split() == ["0", "0"], "neither dumped nor looked into"
    assert died.returncode < 0
    assert "Current thread" in died.stderr
    assert "deep" in died.stderr
    assert_silent(died.stdout + died.stderr, ENTROPY, PASSWORD)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"seed.key", "password"}


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_without_that_the_system_would_dump_it(tmp_path: Path) -> None:
    died = crash(tmp_path, "", repr(PASSWORD), allowed=False)
    assert died.stdout.split()[0] == "1"
    assert_silent(died.stderr, ENTROPY, PASSWORD)


def test_doctor_shows_no_secret_of_a_database_it_examines(tmp_path: Path) -> None:
    secret = "s3cr3t-of-the-database"
    for url in (f"postgresql+psycopg://me:{secret}@127.0.0.1:1/w", f"sqlite:///{tmp_path}/w.db"):
        (tmp_path / "password").write_text(PASSWORD)
        told = subprocess.run(
            [sys.executable, "-m", "headwater", "doctor", "--wallet", url],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "HEADWATER_PASSWORD_FILE": str(tmp_path / "password")},
        )
        text = told.stdout + told.stderr
        assert text
        assert_silent(text, ENTROPY, secret, PASSWORD)


def test_the_search_itself_finds_every_form() -> None:
    for form in secrets_of(ENTROPY):
        with pytest.raises(AssertionError):
            assert_silent(f"…{form}…")
    assert isinstance(secrets_of(ENTROPY), list)
