"""`headwater wallet`: what it prints, what it refuses in one sentence, what it never shows."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language
from sqlalchemy import create_engine, inspect, make_url
from typer.testing import CliRunner, Result

from headwater_payments.amount import Amount
from headwater_wallet import cli
from headwater_wallet.cli import app
from headwater_wallet.database import Database
from headwater_wallet.keys import SeedKeystore
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.tables import WalletTable
from support.databases import fresh_postgres_database
from support.paying import URL, new_payment
from support.shop import PAYEE, USDC

PASSWORD = "correct horse"
NOBODY = "http://127.0.0.1:1/x"
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
[[rules]]
action = "ask"
reason = "it is dear"
above = "0.1"
[[rules]]
action = "allow"
reason = "the rest"
"""


def run(*arguments: object, said: str | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], input=said, env=env)


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.stderr
    return [line.split("\t") for line in result.stdout.splitlines()]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with a charged payment, one that waits for an answer, and a question."""
    path = tmp_path / "wallet.db"

    async def fill() -> None:
        async with Database(f"sqlite:///{path}", WalletTable.metadata) as database:
            parent, child = SpendLedger(database, "default"), SpendLedger(database, "helper")
            await parent.set_limit(Amount(10_000, USDC))
            await child.set_limit(Amount(2_000, USDC))
            await child.spend_from("default")
            await parent.reserve(new_payment(1, 1_000, "exact"), None)
            await parent.mark_sent("payment-1", "a-signed-header")
            await parent.settle("payment-1", 400, None, "receipt")
            unanswered = replace(new_payment(2, 500, "exact"), url=NOBODY)
            await child.reserve(unanswered, None)
            await child.mark_sent("payment-2", "a-signed-header")
            await parent.approvals.ask("ask_1", PAYEE, URL, 9_000, "it is dear", 1_000)

    anyio.run(fill)
    return path


def test_a_seed_is_made_and_its_accounts_found_again(tmp_path: Path) -> None:
    keyfile, password = tmp_path / "seed.json", tmp_path / "password"
    password.write_text(PASSWORD + "\n", encoding="utf-8")
    env = {"HEADWATER_PASSWORD_FILE": str(password)}
    made = run("create", keyfile, env=env)
    [[first]] = lines(made)
    assert re.fullmatch(r"0x[0-9a-fA-F]{40}", first)
    assert lines(run("address", keyfile, env=env)) == [[first]]
    [second] = lines(run("address", keyfile, "--index", 1, said=PASSWORD + "\n"))[-1]
    assert second != first
    seed = SeedKeystore.load(keyfile, PASSWORD)
    words = Mnemonic(Language.ENGLISH).to_mnemonic(seed._entropy)
    for secret in (PASSWORD, words, seed._entropy.hex(), seed.signer(0)._key.secret.hex()):
        assert secret not in made.output + keyfile.read_text("utf-8")
    assert keyfile.stat().st_mode & 0o077 == 0
    again = run("create", keyfile, env=env)
    assert (again.exit_code, again.stderr.startswith("error[key_store]: ")) == (2, True)


def test_a_wrong_password_gets_a_sentence_and_is_not_repeated(tmp_path: Path) -> None:
    keyfile = tmp_path / "seed.json"
    SeedKeystore.create().save(keyfile, PASSWORD, rounds=2)
    refused = run("address", keyfile, said="wrong secret\n")
    assert refused.exit_code == 2
    assert "error[key_store]: " in refused.stderr
    assert "wrong secret" not in refused.output


def test_budgets_are_listed_with_what_their_children_took(ledger: Path) -> None:
    head, *rows = lines(run("budget", ledger))
    assert head == ["budget", "limit", "used", "charged", "left"]
    assert rows == [
        ["default", "10000", "1500", "400", "8500"],
        ["helper", "2000", "500", "0", "1500"],
    ]


def test_payments_are_listed_by_state_and_as_json(ledger: Path) -> None:
    _, *rows = lines(run("intents", ledger, "--state", "sent"))
    assert [row[:4] for row in rows] == [["payment-2", "sent", "500", "-"]]
    said = run("intents", ledger, "--json").stdout
    records = [json.loads(line) for line in said.splitlines()]
    assert [(each["payment_id"], each["charge"]) for each in records] == [
        ("payment-1", 400),
        ("payment-2", None),
    ]


def test_an_export_has_every_payment_and_no_signed_header(ledger: Path) -> None:
    text = run("export", ledger).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["payment_id"], row["charge"]) for row in rows] == [
        ("payment-1", "400"),
        ("payment-2", ""),
    ]
    array = run("export", ledger, "--format", "json").stdout
    assert [each["amount"] for each in json.loads(array)] == [1_000, 500]
    assert "a-signed-header" not in text + array


def test_a_question_is_answered_once(ledger: Path) -> None:
    _, *rows = lines(run("approvals", ledger))
    assert rows == [["ask_1", "pending", "9000", PAYEE, URL, "it is dear"]]
    assert lines(run("deny", ledger, "ask_1", "--reason", "no")) == [["ask_1", "denied"]]
    assert lines(run("approvals", ledger))[1:] == []
    refused = run("approve", ledger, "ask_1")
    assert (refused.exit_code, "denied already" in refused.stderr) == (2, True)
    assert run("approve", ledger, "ask_2").exit_code == 2


def test_a_stop_is_seen_by_the_policy_until_resumed(ledger: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    asked = ("policy", "explain", policy, "--payee", PAYEE, "--url", URL, "--amount")
    assert lines(run(*asked, "0.2"))[0][:3] == ["ask", "rule 1", "approval_pending"]
    assert lines(run(*asked, "0.1", "--db", ledger)) == [["allow", "rule 2", "ok", "the rest"]]
    run("stop", ledger, "--reason", "an audit")
    refused = run(*asked, "0.1", "--db", ledger)
    assert refused.exit_code == 2
    assert refused.stderr == "error[wallet_stopped]: The wallet is stopped: an audit.\n"
    run("resume", ledger)
    assert run(*asked, "0.1", "--db", ledger).exit_code == 0


def test_payments_whose_seller_does_not_answer_stay_unknown(ledger: Path) -> None:
    said = run("reconcile", ledger)
    assert "1 payments are still unknown." in said.stdout
    assert "payment-2\tsent" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["budget", "missing.db"], "invalid_input"),
        (["intents", "LEDGER", "--state", "lost"], "invalid_input"),
        (
            ["policy", "explain", "none.toml", "--amount", "1", "--payee", PAYEE, "--url", URL],
            "invalid_policy",
        ),
        (["address", "none.json"], "key_store"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_a_code(
    arguments: list[str], code: str, ledger: Path
) -> None:
    put = [str(ledger) if each == "LEDGER" else each for each in arguments]
    refused = run(*put, said="x\n")
    assert refused.exit_code == 2
    assert f"error[{code}]: " in refused.stderr
    assert not Path("missing.db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{path}",
        "sqlite+pysqlite:///{path}",
        "sqlite:///{path}?timeout=1",
        "sqlite:///file:{path}?uri=true",
        "sqlite+pysqlite:///:memory:",
        "sqlite://",
    ],
)
def test_no_url_of_a_missing_ledger_makes_a_new_one(tmp_path: Path, url: str) -> None:
    result = run("budget", url.format(path=tmp_path / "slip.db"))
    assert result.exit_code == 2
    assert "There is no spend ledger" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url", ["sqlite+pysqlite:///{path}", "sqlite:///file:{path}?uri=true&timeout=9"]
)
def test_a_ledger_is_found_by_any_url_that_names_its_file(ledger: Path, url: str) -> None:
    assert lines(run("budget", url.format(path=ledger))) == lines(run("budget", ledger))


COMMANDS = [
    ("budget", "DB"),
    ("intents", "DB"),
    ("export", "DB"),
    ("audit", "DB"),
    ("approvals", "DB"),
    ("stop", "DB", "--reason", "audit"),
    ("resume", "DB"),
    ("approve", "DB", "ask_1"),
    ("deny", "DB", "ask_1"),
    ("reconcile", "DB"),
    ("withdraw", "DB", "seed.json", "--rpc", NOBODY, "--chain-id", "84532"),
    ("policy", "explain", "POLICY", "--amount", "1", "--payee", PAYEE, "--url", URL, "--db", "DB"),
]


def of(command: tuple[str, ...], db: object, policy: Path) -> list[str]:
    return [{"DB": str(db), "POLICY": str(policy)}.get(word, word) for word in command]


def tables_in(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", ["empty", "foreign"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_was(
    command: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    db, policy = tmp_path / "other.db", tmp_path / "policy.toml"
    policy.write_text(POLICY, "utf-8")
    db.touch()
    if kind == "foreign":
        with closing(sqlite3.connect(db)) as connection:
            connection.execute("CREATE TABLE song (title TEXT)")
    before = db.read_bytes(), sorted(tmp_path.iterdir())
    refused = run(*of(command, db, policy))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"error[invalid_input]: There is no spend ledger at {db}: ")
    assert (db.read_bytes(), sorted(tmp_path.iterdir())) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_server_database_that_holds_no_ledger_gets_no_tables(
    command: tuple[str, ...], postgres: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, "utf-8")
    url = fresh_postgres_database(postgres)
    refused = run(*of(command, url, tmp_path / "policy.toml"))
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error[invalid_input]: There is no spend ledger at ")
    assert tables_in(url) == []


def test_a_refusal_does_not_repeat_the_password_in_a_url(postgres: str) -> None:
    url = make_url(fresh_postgres_database(postgres)).set(password="hunter2")
    refused = run("budget", url.render_as_string(hide_password=False))
    assert refused.exit_code == 2
    assert "hunter2" not in refused.output


def test_listings_change_nothing_and_say_what_an_older_ledger_lacks(
    ledger: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, "utf-8")
    listings = [each for each in COMMANDS if each[0] not in ("withdraw", "reconcile")]
    listings = [each for each in listings if "ask_1" not in each and each[0] != "resume"]
    listings = [each for each in listings if each[0] != "stop"]
    before = ledger.read_bytes()
    for command in listings:
        assert run(*of(command, ledger, policy)).exit_code == 0
    assert ledger.read_bytes() == before
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("DROP TABLE wallet_stop")
    for command in listings:
        refused = run(*of(command, ledger, policy))
        assert refused.exit_code == 2
        assert "lacks wallet_stop, as an earlier release left it" in refused.stderr
    assert "wallet_stop" not in tables_in(f"sqlite:///{ledger}")
    assert run("stop", ledger).stdout == "stopped\n"


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        ("address", "none.json", "There is no readable key file at"),
        ("address", "other.json", "is damaged, another program's"),
        ("create", "other.json", "A key file exists at"),
        ("create", "no/folder/seed.json", "cannot be written at"),
    ],
)
def test_no_password_is_asked_for_a_key_file_that_cannot_be_used(
    command: str, name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.json").write_text("{}", "utf-8")
    monkeypatch.setattr(cli, "password", lambda **_: pytest.fail("the password was asked for"))
    refused = run(command, tmp_path / name)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error[key_store]: ")
    assert said in refused.stderr


def test_a_password_on_the_standard_input_is_read_without_a_word(tmp_path: Path) -> None:
    made = run("create", tmp_path / "seed.json", said=PASSWORD + "\n")
    assert (made.exit_code, made.stderr) == (0, "")
    again = run("address", tmp_path / "seed.json", said=PASSWORD)
    assert (again.stdout, again.stderr) == (made.stdout, "")


@pytest.mark.parametrize(
    ("piped", "said"),
    [("", "There is nobody to ask"), ("\n", "is empty"), ("x" * 5_000, "more than 4096")],
)
def test_an_input_without_a_password_is_one_sentence(piped: str, said: str, tmp_path: Path) -> None:
    refused = run("create", tmp_path / "seed.json", said=piped)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "seed.json").exists()


def test_an_endless_password_file_is_refused(tmp_path: Path) -> None:
    refused = run("create", tmp_path / "seed.json", env={"HEADWATER_PASSWORD_FILE": "/dev/zero"})
    assert refused.exit_code == 2
    assert "more than 4096 characters" in refused.stderr
