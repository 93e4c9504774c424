"""Coverage is read from lcov's records, and what is measured by itself is named."""

import re

from headwater_contracts.coverage import GAS_TESTS, THROUGH_YUL, Covered, all_of, read_lcov
from headwater_contracts.toolchain import SOLIDITY_ROOT

LCOV = """TN:
SF:src/Vault.sol
DA:1,4
LF:10
LH:9
BRF:4
BRH:2
end_of_record
TN:
SF:src/Bond.sol
LF:30
LH:30
end_of_record
"""


def test_lines_and_branches_are_read_by_source() -> None:
    bond, vault = read_lcov(LCOV)
    assert vault == Covered("Vault", 10, 9, 4, 2)
    assert bond == Covered("Bond", 30, 30, 0, 0)
    assert all_of([bond, vault]) == Covered("all", 40, 39, 4, 2)
    assert " ".join(str(vault).split()) == "Vault lines 9/10 90.0 % branches 2/4 50.0 %"


def test_what_is_measured_by_itself_is_there_and_tested() -> None:
    tests = "".join(path.read_text("utf-8") for path in SOLIDITY_ROOT.glob("test/*.t.sol"))
    for name in THROUGH_YUL:
        assert (SOLIDITY_ROOT / "src" / f"{name}.sol").is_file()
        assert f"src/{name}.sol" in tests


def test_what_holds_calls_to_their_gas_is_left_out() -> None:
    measured = 0
    for path in SOLIDITY_ROOT.glob("test/*.t.sol"):
        contract = ""
        for line in path.read_text("utf-8").splitlines():
            if found := re.match(r"(?:abstract )?contract (\w+)", line):
                contract = found[1]
            if "snapshotGasLastCall(" in line:
                measured += 1
                assert re.search(GAS_TESTS, contract), f"{path.name}: {contract}"
    assert measured
