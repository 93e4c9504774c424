"""How much of the contracts the forge tests run: lines and branches of each source.

python -m headwater_contracts.coverage    exit 1 where fewer than 98 of 100 lines run in all

Coverage is measured on builds without optimizer, in a copy of the sources. `THROUGH_YUL` does not
compile so: one of its events has more values than the stack holds then. It is measured by itself,
with its own tests, through Yul (forge's `--ir-minimum`), which places some lines less well. Tests
that hold calls to an amount of gas (`GAS_TESTS`) are left out: it is that of optimized builds.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program
from headwater_payments.errors import HeadwaterError, UnavailableError

LEAST_LINES_PERCENT: Final = 98
_IMPORT: Final = re.compile(r'from "(\.[^"]+)"')
THROUGH_YUL: Final = ("ReputationRegistry",)
GAS_TESTS: Final = "GasTest$"


@dataclass(frozen=True, slots=True)
class Covered:
    """What ran of one source, or of all."""

    source: str
    lines: int
    lines_run: int
    branches: int
    branches_run: int

    def __str__(self) -> str:
        return (
            f"{self.source:26} lines {self.lines_run}/{self.lines}"
            f" {_percent(self.lines_run, self.lines)}"
            f"  branches {self.branches_run}/{self.branches}"
            f" {_percent(self.branches_run, self.branches)}"
        )


def read_lcov(text: str) -> list[Covered]:
    """Coverage by source, from lcov's records; each source stands once."""
    found, counts, source = [], dict.fromkeys(("LF", "LH", "BRF", "BRH"), 0), ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            source, counts = Path(value).stem, dict.fromkeys(counts, 0)
        elif key in counts:
            counts[key] = int(value)
        elif key == "end_of_record":
            found.append(Covered(source, counts["LF"], counts["LH"], counts["BRF"], counts["BRH"]))
    return sorted(found, key=lambda each: each.source)


def all_of(sources: Iterable[Covered]) -> Covered:
    """The sum over sources."""
    rows = list(sources)
    return Covered(
        "all",
        sum(each.lines for each in rows),
        sum(each.lines_run for each in rows),
        sum(each.branches for each in rows),
        sum(each.branches_run for each in rows),
    )


def measure() -> list[Covered]:
    """Run the tests with coverage.

    Raises:
        UnavailableError: forge is missing, or a test failed.
    """
    forge = find_program("forge")
    if forge is None:
        raise UnavailableError(
            "forge is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
        )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        whole, apart = root / "whole", root / "apart"
        for scratch in (whole, apart):
            ignored = shutil.ignore_patterns("node_modules", "cache", "out")
            shutil.copytree(SOLIDITY_ROOT, scratch, ignore=ignored)
            (scratch / "node_modules").symlink_to(SOLIDITY_ROOT / "node_modules")
        for test in whole.glob("test/*.sol"):
            if _is_apart(test):
                test.unlink()
        _keep_what_is_needed(apart)
        for name in THROUGH_YUL:
            (whole / "src" / f"{name}.sol").unlink()
        measured = _measured(forge, whole)
        measured += [
            each for each in _measured(forge, apart, "--ir-minimum") if each.source in THROUGH_YUL
        ]
        return sorted(measured, key=lambda each: each.source)


def main() -> int:
    """Run the command; gives its exit status."""
    try:
        sources = measure()
    except HeadwaterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    whole = all_of(sources)
    for each in [*sources, whole]:
        sys.stdout.write(f"{each}\n")
    enough = whole.lines > 0 and 100 * whole.lines_run >= LEAST_LINES_PERCENT * whole.lines
    return 0 if enough else 1


def _measured(forge: Path, scratch: Path, *options: str) -> list[Covered]:
    report = scratch / "lcov.info"
    env = {
        **os.environ,
        "FORGE_SNAPSHOT_CHECK": "false",
        "FOUNDRY_FUZZ_RUNS": "64",
        "FOUNDRY_INVARIANT_RUNS": "8",
    }
    done = subprocess.run(  # noqa: S603 - the pinned tools on our own sources
        [
            str(forge),
            "coverage",
            *options,
            "--no-match-contract",
            GAS_TESTS,
            "--no-match-coverage",
            "test/|node_modules",
            "--report",
            "lcov",
            "--report-file",
            str(report),
        ],
        cwd=scratch,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not report.is_file():
        raise UnavailableError(f"forge failed: {(done.stdout + done.stderr)[-800:]}")
    return read_lcov(report.read_text("utf-8"))


def _keep_what_is_needed(apart: Path) -> None:
    """Leave the tests of `THROUGH_YUL` and what they import: all would take minutes to compile."""
    kept = {test for test in apart.glob("test/*.t.sol") if _is_apart(test)}
    unread = list(kept)
    while unread:
        file = unread.pop()
        imported = {
            (file.parent / path).resolve() for path in _IMPORT.findall(file.read_text("utf-8"))
        }
        unread += imported - kept
        kept |= imported
    for file in [*apart.glob("src/*.sol"), *apart.glob("test/*.sol")]:
        if file not in kept:
            file.unlink()


def _is_apart(test: Path) -> bool:
    text = test.read_text("utf-8")
    return any(f"src/{name}.sol" in text for name in THROUGH_YUL)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


if __name__ == "__main__":
    raise SystemExit(main())
