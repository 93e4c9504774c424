"""The table of attacks names tests that are there, and every test of a naive form is in it."""

import re

from headwater_contracts.toolchain import SOLIDITY_ROOT
from support.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "naive-forms.md"
ROW = re.compile(r"^\| (?!attack|---)(.+) \|$", re.MULTILINE)
TEST = re.compile(r"^`(test_\w+)`$")
DEFINED = re.compile(r"^(?:def|    function) (test_\w+)\(", re.MULTILINE)
HOLDERS = [
    *SOLIDITY_ROOT.glob("test/Naive*.t.sol"),
    *ROOT.glob("tests/*/test_naive_*.py"),
]
BESIDE = [
    SOLIDITY_ROOT / "test" / "Gas.t.sol",
    ROOT / "tests" / "attribution" / "test_canonical.py",
]


def test_every_attack_names_a_test_that_is_there_and_each_of_them_is_named() -> None:
    rows = [row.split(" | ") for row in ROW.findall(PAGE.read_text("utf-8"))]
    assert len(rows) >= 14
    assert {len(row) for row in rows} == {4}
    named = [found.group(1) for row in rows if (found := TEST.match(row[-1]))]
    assert len(named) == len(rows) == len(set(named))
    held = {name for file in HOLDERS for name in DEFINED.findall(file.read_text("utf-8"))}
    held.discard(test_every_attack_names_a_test_that_is_there_and_each_of_them_is_named.__name__)
    beside = {name for file in BESIDE for name in DEFINED.findall(file.read_text("utf-8"))}
    assert sorted(held - set(named)) == []
    assert sorted(set(named) - held - beside) == []
