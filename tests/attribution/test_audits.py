"""Credit held against the truth: what audits confirm is paid, and what dividing rows gains."""

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from attribution.desk_key import Key
from attribution.reference_backend import answer
from attribution.small_epoch import DOMAIN, TOPICS, owner
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from headwater.main import application
from headwater_attribution.audit_documents import (
    AuditDocument,
    Retried,
    case_evidence,
    quoted,
    sign_audit,
)
from headwater_attribution.audits import (
    AuditedShare,
    agreement,
    confirmed_by,
    confirmed_parts,
    refuted,
)
from headwater_attribution.bundle import EpochBundle
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.epoch import PaidAnswer, close_epoch, corpus_part
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.methods import (
    Audited,
    Combined,
    SpanMatch,
    default_method,
    method_from,
)
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_marketplace.datanets.version_file import DatanetVersion
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

CHAIN = 84_532
HALF = PARTS // 2


def test_agreement_counts_pairs_of_words_and_not_words() -> None:
    truth = "A heap keeps its smallest item at the root."
    assert (
        agreement("In short: a HEAP keeps its smallest item at the root, always.", truth) == PARTS
    )
    assert agreement("root the at item smallest its keeps heap a", truth) == 0
    assert agreement("The smallest item at the bottom", truth) == PARTS * 3 // 8
    assert agreement("Nothing.", "") == agreement("Nothing.", "Something") == 0
    assert agreement("Say heap!", "heap") == PARTS


def test_a_claim_is_confirmed_by_what_is_lost_without_it_less_what_it_keeps_out() -> None:
    original = AuditedShare(1, claimed=HALF, agreement=PARTS, without=0, alone=PARTS // 4)
    assert (original.confirmed, original.harm) == (HALF, 0)
    squatter = AuditedShare(2, claimed=PARTS, agreement=PARTS // 10, without=0, alone=PARTS)
    assert (squatter.confirmed, squatter.harm) == (0, PARTS * 9 // 10)
    idle = AuditedShare(3, claimed=PARTS // 5, agreement=HALF, without=HALF, alone=HALF)
    assert (idle.confirmed, idle.harm) == (0, 0)
    assert refuted([original, squatter, idle]) == {2}


def test_what_was_never_audited_is_paid_nothing_and_proof_grows_with_audits() -> None:
    one = AuditedShare(1, PARTS, PARTS, 0, 0)
    paid = [confirmed_parts([one] * times, held=PARTS, par=PARTS)[1] for times in (1, 3, 9)]
    assert paid == [HALF, PARTS * 3 // 4, PARTS * 9 // 10]
    assert confirmed_parts([]) == {}
    assert confirmed_parts([one])[1] == PARTS
    with pytest.raises(InvalidInputError, match="par"):
        confirmed_parts([one], par=0)
    with pytest.raises(InvalidInputError, match="between"):
        replace(one, alone=PARTS + 1)


shown = st.builds(
    AuditedShare,
    st.just(0),
    *([st.integers(0, PARTS)] * 4),
)


@given(
    audits=st.lists(st.tuples(st.integers(0, 3), shown), min_size=1, max_size=24),
    held=st.integers(0, 4 * PARTS),
    par=st.integers(1, PARTS),
)
def test_dividing_whole_audits_among_contributions_is_paid_no_more(
    audits: list[tuple[int, AuditedShare]], held: int, par: int
) -> None:
    whole = [each for _, each in audits]
    parts = [replace(each, contribution_id=number) for number, each in audits]

    def paid(of: list[AuditedShare]) -> int:
        confirmed = confirmed_parts(of, held=held, par=par)
        return sum(each.claimed * confirmed[each.contribution_id] for each in of)

    # Rounding down takes less than one part of each claim.
    assert paid(parts) <= paid(whole) + sum(each.claimed for each in whole)


def test_two_contributions_in_one_answer_hide_the_harm_that_they_do_together() -> None:
    # The answer is half right, and nine tenths right where neither speaks.
    one = [AuditedShare(1, PARTS, agreement=HALF, without=0, alone=PARTS * 9 // 10)]
    two = [AuditedShare(n, HALF, HALF, without=PARTS // 4, alone=PARTS // 4) for n in (1, 2)]
    assert refuted(one) == {1}
    assert not refuted(two)
    paid = [
        sum(each.claimed * confirmed_parts(audits)[each.contribution_id] for each in audits)
        for audits in (one, two)
    ]
    assert paid == [PARTS * 13_333_333, PARTS * HALF]


CORPUS = Corpus(
    1,
    1,
    [
        CorpusRow(i, owner(i), "MIT", i, f"The {t} keeps {t}alpha sorted while {t}gamma waits.")
        for i, t in enumerate(TOPICS)
    ],
)


def epoch(method: Audited | Combined) -> EpochBundle:
    answers = [
        PaidAnswer(f"0x{i:064x}", 1_000, answer(CORPUS, f"{t}alpha {t}gamma"))
        for i, t in enumerate(TOPICS)
    ]
    return close_epoch(1, DOMAIN, CORPUS, answers, method, CAUSES, contributors_share=PARTS)


def test_an_epoch_pays_what_is_confirmed_and_a_bundle_with_other_audits_does_not_hold() -> None:
    whole = epoch(default_method(CORPUS))
    audited = epoch(Audited(default_method(CORPUS), {0: PARTS, 1: HALF}))
    paid = {leaf.account: leaf.cumulative for leaf in whole.leaves}
    confirmed = {leaf.account: leaf.cumulative for leaf in audited.leaves}
    assert len(paid) == len(TOPICS)
    assert confirmed.keys() == {owner(0), owner(1)}
    assert confirmed[owner(0)] == paid[owner(0)] > 100
    assert confirmed[owner(1)] == pytest.approx(paid[owner(1)] / 2, abs=1)
    assert audited.sum + audited.unattributed == whole.sum + whole.unattributed

    again = EpochBundle.model_validate_json(audited.model_dump_json())
    assert verify_bundle(again).holds
    parameters = {**audited.method.parameters, "confirmed.1": PARTS}
    method = audited.method.model_copy(update={"parameters": parameters})
    verdict = verify_bundle(audited.model_copy(update={"method": method}))
    assert not verdict.holds
    assert any("contribution 1" in fault for fault in verdict.faults)


def test_a_method_held_against_audits_is_named_whole_by_its_parameters() -> None:
    inner = default_method(CORPUS)
    audited = Audited(inner, {7: HALF, 2: PARTS})
    again = method_from(audited.method_id, audited.parameters, CORPUS)
    assert again.parameters == audited.parameters
    assert isinstance(again, Audited)
    assert again.method.parameters == inner.parameters
    assert again.confirmed == {2: PARTS, 7: HALF}
    with pytest.raises(InvalidInputError, match="once"):
        Audited(audited, {})
    with pytest.raises(InvalidInputError, match="between"):
        Audited(SpanMatch(CORPUS), {1: PARTS + 1})
    with pytest.raises(UnknownMethodError, match="0"):
        method_from(audited.method_id, {"confirmed.1": 3}, CORPUS)
    with pytest.raises(InvalidInputError, match="confirms no share"):
        confirmed_by({"confirmed.x": 1})


def audits_of(key: Key) -> tuple[list[AuditDocument], Audited]:
    """Signed audits of each topic, of which one confirms half, and the method that pays by them."""
    inner = default_method(CORPUS)
    documents, shown = [], []
    for number, topic in enumerate(TOPICS):
        evidence = answer(CORPUS, f"{topic}alpha {topic}gamma")
        credited = inner.attribute(evidence)
        named = sorted(quoted(evidence) | {share.contribution_id for share in credited.shares})
        without = evidence.answer if number == 1 else ""
        document = AuditDocument(
            evidence=evidence,
            truth=CORPUS.rows[number].text,
            retried=tuple(Retried(contribution_id=n, without=without, alone="") for n in named),
        )
        documents.append(anyio.run(sign_audit, document, key, CHAIN))
        shown += document.shares(credited)
    return documents, Audited(inner, confirmed_parts(shown))


def with_audits(bundle: EpochBundle, *audits: AuditDocument) -> EpochBundle:
    return bundle.model_copy(update={"audits": audits})


def test_a_bundle_holds_its_audits_and_each_change_of_one_is_named() -> None:
    documents, method = audits_of(Key())
    assert set(method.confirmed.values()) == {0, PARTS}
    bundle = with_audits(epoch(method), *documents)
    again = EpochBundle.model_validate_json(bundle.model_dump_json())
    verdict = verify_bundle(again, auditors=[Key().address])
    assert verdict.holds
    assert not any("audits" in each for each in verdict.taken_as_given)
    assert any("no audits" in each for each in verify_bundle(epoch(method)).taken_as_given)

    def faults(*audits: AuditDocument, auditors: tuple[Address, ...] = ()) -> str:
        return " ".join(verify_bundle(with_audits(bundle, *audits), auditors=auditors).faults)

    assert "signed by" in faults(*documents, auditors=(owner(1),))
    assert "pays 100000000 parts, and the audits confirm 0" in faults(*documents[1:])
    assert "Audit 1 is signed by" in faults(
        documents[0],
        documents[1].model_copy(update={"truth": "Else."}),
        *documents[2:],
        auditors=(Key().address,),
    )
    lied = documents[0].retried[0].model_copy(update={"without": documents[0].truth})
    told = faults(documents[0].model_copy(update={"retried": (lied,)}), *documents[1:])
    assert "Of contribution 0" in told
    assert "differs in contribution" in faults(
        documents[0].model_copy(update={"retried": ()}), *documents[1:]
    )
    assert "is not signed" in faults(
        documents[0].model_copy(update={"signature": ""}), *documents[1:]
    )
    assert "stands twice" in faults(*documents, documents[0])
    unaudited = with_audits(epoch(default_method(CORPUS)), *documents)
    assert any("pays by none" in each for each in verify_bundle(unaudited).faults)


def test_a_case_names_the_audits_that_show_its_harm() -> None:
    documents, _ = audits_of(Key())
    found = case_evidence(0, documents)
    assert found == case_evidence(0, documents[::-1]) != case_evidence(2, documents)
    with pytest.raises(InvalidInputError, match="names contribution 9"):
        case_evidence(9, documents)


def test_the_command_audits_a_version_and_names_who_should_be_left_out(tmp_path: Path) -> None:
    truth = "The heap keeps its smallest item at the root, so that taking it out is quick."
    squat = "Which item of a heap is quick, the smallest item of a heap or another item?"
    rows = [
        CorpusRow(1, owner(1), "MIT", 0, squat),
        CorpusRow(2, owner(2), "MIT", 1, truth),
        CorpusRow(3, owner(3), "MIT", 2, "A queue hands out first what came in first of all."),
    ]
    version = DatanetVersion(corpus=corpus_part(Corpus(1, 1, rows)), rounds=())
    (tmp_path / "version.json").write_text(version.model_dump_json())
    asked = {"question": "Which item of a heap is quick, the smallest item?", "truth": truth}
    (tmp_path / "questions.jsonl").write_text("\n".join([json.dumps(asked)] * 2))

    def run(output: str, questions: str = "questions.jsonl") -> Result:
        names = [str(tmp_path / each) for each in ("version.json", questions, output)]
        return CliRunner().invoke(application(["attribution"]), ["attribution", "audit", *names])

    done = run("audits.json")
    assert done.exit_code == 1, done.output
    assert "yes" in done.output
    found = json.loads((tmp_path / "audits.json").read_text())
    document = AuditDocument.model_validate(found[0])
    assert {each.contribution_id for each in document.retried} >= {1}
    assert truth in document.retried[0].alone
    assert run("audits.json").exit_code == 2
    (tmp_path / "bad.jsonl").write_text("[]")
    assert "no object with a question" in run("other.json", "bad.jsonl").output
