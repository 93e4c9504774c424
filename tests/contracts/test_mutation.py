"""Mutants of a contract: what is changed, and that tests which notice nothing are told."""

from pathlib import Path

import pytest
from contracts.conftest import require_program

from headwater_contracts.mutation import MONEY_PATHS, Mutant, main, mutants_of, survivors
from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program

SOURCE = """// a comment with a < b
import {A} from "./A.sol";
contract Till {
    mapping(address account => uint256) public held;
    event Paid(uint256 amount);

    /// @notice a <= b in words
    function pay(uint256 amount) external {
        if (amount > held[msg.sender]) revert TooMuch(amount);
        uint256 rest = held[msg.sender] - amount;
        held[msg.sender] = rest;
        emit Paid(amount);
        send(amount);
        return;
    }
}
"""


def test_operators_bounds_and_statements_are_changed_one_at_a_time() -> None:
    mutants = list(mutants_of("Till", SOURCE))
    assert {(mutant.line, mutant.after.strip()) for mutant in mutants} == {
        (9, "if (amount >= held[msg.sender]) revert TooMuch(amount);"),
        (9, ""),
        (10, "uint256 rest = held[msg.sender] + amount;"),
        (11, ""),
        (13, ""),
    }
    assert str(mutants[-1]) == "Till.sol:13 `send(amount);` → left out"


def test_every_money_path_has_sources_mutants_and_tests() -> None:
    for source, tests in MONEY_PATHS.items():
        text = (SOLIDITY_ROOT / "src" / f"{source}.sol").read_text("utf-8")
        assert len(list(mutants_of(source, text))) >= 3, source
        names = tests.strip("*").strip("{}").split(",")
        for name in names:
            assert list(SOLIDITY_ROOT.glob(f"test/{name.strip('*')}*.sol")), name


def test_a_path_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "Nothing"]) == 2
    assert "Nothing" in capsys.readouterr().err


def test_a_test_that_checks_nothing_lets_mutants_live(tmp_path: Path) -> None:
    require_program("forge")
    forge = find_program("forge")
    assert forge is not None
    (tmp_path / "src").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "tools").symlink_to(SOLIDITY_ROOT / "tools")
    (tmp_path / "node_modules").symlink_to(SOLIDITY_ROOT / "node_modules")
    (tmp_path / "foundry.toml").write_text((SOLIDITY_ROOT / "foundry.toml").read_text("utf-8"))
    (tmp_path / "src" / "Credits.sol").write_text(
        "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n"
        "contract Credits {\n    uint256 public sum;\n    uint256 public last;\n"
        "    function add(uint256 amount) external {\n        sum = sum + amount;\n"
        "        last = amount;\n    }\n}\n"
    )
    (tmp_path / "test" / "JobEscrow.t.sol").write_text(
        "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n"
        'import {Credits} from "../src/Credits.sol";\n'
        "contract CreditsTest {\n    function test_adds() public {\n"
        "        Credits credits = new Credits();\n        credits.add(2);\n"
        "        require(credits.sum() == 2);\n    }\n}\n"
    )
    summed = "        sum = sum + amount;"
    mutants = [
        Mutant("Credits", 7, summed, "        sum = sum - amount;"),
        Mutant("Credits", 8, "        last = amount;", ""),
        Mutant("Credits", 7, summed, "        sum = nothing;"),
    ]
    fates = [fate for _, fate in survivors(mutants, tmp_path, forge)]
    assert fates == ["killed", "survived", "invalid"]
    assert summed in (tmp_path / "src" / "Credits.sol").read_text("utf-8")
