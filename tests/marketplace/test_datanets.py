"""Datanets by command: what is sealed is judged before what was only shown, on chain and off."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from attribution.reference_backend import answer
from contracts.world import World, open_world
from typer.testing import CliRunner

from headwater.main import application
from headwater_attribution.admission.seal import row_hash, row_salt
from headwater_attribution.entitlement import VaultDomain
from headwater_attribution.epoch import PaidAnswer, close_epoch
from headwater_attribution.methods import default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_contracts.clients.row_commitments import (
    HiddenRow,
    HiddenRows,
    RowCommitmentsClient,
)
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_marketplace.datanets.opening_file import read_opening
from headwater_marketplace.datanets.version_file import read_version
from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import parse_hex
from headwater_wallet.keys import SeedKeystore
from support.chains import start_chain

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
ALICE, BOB = (parse_address("0x" + digits * 20) for digits in ("a1", "b0"))
HEAP = "A heap is a tree whose parents never exceed their children, by any comparison."
QUEUE = "A queue hands out first what came first, and a stack hands out what came last."

Command = Callable[..., str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def key(tmp_path: Path) -> SeedKeystore:
    keystore = SeedKeystore.create()
    keystore.save(tmp_path / "seed.json", PASSWORD, rounds=2)
    (tmp_path / "password").write_text(PASSWORD)
    return keystore


@pytest.fixture
def datanet(tmp_path: Path, key: SeedKeystore) -> Command:
    """Runs a command of `headwater datanet`; the desk's key signs."""
    seed = str(tmp_path / "seed.json")

    def run(name: str, *arguments: object, status: int = 0, keyed: bool = False) -> str:
        options = ["--keyfile", seed] if keyed else []
        done = CliRunner().invoke(
            application(["datanet"]),
            ["datanet", name, *map(str, arguments), *options],
            env={"HEADWATER_PASSWORD_FILE": str(tmp_path / "password")},
        )
        assert done.exit_code == status, done.output
        return done.output.strip()

    return run


def sealed(datanet: Command, path: Path, who: str, *rows: str) -> str:
    """Seals rows into the file of an opening, and gives the seal."""
    lines = path.with_suffix(".jsonl")
    lines.write_text("\n".join(json.dumps(row) for row in rows))
    return datanet("seal", lines, path, "--contributor", who, "--licence", "MIT")


def test_what_is_read_when_it_is_shown_cannot_be_squatted_on(
    tmp_path: Path, datanet: Command
) -> None:
    folder, alices, bobs = tmp_path / "net", tmp_path / "alice", tmp_path / "bob"
    datanet("start", folder, "--datanet", 1, "--licence", "MIT", keyed=True)
    datanet("start", folder, "--datanet", 1, status=2, keyed=True)
    seal = sealed(datanet, alices, ALICE, HEAP, QUEUE)
    assert alices.stat().st_mode & 0o077 == 0
    place = json.loads(datanet("take", folder, seal, keyed=True))
    assert (place["place"], place["seal"]) == (0, seal)
    assert "still takes seals" in datanet("show", folder, alices, status=2)
    assert "open it first" in datanet("admit", folder, status=2, keyed=True)
    assert "with 1 seals" in datanet("open", folder, keyed=True)

    # Bob reads Alice's file as soon as it is shown, and is quick; but no seal is taken any more.
    copied = sealed(datanet, bobs, BOB, HEAP, QUEUE)
    assert "no seals any more" in datanet("take", folder, copied, status=2, keyed=True)
    assert datanet("show", folder, bobs) == "contribution 1, dated at its opening"
    assert datanet("show", folder, alices) == "contribution 2, sealed at place 0"
    assert "shown twice" in datanet("show", folder, alices, status=2)
    verdicts = [line.split("\t") for line in datanet("admit", folder, keyed=True).splitlines()[1:]]
    assert [(each[0], each[2]) for each in verdicts] == [
        ("2", "accepted/1"),
        ("2", "accepted/1"),
        ("1", "same-text/1"),
        ("1", "same-text/1"),
    ]
    assert datanet("check", folder) == "1 rounds hold"


def test_a_version_takes_its_seals_into_the_bundle_and_later_rounds_follow(
    tmp_path: Path, datanet: Command, key: SeedKeystore
) -> None:
    folder = tmp_path / "net"
    datanet("start", folder, "--datanet", 1, keyed=True)
    for number, (who, row) in enumerate(((ALICE, HEAP), (BOB, QUEUE))):
        path = tmp_path / f"opening{number}"
        datanet("take", folder, sealed(datanet, path, who, row), keyed=True)
        datanet("open", folder, keyed=True)
        datanet("show", folder, path)
        datanet("admit", folder, keyed=True)
    assert datanet("check", folder) == "2 rounds hold"
    assert "version 2, 2 rows" in datanet("version", folder, tmp_path / "version.json")

    version = read_version(tmp_path / "version.json")
    corpus = version.corpus.corpus()
    paid = PaidAnswer("0x" + "01" * 32, 1_000, answer(corpus, "heap tree parents children"))
    where = DEVELOPMENT.settlement_token  # any address
    bundle = close_epoch(
        1,
        VaultDomain(84_532, where, where),
        corpus,
        [paid],
        default_method(corpus),
        CAUSES,
        contributors_share=60_000_000,
        rounds=version.rounds,
    )
    verdict = verify_bundle(bundle, desk=key.signer(0).address)
    assert verdict.holds
    assert verdict.leaves[0].account == ALICE

    shown = folder / "rounds" / "1" / "shown.jsonl"
    shown.write_text(shown.read_text().replace("heap", "bush"))
    assert "datanet_refused" in datanet("check", folder, status=1)


def test_rows_enter_with_consent_and_leave_later_versions_when_it_is_withdrawn(
    tmp_path: Path, datanet: Command, key: SeedKeystore
) -> None:
    folder, terms, mine = tmp_path / "net", tmp_path / "terms.txt", key.signer(0).address
    terms.write_text("Rows may be used to train what pays for them.")
    datanet("start", folder, "--datanet", 1, "--terms", terms, keyed=True)

    def show(name: str, who: str, row: str, *, keyed: bool) -> None:
        rows, path = tmp_path / f"{name}.jsonl", tmp_path / name
        rows.write_text(json.dumps(row))
        asked = ("--contributor", who, "--licence", "MIT", "--datanet", 1)
        consent = ("--terms", terms) if keyed else ()
        seal = datanet("seal", rows, path, *asked, *consent, keyed=keyed)
        datanet("take", folder, seal, keyed=True)

    def judge(*names: str) -> list[str]:
        for name in names:
            datanet("show", folder, tmp_path / name)
        lines = datanet("admit", folder, keyed=True).splitlines()[1:]
        return [line.split("\t")[2] for line in lines]

    show("unsigned", BOB, QUEUE, keyed=False)
    show("signed", mine, HEAP, keyed=True)
    show("bobs", BOB, QUEUE, keyed=False)
    arguments = ("--contributor", BOB, "--licence", "MIT", "--terms", terms)
    lines, path = tmp_path / "signed.jsonl", tmp_path / "new"
    assert "that account's key" in datanet("seal", lines, path, *arguments, status=2, keyed=True)
    assert "--keyfile" in datanet("seal", lines, path, *arguments, status=2)
    datanet("open", folder, keyed=True)
    assert judge("unsigned", "signed") == ["consent/1", "accepted/1"]
    assert datanet("version", folder, tmp_path / "one.json").startswith("version 1, 1 rows")

    show("late", mine, "A stack hands out what came last, and keeps the rest below.", keyed=True)
    datanet("open", folder, keyed=True)
    early = datanet("withdraw", "--datanet", 1, "--until", 1, keyed=True)
    taken_back = tmp_path / "withdrawal.json"
    taken_back.write_text(early)
    assert "up to round 2" in datanet("honour", folder, taken_back, status=2)
    taken_back.write_text(datanet("withdraw", "--datanet", 1, "--until", 2, keyed=True))
    assert "no more" in datanet("honour", folder, taken_back)
    assert judge("late") == ["consent/1"]
    assert datanet("check", folder) == "2 rounds hold"
    assert "at least one row" in datanet("version", folder, tmp_path / "two.json", status=2)

    show("again", mine, "A deque takes and hands out at both of its ends.", keyed=True)
    datanet("open", folder, keyed=True)
    assert judge("again") == ["accepted/1"]
    assert datanet("version", folder, tmp_path / "three.json").startswith("version 3, 1 rows")
    assert [r.sequence for r in read_version(tmp_path / "three.json").corpus.corpus().rows] == [1]
    assert datanet("check", folder) == "3 rounds hold"

    withdrawals = folder / "rounds" / "2" / "withdrawals.jsonl"
    stated = withdrawals.read_text()
    withdrawals.unlink()
    assert "other rows" in datanet("check", folder, status=1)
    withdrawals.write_text(stated.replace(mine, BOB))
    assert "no withdrawal" in datanet("check", folder, status=2)


def test_rows_are_refused_under_licences_that_the_datanet_or_their_sources_forbid(
    tmp_path: Path, datanet: Command
) -> None:
    folder, lines = tmp_path / "net", tmp_path / "rows.jsonl"
    started = ("start", folder, "--datanet", 1, "--given-out-under", "CC-BY-SA-4.0")
    assert "--sold or --free" in datanet(*started, status=2, keyed=True)
    datanet(*started, "--sold", keyed=True)
    datanet("open", folder, keyed=True)
    handed_in = {"CC-BY-NC-4.0": (HEAP, ()), "MIT": (QUEUE, ("--source-licence", "GPL-3.0-only"))}
    for licence, (row, sources) in handed_in.items():
        lines.write_text(json.dumps(row))
        path = tmp_path / licence
        datanet("seal", lines, path, "--contributor", ALICE, "--licence", licence, *sources)
        datanet("show", folder, path)
    verdicts = [line.split("\t") for line in datanet("admit", folder, keyed=True).splitlines()[1:]]
    assert [each[2] for each in verdicts] == ["licence-conflict/1"] * 2
    assert "does not let it be sold" in verdicts[0][3]
    assert "GPL-3.0-only asks for the same licence" in verdicts[1][3]
    assert datanet("check", folder) == "1 rounds hold"
    terms = folder / "datanet.json"
    terms.write_text(terms.read_text().replace('"sold": true', '"sold": false'))
    assert "other thresholds or knowledge" in datanet("check", folder, status=1)


def test_a_trial_says_what_a_batch_changes_and_is_tried_again_by_anybody(
    tmp_path: Path, datanet: Command
) -> None:
    folder, stated = tmp_path / "net", tmp_path / "trial.json"
    datanet("start", folder, "--datanet", 1, keyed=True)
    sealed(datanet, tmp_path / "first", ALICE, HEAP)
    sealed(datanet, tmp_path / "batch", BOB, QUEUE, "No.")
    questions = tmp_path / "questions.jsonl"
    asked = {"What does a heap never let?": HEAP, "What does a queue hand out first?": QUEUE}
    lines = [json.dumps({"question": one, "answer": other}) for one, other in asked.items()]
    questions.write_text("\n".join(lines))
    datanet("open", folder, keyed=True)
    datanet("show", folder, tmp_path / "first")
    datanet("admit", folder, keyed=True)

    batch = (folder, tmp_path / "batch", questions)
    assert "--keyfile" in datanet("trial", *batch, status=2)
    document, told = datanet("trial", *batch, keyed=True).split("\n")
    assert told == "trial/1: 1 answers better, 0 worse, of 2; 1 of 2 rows"
    effects = json.loads(document)["effects"]
    assert effects[0] == {"without_bps": 10_000, "with_bps": 10_000}
    assert (effects[1]["without_bps"], effects[1]["with_bps"]) == (0, 10_000)
    stated.write_text(document)
    assert datanet("trial", *batch, "--check", stated) == "the trial holds"

    # It holds after the batch has entered too, and no part of it can be changed.
    datanet("open", folder, keyed=True)
    datanet("show", folder, tmp_path / "batch")
    datanet("admit", folder, keyed=True)
    assert datanet("trial", *batch, "--check", stated) == "the trial holds"
    stated.write_text(document.replace('"without_bps":0', '"without_bps":1'))
    refused = datanet("trial", *batch, "--check", stated, status=1)
    assert "effects is another" in refused
    assert "is not signed by" in refused
    stated.write_text(document.replace('"round":2', '"round":9'))
    assert "no round 9" in datanet("trial", *batch, "--check", stated, status=2)
    questions.write_text("[" * 100_000)
    assert "holds no questions" in datanet("trial", *batch, keyed=True, status=2)


def test_another_key_than_the_desks_and_damaged_files_are_refused(
    tmp_path: Path, datanet: Command
) -> None:
    folder = tmp_path / "net"
    datanet("start", folder, "--datanet", 1, keyed=True)
    refused = datanet("take", folder, "0x" + "01" * 32, "--index", 1, status=2, keyed=True)
    assert "The desk of this datanet is" in refused
    (tmp_path / "rows.jsonl").write_text('"one"\n{"no": "text"}')
    arguments = ("--contributor", ALICE, "--licence", "MIT")
    opening = tmp_path / "opening"
    told = datanet("seal", tmp_path / "rows.jsonl", opening, *arguments, status=2)
    assert "Line 2" in told
    assert not opening.exists()
    (tmp_path / "rows.jsonl").write_text("[" * 100_000)
    assert "not JSON" in datanet("seal", tmp_path / "rows.jsonl", opening, *arguments, status=2)
    (folder / "rounds" / "1").mkdir(parents=True)
    (folder / "rounds" / "1" / "seals.json").write_text("{}")
    assert "not what a datanet keeps" in datanet("open", folder, status=2, keyed=True)
    assert "can't be read" in datanet("check", tmp_path / "nowhere", status=2)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await start_chain() as chain:
        yield await open_world(chain, await deploy_development_contracts(chain))


async def test_seals_on_chain_have_their_place_by_their_block(
    world: World, tmp_path: Path, datanet: Command, key: SeedKeystore
) -> None:
    folder, chain = tmp_path / "net", ("--rpc", world.chain.url)
    await world.chain.fund(key.signer(0).address, 10**18)

    def on_chain() -> tuple[str, str, str]:
        datanet("start", folder, "--datanet", 1, keyed=True)
        first = sealed(datanet, tmp_path / "first", BOB, QUEUE)
        second = sealed(datanet, tmp_path / "second", ALICE, HEAP, QUEUE)
        for seal in (first, second, first):
            told = datanet("commit", seal, *chain, "--chain-id", 84_532, keyed=True)
            assert "committed in block" in told
        assert "with 2 seals" in datanet("open", folder, *chain, keyed=True)
        shown = [datanet("show", folder, tmp_path / name) for name in ("second", "first")]
        datanet("admit", folder, keyed=True)
        assert datanet("check", folder, *chain) == "1 rounds hold"
        return second, *shown

    second, shown_second, shown_first = await anyio.to_thread.run_sync(on_chain)
    assert shown_second == "contribution 1, sealed at place 1"
    assert shown_first == "contribution 2, sealed at place 0"
    told = await anyio.to_thread.run_sync(datanet, "version", folder, tmp_path / "version")
    assert "2 rows" in told

    # The same row, opened by itself, on chain.
    salt = parse_hex(read_opening(tmp_path / "second").salt, length=32)
    hidden = [
        HiddenRow(row_hash("MIT", n, text), ALICE, row_salt(salt, n))
        for n, text in enumerate((HEAP, QUEUE))
    ]
    contract = RowCommitmentsClient(world.chain.reader, DEVELOPMENT.row_commitments)
    proof = HiddenRows(hidden).prove(0)
    assert await contract.priority(parse_hex(second), hidden[0], proof) is not None
