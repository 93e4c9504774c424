"""Whatever a command is given that it can't use, it says so in one line with a code."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_wallet.keys import SeedKeystore
from support.commands import forked, told
from support.shop import PAYEE, USDC

HUGE = "9" * 5_000
POLICY = f"""\
[asset]
chain_id = 84532
address = "{USDC.address}"
symbol = "USDC"
decimals = 6
name = "USDC"
version = "2"
[[constraints]]
type = "payment.budget"
max = "1"
currency = "USDC"
"""
URL = "https://seller.example/x"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what a command expects, by names that say what they are."""
    path = tmp_path_factory.mktemp("input")
    (path / "folder").mkdir()
    (path / "empty").write_bytes(b"")
    (path / "binary").write_bytes(bytes(range(256)) * 40)
    os.mkfifo(path / "pipe")
    with (path / "vast").open("wb") as vast:
        vast.truncate(2**40)
    (path / "text").write_text("Nothing = that [anybody expects.\n", "utf-8")
    (path / "list.json").write_text("[1, 2, 3]", "utf-8")
    (path / "null.json").write_text("null", "utf-8")
    (path / "deep.json").write_text("[" * 100_000, "utf-8")
    (path / "nan.json").write_text('{"epoch": NaN, "format": 1e999}', "utf-8")
    (path / "surrogate.json").write_text('{"\\ud800": "\\udfff"}', "utf-8")
    (path / "huge.json").write_text('{"epoch": ' + HUGE + "}", "utf-8")
    (path / "control.json").write_text('{"\\u001b[31m\\nred": 1}', "utf-8")
    (path / "keystore.json").write_text('{"headwater": "bip39-entropy"}', "utf-8")
    (path / "policy.toml").write_text(POLICY, "utf-8")
    (path / "dear.toml").write_text(POLICY.replace('max = "1"', f'max = "{HUGE}"'), "utf-8")
    (path / "endless.toml").write_text(POLICY.replace('max = "1"', 'max = "1e999999999"'), "utf-8")
    (path / "debt.toml").write_text(POLICY.replace('max = "1"', 'max = "-1"'), "utf-8")
    (path / "word.toml").write_text(POLICY.replace('max = "1"', 'max = "much"'), "utf-8")
    (path / "float.toml").write_text(POLICY.replace('max = "1"', "max = 1.5"), "utf-8")
    (path / "nowhere.toml").write_text(POLICY.replace("84532", "-5"), "utf-8")
    (path / "payee.toml").write_text(POLICY.replace(str(USDC.address), "0x12"), "utf-8")
    (path / "password").write_text("another password", "utf-8")
    (path / "unreadable").write_text("{}", "utf-8")
    (path / "unreadable").chmod(0)
    SeedKeystore.create().save(path / "key.json", "the password", rounds=2)
    return path


@pytest.fixture(scope="module")
def env(folder: Path) -> dict[str, str]:
    return {"HEADWATER_PASSWORD_FILE": str(folder / "password")}


FILES = [
    "missing",
    "folder",
    "empty",
    "binary",
    "pipe",
    "vast",
    "/dev/zero",
    "text",
    "list.json",
    "null.json",
    "deep.json",
    "nan.json",
    "surrogate.json",
    "huge.json",
    "control.json",
    "unreadable",
]


def needs_permissions(name: str) -> None:
    if name == "unreadable" and os.access("/root", os.R_OK):
        pytest.skip("this user may read everything")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "command",
    [
        ("attribution", "verify"),
        ("wallet", "address"),
        ("wallet", "budget"),
        ("wallet", "policy", "explain", "--amount", "1", "--payee", PAYEE, "--url", URL),
    ],
    ids=lambda command: command[1],
)
def test_a_file_that_is_something_else(
    command: tuple[str, ...], name: str, folder: Path, env: dict[str, str]
) -> None:
    needs_permissions(name)
    code = told(forked(*command, folder / name, env=env))
    assert code in ("invalid_input", "key_store", "unavailable", "invalid_policy")


EXPLAIN = ("wallet", "policy", "explain", "{policy.toml}")
GOOD = ("--amount", "1", "--payee", PAYEE, "--url", URL)
CASES: list[tuple[str, tuple[str, ...]]] = [
    # The front door.
    ("usage", ("nonsense",)),
    ("usage", ("--nonsense",)),
    ("usage", ("demo", "surplus")),
    # Nothing where something belongs, as of a variable that is not set.
    ("invalid_input", (*EXPLAIN, *GOOD, "--db", "")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--db=")),
    ("invalid_input", ("wallet", "budget", "")),
    ("invalid_input", ("wallet", "address", "")),
    ("invalid_input", ("doctor", "--wallet", "")),
    ("invalid_input", ("attribution", "verify", "{null.json}", "--previous", "")),
    # A chain.
    ("usage", ("chain", "nonsense")),
    ("usage", ("chain", "up", "--port", "70000")),
    ("usage", ("chain", "up", "--port", HUGE)),
    ("usage", ("chain", "up", "--port", "8e3")),
    ("invalid_input", ("chain", "up", "--fund", "")),
    ("invalid_input", ("chain", "up", "--fund", "0x" + "g" * 40)),
    ("invalid_input", ("chain", "up", "--fund", USDC.address.swapcase())),
    ("unavailable", ("chain", "up", "--port", "{taken}")),
    ("usage", ("chain", "addresses", "--network", "mars")),
    # The simulator.
    ("invalid_input", ("simulate", "--agents", "0")),
    ("invalid_input", ("simulate", "--agents", "-1")),
    ("invalid_input", ("simulate", "--agents", "9" * 30)),
    ("invalid_input", ("simulate", "--steps", "-1")),
    ("invalid_input", ("simulate", "--steps", "9" * 30)),
    ("invalid_input", ("simulate", "--worlds", "0")),
    ("invalid_input", ("simulate", "--worlds", "9" * 30)),
    ("invalid_input", ("simulate", "--seed", "-1")),
    ("usage", ("simulate", "--seed", "1.5")),
    ("usage", ("simulate", "--agents", HUGE)),
    ("invalid_input", ("simulate", "--dedup-recall", "nan")),
    ("invalid_input", ("simulate", "--dedup-recall", "-0.1")),
    ("invalid_input", ("simulate", "--dedup-recall", "1e400")),
    ("usage", ("simulate", "--dedup-recall", "most")),
    ("unknown_method", ("simulate", "--rule", "\x1b[31m\nred/1")),
    # The demonstration.
    ("usage", ("demo", "--seed", "x")),
    ("invalid_input", ("demo", "--report", "{empty}")),
    ("invalid_input", ("demo", "--report", "{empty}/below")),
    ("invalid_input", ("demo", "--llm", "no-provider")),
    ("invalid_input", ("demo", "--llm", "nobody:nothing", "--report", "{folder}")),
    # Keys.
    ("usage", ("wallet", "create")),
    ("key_store", ("wallet", "create", "{key.json}")),
    ("key_store", ("wallet", "create", "{folder}")),
    ("key_store", ("wallet", "create", "{missing}/key.json")),
    ("key_store", ("wallet", "address", "{key.json}")),
    ("key_store", ("wallet", "address", "{keystore.json}")),
    ("key_store", ("wallet", "address", "/dev/zero")),
    ("usage", ("wallet", "address", "{key.json}", "--index", "first")),
    # Books.
    ("invalid_input", ("wallet", "intents", "{missing}", "--state", "lost")),
    ("invalid_input", ("wallet", "export", "{missing}")),
    ("usage", ("wallet", "export", "{missing}", "--format", "xml")),
    ("invalid_input", ("wallet", "reconcile", "{missing}")),
    ("invalid_input", ("wallet", "stop", "{missing}")),
    ("invalid_input", ("wallet", "resume", "{missing}")),
    ("invalid_input", ("wallet", "approvals", "{missing}")),
    ("invalid_input", ("wallet", "approve", "{missing}", "ask_1")),
    ("invalid_input", ("wallet", "deny", "{missing}", "ask_1")),
    ("unavailable", ("wallet", "budget", "postgresql://nobody@127.0.0.1:1/nothing")),
    ("unavailable", ("wallet", "budget", "postgresql://nobody@127.0.0.1:nine/nothing")),
    ("unavailable", ("wallet", "budget", "mars://nobody/nothing")),
    ("unavailable", ("wallet", "budget", "://")),
    ("unavailable", ("wallet", "budget", "mysql://nobody/nothing")),
    ("unavailable", ("wallet", "budget", "postgresql+asyncpg://nobody/nothing")),
    ("unavailable", ("wallet", "budget", "sqlite://nobody:x@here:99/nothing")),
    # Nodes.
    *(
        ("invalid_input", ("doctor", "--rpc", url))
        for url in ("http://127.0.0.1:99999", "http://h:-1", "http://a b", "ws://h", "h", "http://")
    ),
    # Policies.
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "-1")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "much")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "nan")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1e400")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", HUGE)),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1e999999999999999999999")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1e999999")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1e-999999999")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "２５")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1_000")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "1 ")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--amount", "0.0000001")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--payee", "0x12")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--payee", "vitalik.eth")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "not a URL")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "ftp://files.example")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "http://[::1")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "http://a:99999999/")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "https://x y")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--url", "https://x/a b")),
    ("invalid_input", (*EXPLAIN, *GOOD, "--db", "{missing}")),
    ("usage", (*EXPLAIN, "--amount", "1")),
    *(
        ("invalid_policy", ("wallet", "policy", "explain", "{" + name + ".toml}", *GOOD))
        for name in ("dear", "endless", "debt", "word", "float", "nowhere", "payee")
    ),
]


@pytest.fixture(scope="module")
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


@pytest.mark.parametrize(("code", "arguments"), CASES, ids=range(len(CASES)))
def test_an_argument_that_makes_no_sense(
    code: str, arguments: tuple[str, ...], folder: Path, env: dict[str, str], taken: str
) -> None:
    given = [word.replace("{taken}", taken) for word in arguments]
    for name in ["missing", *(path.name for path in folder.iterdir())]:
        given = [word.replace("{" + name + "}", str(folder / name)) for word in given]
    assert told(forked(*given, env=env, cwd=folder)) == code
