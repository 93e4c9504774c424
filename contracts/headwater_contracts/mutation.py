"""Mutants of the contracts on the money paths: a change that no test notices is a gap in the tests.

python -m headwater_contracts.mutation --files JobEscrow --sample 40 --seed 1

A mutant changes one operator or bound, or leaves out one statement other than an event. Forge
builds and tests each in a copy of the sources; a mutant that does not compile says nothing and is
not counted. The score is the part that some test refused; survivors are printed with their line.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError

MONEY_PATHS: Final[dict[str, str]] = {
    "VaultBooks": "RevenueVault*",
    "RevenueVault": "{RevenueVault,SignedClaims,EpochLiveness}*",
    "EpochRoots": "{Epoch,RevenueVault}*",
    "SumTree": "{SumTree,NaiveForms}*",
    "SignedClaims": "SignedClaims*",
    "VaultTerms": "RevenueVault*",
    "RevenueVaultFactory": "RevenueVaultFactory*",
    "AttributorBonds": "Epoch*",
    "Convictions": "Epoch*",
    "LeafDisputes": "Epoch*",
    "Openings": "Epoch*",
    "ReceiptDesk": "ReceiptDesk*",
    "BondRules": "ContributionBond*",
    "BatchSettlement": "BatchSettlement*",
    "ContributionCases": "ContributionBond*",
    "ContributionBond": "ContributionBond*",
    "ContributionTags": "ContributionBond*",
    "JobEscrow": "JobEscrow*",
    "Credits": "{JobEscrow,ContributionBond,EpochCourt}*",
}
"""Source → the tests that have to notice."""

_SWAPS: Final = (
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " / "),
    (" / ", " * "),
    (" < ", " <= "),
    (" <= ", " < "),
    (" > ", " >= "),
    (" >= ", " > "),
    (" == ", " != "),
    (" != ", " == "),
    (" && ", " || "),
    (" || ", " && "),
    (" += ", " -= "),
    (" -= ", " += "),
)
_STATEMENT = re.compile(r"^\s+(?!\s|return\b|emit\b)[^=;]*(?:[-+]?=[^=]|\().*;\s*$")
_GUARD = re.compile(r"^\s+if \(.*\) revert .*;\s*$")
_DECLARATION = re.compile(
    r"^\s+(?:\w+(?:\.\w+)*(?:\[\])?\s+)(?:memory |storage |calldata )?\w+\s*(?:=|;)"
)
_SKIPPED = re.compile(
    r"^\s*(?://|/?\*|import|event|error|mapping|using|pragma|function|constructor|modifier)"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line: `line` counts from 1."""

    source: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        change = f"`{self.after.strip()}`" if self.after.strip() else "left out"
        return f"{self.source}.sol:{self.line} `{self.before.strip()}` → {change}"


def mutants_of(source: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a source, line by line; comments and declarations are left alone."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        inside = inside or line.startswith(("contract", "abstract contract", "library"))
        if not inside or _SKIPPED.match(line):
            continue
        code = line.split("//")[0].rstrip()
        for old, new in _SWAPS:
            at = code.find(old)
            while at >= 0:
                changed = code[:at] + new + code[at + len(old) :]
                yield Mutant(source, number, line, changed)
                at = code.find(old, at + len(old))
        omitted = _GUARD.match(code) or (_STATEMENT.match(code) and not _DECLARATION.match(code))
        if omitted and code.count("(") == code.count(")"):
            yield Mutant(source, number, line, "")


def survivors(
    mutants: Sequence[Mutant], scratch: Path, forge: Path
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it: `killed`, `survived` or `invalid`.

    Args:
        mutants: in any order.
        scratch: a copy of the Solidity project, which is changed and put back.
        forge: the program.
    """
    for mutant in mutants:
        file = scratch / "src" / f"{mutant.source}.sol"
        original = file.read_text("utf-8")
        lines = original.splitlines(keepends=True)
        lines[mutant.line - 1] = mutant.after + "\n"
        file.write_text("".join(lines), "utf-8")
        try:
            yield mutant, _fate(mutant, scratch, forge)
        finally:
            file.write_text(original, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 when something survived."""
    parser = argparse.ArgumentParser(prog="python -m headwater_contracts.mutation")
    parser.add_argument("--files", nargs="+", default=list(MONEY_PATHS), metavar="SOURCE")
    parser.add_argument("--sample", type=int, default=0, help="that many at random; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        return _run(options.files, options.sample, options.seed)
    except HeadwaterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2


def _run(files: Sequence[str], sample: int, seed: int) -> int:
    forge = find_program("forge")
    if forge is None:
        raise UnavailableError(
            "forge is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
        )
    unknown = [name for name in files if name not in MONEY_PATHS]
    if unknown:
        raise InvalidInputError(f"No money path is called {', '.join(unknown)}.")
    mutants = [
        mutant
        for name in files
        for mutant in mutants_of(name, (SOLIDITY_ROOT / "src" / f"{name}.sol").read_text("utf-8"))
    ]
    if 0 < sample < len(mutants):
        chosen = random.Random(seed).sample(range(len(mutants)), sample)  # noqa: S311 - a sample
        mutants = [mutants[index] for index in sorted(chosen)]
    counts = {"killed": 0, "survived": 0, "invalid": 0}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "solidity"
        ignored = shutil.ignore_patterns("node_modules", "cache", "out")
        shutil.copytree(SOLIDITY_ROOT, scratch, ignore=ignored)
        (scratch / "node_modules").symlink_to(SOLIDITY_ROOT / "node_modules")
        for mutant, fate in survivors(mutants, scratch, forge):
            counts[fate] += 1
            if fate == "survived":
                sys.stdout.write(f"survived: {mutant}\n")
                sys.stdout.flush()
    valid = counts["killed"] + counts["survived"]
    score = 100 * counts["killed"] / valid if valid else 0.0
    sys.stdout.write(
        f"{counts['killed']} of {valid} mutants killed, {score:.1f} %; "
        f"{counts['invalid']} did not compile\n"
    )
    return 1 if counts["survived"] else 0


def _fate(mutant: Mutant, scratch: Path, forge: Path) -> str:
    tests = f"test/{MONEY_PATHS[mutant.source]}"
    run = _forge(forge, scratch, "test", "--match-path", tests, "--fail-fast")
    if "Compiler run failed" in run.stdout + run.stderr:
        return "invalid"
    return "killed" if run.returncode else "survived"


def _forge(forge: Path, scratch: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # Fewer runs than in the tests proper: a mutant that only thousands of runs find is a survivor.
    env = {
        **os.environ,
        "FOUNDRY_FUZZ_RUNS": "64",
        "FOUNDRY_INVARIANT_RUNS": "16",
        "FORGE_SNAPSHOT_CHECK": "false",
        "FOUNDRY_DENY": "never",
    }
    return subprocess.run(  # noqa: S603 - the pinned tools on our own sources
        [str(forge), *arguments], cwd=scratch, env=env, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    raise SystemExit(main())
