"""The gate over Slither's findings: what is unanswered, and what is answered for nothing."""

import pytest

from headwater_contracts.static_analysis import (
    Answer,
    Finding,
    Report,
    findings_of,
    judge,
    read_answers,
)
from headwater_contracts.toolchain import SOLIDITY_ROOT
from headwater_payments.errors import UnavailableError


def element(name: str, parent: str = "", file: str = "src/Vault.sol") -> dict[str, object]:
    inside = {"parent": {"name": parent, "source_mapping": {"filename_relative": file}}}
    return {
        "name": name,
        "source_mapping": {"filename_relative": file},
        "type_specific_fields": inside if parent else None,
    }


def report(*rows: tuple[str, str, dict[str, object]]) -> Report:
    detectors = [{"check": c, "impact": i, "elements": [e]} for c, i, e in rows]
    return Report.model_validate({"success": True, "results": {"detectors": detectors}})


def test_findings_name_the_place_and_leave_tests_and_notes_out() -> None:
    found = findings_of(
        report(
            ("timestamp", "Low", element("claim", "Vault")),
            ("timestamp", "Low", element("claim", "VaultTest", "test/Vault.t.sol")),
            ("naming", "Informational", element("claim", "Vault")),
        )
    )
    assert found == [Finding("timestamp", "Vault.claim", "Low")]


def test_an_analysis_that_failed_is_no_clean_one() -> None:
    with pytest.raises(UnavailableError, match="did not finish"):
        findings_of(Report.model_validate({"success": False, "error": "no compiler"}))


def test_each_finding_needs_an_answer_and_each_answer_a_finding() -> None:
    low, high = Finding("timestamp", "Vault.claim", "Low"), Finding("send", "Vault.pay", "High")
    here = Answer(check="send", place="Vault.pay", answer="why")
    anywhere = Answer(check="timestamp", place="*", answer="why")
    assert judge([low, high], [here, anywhere]) == ([], [])
    assert judge([low, high], [anywhere]) == ([high], [])
    assert judge([high], [here, anywhere]) == ([], [anywhere])


def test_nothing_of_weight_is_answered_everywhere_at_once() -> None:
    high = Finding("send", "Vault.pay", "High")
    assert judge([high], [Answer(check="send", place="*", answer="why")])[0] == [high]


def test_every_answer_names_code_that_is_there() -> None:
    sources = {path.stem: path.read_text("utf-8") for path in SOLIDITY_ROOT.glob("src/*.sol")}
    answers = read_answers()
    assert len(answers) > 20
    for answer in answers:
        if answer.place != "*":
            contract, function, *_ = answer.place.split(".")
            assert function in sources[contract], answer.place
        assert answer.answer.endswith(".")
