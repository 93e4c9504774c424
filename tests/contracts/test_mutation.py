"""Mutants of a contract: what is changed, and that tests which notice nothing are told."""

from pathlib import Path

import pytest
from contracts.conftest import require_program

from headwater_contracts.mutation.__main__ import drawn, main, survived_in
from headwater_contracts.mutation.builds import Build, all_mutants
from headwater_contracts.mutation.campaign import MONEY_PATHS, Fate, Outcome, run_campaign
from headwater_contracts.mutation.mutants import Mutant, Place
from headwater_contracts.mutation.schemata import mutants_within, readable_everywhere, schema_of
from headwater_contracts.mutation.score import Answer, Score, judge, read_answers, scores_of
from headwater_contracts.toolchain import SOLIDITY_ROOT
from headwater_payments.errors import UnavailableError

HEADER = "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n"
TILL = """contract Credits {
    uint256 public sum;
    uint256 public last;
    uint256 internal constant WEEK = 7 * 86_400;
    event Added(uint256 amount);
    error Nothing(uint256 sum);

    /// @notice a <= b in words
    function add(uint256 amount) external {
        if (amount < 1) revert Nothing(sum);
        sum = sum + doubled(amount) / 2;
        last = amount;
        emit Added(amount);
        for (uint256 i = 0; i < 2; ++i) {}
    }

    function doubled(uint256 amount) private pure returns (uint256 twice) {
        assembly {
            twice := mul(amount, 2)
        }
    }
}
"""
TEST = """import {Credits} from "../src/Credits.sol";
contract CreditsTest {
    function test_adds() public {
        Credits credits = new Credits();
        credits.add(2);
        credits.add(2);
        require(credits.sum() == 4);
    }
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with one source on a money path and one test, which looks at the sum only."""
    require_program("forge")
    for folder in ("src", "test"):
        (tmp_path / folder).mkdir()
    for linked in ("tools", "node_modules"):
        (tmp_path / linked).symlink_to(SOLIDITY_ROOT / linked)
    (tmp_path / "foundry.toml").write_text((SOLIDITY_ROOT / "foundry.toml").read_text("utf-8"))
    (tmp_path / "src" / "Credits.sol").write_text(HEADER + TILL)
    (tmp_path / "test" / "JobEscrow.t.sol").write_text(HEADER + TEST)
    return tmp_path


def mutant(line: int, before: str, after: str, source: str = "Credits") -> Mutant:
    return Mutant(source, line, 0, len(before), Place.EXPRESSION, before, after)


def test_operators_bounds_and_statements_are_changed_one_at_a_time(project: Path) -> None:
    mutants = all_mutants(["Credits"], project)
    assert [(each.line - 2, each.change) for each in mutants] == [
        (10, "`amount < 1` → `amount <= 1`"),
        (10, "`amount < 1` → `false`"),
        (11, "`sum = sum + doubled(amount) / 2;` → left out"),
        (11, "`sum + doubled(amount) / 2` → `sum - doubled(amount) / 2`"),
        (11, "`doubled(amount) / 2` → `doubled(amount) * 2`"),
        (12, "`last = amount;` → left out"),
        (14, "`i < 2` → `i <= 2`"),
        (19, "`twice := mul(amount, 2)` → left out"),
        (19, "`mul(amount, 2)` → `div(amount, 2)`"),
    ]
    assert str(mutants[0]) == "Credits.sol:12 `amount < 1` → `amount <= 1`"


def test_all_mutants_stand_in_one_build_and_what_no_test_sees_survives(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changes = ("`amount < 1` → `false`", "`sum + ", "`mul(amount, 2)` → `div(amount, 2)`")
    mutants = [
        each for each in all_mutants(["Credits"], project) if each.change.startswith(changes)
    ]
    first = mutants[0]
    broken = Mutant(
        first.source, first.line, first.start, first.end, first.place, first.before, "no"
    )
    build = Build([*mutants, broken], tmp_path_factory.mktemp("mutants"), project)
    build.compile()
    fates = {each.mutant.change: each.fate for each in run_campaign(build, ["Credits"])}
    assert list(fates.items()) == [
        (broken.change, Fate.INVALID),
        (mutants[0].change, Fate.SURVIVED),
        (mutants[1].change, Fate.KILLED),
        (mutants[2].change, Fate.KILLED),
    ]
    assert (project / "src" / "Credits.sol").read_text() == HEADER + TILL


def test_tests_that_fail_without_a_mutant_say_nothing(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (project / "test" / "JobEscrow.t.sol").write_text(HEADER + TEST.replace("== 4", "== 5"))
    build = Build([], tmp_path_factory.mktemp("mutants"), project)
    build.compile()
    with pytest.raises(UnavailableError, match="without a mutant"):
        list(run_campaign(build, ["Credits"]))


def test_a_schema_runs_the_original_unless_its_number_is_the_coinbase() -> None:
    text = "x = a + b * c;"
    outer = Mutant("S", 1, 4, 13, Place.EXPRESSION, "a + b * c", "a - b * c")
    inner = Mutant("S", 1, 8, 13, Place.EXPRESSION, "b * c", "b / c")
    whole = Mutant("S", 1, 0, 14, Place.STATEMENT, text, "")
    schema = schema_of(text, {1: outer, 2: inner, 3: whole})
    assert schema == (
        "{ if (block.coinbase == address(3)) /*mutant 3*/{  } else { x = "
        "(block.coinbase == address(1) ? /*mutant 1*/(a - b * c) : (a + "
        "(block.coinbase == address(2) ? /*mutant 2*/(b / c) : (b * c)))); } }"
    )
    assert mutants_within(schema, schema.index("(b / c)"), schema.index("(b / c)") + 3) == [2]
    assert readable_everywhere("function f() pure purely") == "function f() view purely"


def test_every_money_path_has_tests_of_its_own() -> None:
    for source, tests in MONEY_PATHS.items():
        assert (SOLIDITY_ROOT / "src" / f"{source}.sol").is_file()
        for name in tests.split(","):
            files = set(SOLIDITY_ROOT.glob(f"test/{name}*.t.sol"))
            assert files - set(SOLIDITY_ROOT.glob("test/*.invariant.t.sol")), name


def test_a_path_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "Nothing"]) == 2
    assert "Nothing" in capsys.readouterr().err


def test_a_sample_is_of_each_source_and_the_same_for_the_same_seed() -> None:
    mutants = [mutant(line, "a", "b", source) for source in ("A", "B") for line in range(50)]
    sample = drawn(mutants, 7, 1)
    assert [each.source for each in sample] == ["A"] * 7 + ["B"] * 7
    assert sample == drawn(mutants, 7, 1) != drawn(mutants, 7, 2)
    assert drawn(mutants, 0, 1) == drawn(mutants, 99, 1) == mutants


def test_only_survivors_of_an_earlier_run_are_tried_again() -> None:
    mutants = [mutant(line, "a", "b") for line in range(3)]
    output = f"survived: {mutants[1]}\ndid not compile: {mutants[2]}\nunanswered: {mutants[0]}\n"
    assert survived_in(output, mutants) == [mutants[1]]


def test_what_does_not_compile_counts_neither_way_and_a_sample_says_how_sure_it_is() -> None:
    mutants = [mutant(line, "a", "b") for line in range(11)]
    fates = [Fate.INVALID, Fate.KILLED, Fate.KILLED, Fate.KILLED, Fate.SURVIVED]
    outcomes = [Outcome(*pair) for pair in zip(mutants, fates, strict=False)]
    row, whole = scores_of(mutants, outcomes)
    assert row == Score("Credits", 10, 4, 3)
    assert whole == Score("all", 10, 4, 3)
    low, high = row.interval
    # By hand: Wilson's interval of 3 of 4 with 4 * 9 / 6 = 6 draws.
    assert (round(low, 3), round(high, 3)) == (0.365, 0.940)
    assert Score("Credits", 4, 4, 3).interval == (0.75, 0.75)
    assert Score("Credits", 4, 0, 0).interval == (0.0, 1.0)


def test_a_survivor_needs_an_answer_and_an_answer_a_survivor() -> None:
    alive, dead = mutant(1, "a > b", "a >= b"), mutant(2, "a + b", "a - b")
    outcomes = [Outcome(alive, Fate.SURVIVED), Outcome(dead, Fate.KILLED)]
    right = Answer(source="Credits", change=alive.change, answer="Both give 0.")
    wrong = Answer(source="Credits", change=dead.change, answer="Unneeded.")
    assert judge(outcomes, [right]) == ([], [])
    assert judge(outcomes, [right, wrong]) == ([], [wrong])
    assert judge(outcomes, []) == ([alive], [])


def test_every_answer_is_about_a_mutant_that_there_is() -> None:
    require_program("forge")
    answers = read_answers()
    there = {(each.source, each.change) for each in all_mutants(list(MONEY_PATHS))}
    assert [each for each in answers if (each.source, each.change) not in there] == []
    assert all(each.answer.endswith(".") for each in answers)
