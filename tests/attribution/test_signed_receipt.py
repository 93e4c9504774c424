"""The attribution receipt: every part is bound, every change named, all explained to a person."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from attribution.desk_key import Key
from attribution.reference_backend import answer
from attribution.small_epoch import owner, small_epoch
from typer.testing import CliRunner

from headwater_attribution.cli import app
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.explanation import explain
from headwater_attribution.methods import default_method
from headwater_attribution.receipt_check import ReceiptBasis, receipt_faults
from headwater_attribution.signed_receipt import (
    SignedAttribution,
    attribution_receipt,
    read_receipt,
    sign_receipt,
)
from headwater_attribution.verify import verify_bundle
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.metering import MeteringReceipt
from support.pages import ROOT

CHAIN = 84_532
TOPICS = ("heap", "queue", "graph", "stack")


def corpus() -> Corpus:
    return small_epoch().corpus.corpus()


EVIDENCE = answer(corpus(), "queuealpha queuegamma queuebeta")
METERING = MeteringReceipt(
    payment_id=bytes([0] * 31 + [1]),
    channel_id=bytes(32),
    payee=owner(5),
    request_hash=b"\x01" * 32,
    response_hash=b"\x02" * 32,
    cap=2_000,
    charge=1_003,
    cumulative=1_003,
    asset_version=b"\x03" * 32,
    attribution=b"\x04" * 32,
    issued_at=9,
)


def signed() -> SignedAttribution:
    made = attribution_receipt(
        METERING, EVIDENCE, default_method(corpus()), lineage=[b"\x05" * 32], cost_us=42
    )
    return anyio.run(sign_receipt, made, Key(), CHAIN)


BASIS = ReceiptBasis(EVIDENCE, corpus(), Key().address, CHAIN, METERING)


def altered(change: Callable[[dict[str, object]], object], *, again: bool) -> tuple[str, ...]:
    """The faults of a receipt with a change in it, signed again by the same key or not."""
    body = json.loads(signed().model_dump_json())
    change(body)
    receipt = SignedAttribution.model_validate(body)
    if again:
        receipt = anyio.run(sign_receipt, receipt, Key(), CHAIN)
    return receipt_faults(receipt, BASIS)


def test_an_honest_receipt_holds_and_names_who_signed_it() -> None:
    receipt = signed()
    assert receipt_faults(receipt, BASIS) == ()
    assert receipt.signed_by(CHAIN) == Key().address
    assert [each.method.id for each in receipt.channels] == ["retrieval-loo/3", "span-match/2"]
    assert SignedAttribution.model_validate_json(receipt.model_dump_json()) == receipt


CHANGES: dict[str, tuple[Callable[..., object], str]] = {
    "a joined share": (
        lambda b: b["attribution"]["shares"][0].update(low=1),
        "In the joined shares, the share of contribution 0",
    ),
    "a channel's share": (
        lambda b: b["channels"][1]["attribution"]["shares"][0].update(low=1),
        "In the channel span-match/2, the share of contribution 0",
    ),
    "a weight": (lambda b: b["channels"][0].update(weight=2), "channels or their weights"),
    "the method's parameters": (
        lambda b: b["method"]["parameters"].update({"span-match/2.rare": 1}),
        "channels or their weights",
    ),
    "the seed": (lambda b: b.update(seed="0x" + "01" * 32), "The seed is stated as"),
    "the rows": (lambda b: b.update(corpus_root="0x" + "01" * 32), "The root of the rows"),
    "the evidence": (lambda b: b.update(evidence="0x" + "01" * 32), "The evidence is stated"),
    "the card": (lambda b: b.update(calibration="0x" + "01" * 32), "The calibration card"),
    "the payment": (lambda b: b.update(payment="0x" + "01" * 32), "The payment is stated"),
    "the request": (lambda b: b.update(request_hash="0x" + "09" * 32), "The request is stated"),
    "the response": (lambda b: b.update(response_hash="0x" + "09" * 32), "The response is"),
    "the version": (lambda b: b.update(asset_version="0x" + "09" * 32), "The asset version is"),
    "what is unattributed": (lambda b: b.update(unattributed=5), "The unattributed part"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_even_if_it_is_signed_again(name: str) -> None:
    change, told = CHANGES[name]
    assert any(told in fault for fault in altered(change, again=True)), altered(change, again=True)
    unsigned = altered(change, again=False)
    assert any("something was changed after it" in fault for fault in unsigned)


@pytest.mark.parametrize("member", ["cost_us", "lineage"])
def test_what_nobody_can_recompute_is_held_by_the_signature(member: str) -> None:
    change: Callable[[dict[str, object]], object] = lambda b: b.update(  # noqa: E731
        {member: {"cost_us": 1, "lineage": []}[member]}
    )
    assert [f for f in altered(change, again=False) if "changed after it" in f]
    assert altered(change, again=True) == ()


def test_another_row_or_another_key_is_named() -> None:
    rows = list(corpus().rows)
    rows[1] = replace(rows[1], contributor=owner(9))
    faults = receipt_faults(signed(), replace(BASIS, corpus=Corpus(1, 1, rows)))
    assert any("root of the rows" in fault for fault in faults)
    assert any("another corpus" in fault for fault in faults)
    other = anyio.run(sign_receipt, signed(), Key(8), CHAIN)
    assert any("is not of" in fault for fault in receipt_faults(other, BASIS))
    bare = signed().model_copy(update={"signature": ""})
    assert "The attribution receipt is not signed." in receipt_faults(bare, BASIS)


def test_a_method_that_is_not_installed_is_no_fault_of_the_receipt() -> None:
    with pytest.raises(UnknownMethodError):
        altered(lambda b: b["method"].update(id="astrology/1"), again=True)  # type: ignore[attr-defined]


def test_an_explanation_says_which_rows_caused_which_words_and_pays_what_the_epoch_paid() -> None:
    bundle = small_epoch()
    paid: dict[Address, int] = {}
    for receipt in bundle.receipts:
        found = explain(bundle, receipt.receipt_id)
        assert found.pool == sum(found.earned.values()) + found.unattributed
        assert {each.channel for each in found.caused} >= {"first committed"}
        for each in found.caused:
            assert each.contributor == bundle.corpus.rows[each.row].contributor
        for who, amount in found.earned.items():
            paid[who] = paid.get(who, 0) + amount
    before = dict(zip(bundle.previous.accounts, bundle.previous.cumulative, strict=True))
    for leaf in bundle.leaves:
        assert leaf.cumulative == before.get(leaf.account, 0) + paid.get(leaf.account, 0)  # type: ignore[arg-type]
    assert verify_bundle(bundle).holds


def test_the_command_explains_to_a_person_and_refuses_a_forged_receipt(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_text(small_epoch().model_dump_json(), "utf-8")
    run = CliRunner().invoke
    beginning = small_epoch().receipts[1].receipt_id
    done = run(app, ["explain", beginning, str(bundle)], env={"COLUMNS": "160"})
    assert done.exit_code == 0
    for expected in ("queuealpha queuegamma", "first committed", "span-match/2, weight 50%", "601"):
        assert expected in done.stdout

    receipt = tmp_path / "receipt.json"
    receipt.write_text(signed().model_dump_json(), "utf-8")
    done = run(app, ["explain", str(receipt), str(bundle)])
    assert done.exit_code == 0
    assert f"The receipt holds, and is signed by {Key().address}." in done.stdout
    body = json.loads(receipt.read_text("utf-8"))
    body["attribution"]["shares"][0]["low"] = 1
    receipt.write_text(json.dumps(body), "utf-8")
    done = run(app, ["explain", str(receipt), str(bundle), "--issuer", Key().address])
    assert done.exit_code == 1
    assert "the share of contribution 0" in done.stdout
    assert done.stderr.startswith("error[receipt_refused]:")

    for wanted in ("0x00", "0xff", str(tmp_path / "none.json"), str(bundle)):
        done = run(app, ["explain", wanted, str(bundle)])
        assert done.exit_code == 2, wanted
        assert done.stderr.startswith("error[invalid_input]:")


def test_a_file_that_is_no_receipt_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text("{}", "utf-8")
    with pytest.raises(InvalidInputError, match="not an attribution receipt"):
        read_receipt(path)


_ROOTS = """
import os, sys
cores = int(sys.argv[1])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
from attribution.small_epoch import small_epoch
from headwater_attribution.methods import SpanTrace
from headwater_attribution.spans.commitment import CommittedIndex
bundle = small_epoch()
method = SpanTrace(bundle.corpus.corpus())
print(bundle.root, bundle.receipts_root, bundle.corpus.root)
print(CommittedIndex(method.index).root.hex())
print([method.attribute(receipt.evidence) for receipt in bundle.receipts])
"""


def test_one_core_and_two_give_the_same_roots_and_shares() -> None:
    found = []
    for cores in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": cores, "OMP_NUM_THREADS": cores}
        paths = [str(ROOT / each) for each in ("attribution", "payments", "tests")]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        done = subprocess.run(
            [sys.executable, "-c", _ROOTS, cores],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        found.append(done.stdout)
    assert found[0] == found[1]
    assert found[0].splitlines()[0].split() == [
        small_epoch().root,
        small_epoch().receipts_root,
        small_epoch().corpus.root,
    ]
