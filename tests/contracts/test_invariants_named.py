"""Contracts name the test of each invariant: every name must be a test's."""

import re

from headwater_contracts.toolchain import SOLIDITY_ROOT

NAMED = re.compile(r"`((?:test|testFuzz|invariant)_\w+)`")
DEFINED = re.compile(r"function ((?:test|testFuzz|invariant)_\w+)")
FILES = re.compile(r"`test/(\w[\w.]*\.sol)`")


def test_every_test_that_a_contract_names_is_there() -> None:
    tests = {file.name: file.read_text("utf-8") for file in SOLIDITY_ROOT.glob("test/*.sol")}
    defined = {name for text in tests.values() for name in DEFINED.findall(text)}
    sources = {file.name: file.read_text("utf-8") for file in SOLIDITY_ROOT.glob("src/*.sol")}
    named = {(source, name) for source, text in sources.items() for name in NAMED.findall(text)}
    files = {(source, name) for source, text in sources.items() for name in FILES.findall(text)}
    assert len(named) > 100
    assert sorted(pair for pair in named if pair[1] not in defined) == []
    assert sorted(pair for pair in files if pair[1] not in tests) == []
