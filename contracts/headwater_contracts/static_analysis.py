"""Slither over the contracts, as a gate: every finding is fixed or answered, no answer is stale.

python -m headwater_contracts.static_analysis [--slither PROGRAM]    exit 1 names what is unanswered

Slither has an environment of its own (`make check-slither` makes it), since it asks for other
versions of what is used here. Answers stand in `solidity/slither-answers.json` and are a page of
the documentation; `*` as a place answers a check everywhere, for checks of low impact only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program
from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_payments.json_text import read_json

ANSWERS = SOLIDITY_ROOT / "slither-answers.json"
EVERYWHERE = "*"
JUDGED = ("High", "Medium", "Low")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What Slither says of one place, as in `RevenueVault.claim`."""

    check: str
    place: str
    impact: str


class Answer(BaseModel, frozen=True, extra="forbid"):
    """Why a finding is right as it is."""

    check: str
    place: str
    answer: str

    def is_for(self, finding: Finding) -> bool:
        """Whether it answers this finding."""
        anywhere = self.place == EVERYWHERE and finding.impact == "Low"
        return self.check == finding.check and (anywhere or self.place == finding.place)


class Source(BaseModel):
    """Where an element of a finding stands."""

    filename_relative: str


class Fields(BaseModel):
    """What an element stands in."""

    parent: "Element | None" = None


class Element(BaseModel):
    """A contract, function or variable that a finding is about."""

    name: str
    source_mapping: Source
    type_specific_fields: Fields | None = None

    @property
    def place(self) -> str:
        """Contract and function, or contract and variable."""
        outside = self.type_specific_fields.parent if self.type_specific_fields else None
        inside = "" if outside is None or outside.name.endswith(".sol") else f"{outside.place}."
        return inside + self.name


class Detection(BaseModel):
    """One result of a detector."""

    check: str
    impact: str
    elements: tuple[Element, ...] = ()


class Results(BaseModel):
    """All results."""

    detectors: tuple[Detection, ...] = ()


class Report(BaseModel):
    """Slither's report, as far as it is read here."""

    success: bool = False
    error: str | None = None
    results: Results = Results()


def read_answers(path: Path = ANSWERS) -> list[Answer]:
    """The committed answers.

    Raises:
        InvalidInputError: the file is not JSON.
    """
    return TypeAdapter(list[Answer]).validate_python(read_json(path.read_text("utf-8")))


def judge(
    findings: Iterable[Finding], answers: Sequence[Answer]
) -> tuple[list[Finding], list[Answer]]:
    """Findings without an answer, and answers without a finding."""
    found = sorted(set(findings))
    unanswered = [each for each in found if not any(answer.is_for(each) for answer in answers)]
    stale = [answer for answer in answers if not any(answer.is_for(each) for each in found)]
    return unanswered, stale


def findings_of(report: Report) -> list[Finding]:
    """What a report says of our sources, by place; tests and libraries left out.

    Raises:
        UnavailableError: Slither did not finish.
    """
    if not report.success:
        raise UnavailableError(f"Slither did not finish: {str(report.error)[:500]}")
    return [
        Finding(row.check, row.elements[0].place, row.impact)
        for row in report.results.detectors
        if row.impact in JUDGED
        and row.elements
        and row.elements[0].source_mapping.filename_relative.startswith("src/")
    ]


def run_slither(program: str) -> list[Finding]:
    """Compile the sources and analyse them.

    Raises:
        UnavailableError: forge or Slither is missing or failed.
    """
    forge = find_program("forge")
    if forge is None:
        raise UnavailableError(
            "forge is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
        )
    with tempfile.TemporaryDirectory() as scratch:
        out, report = Path(scratch) / "out", Path(scratch) / "report.json"
        _run(
            [
                str(forge),
                "build",
                "src",
                "--force",
                "--build-info",
                "--out",
                str(out),
                "--cache-path",
                f"{scratch}/cache",
            ],
            forge,
        )
        _run(
            [
                program,
                ".",
                "--ignore-compile",
                "--foundry-out-directory",
                str(out),
                "--filter-paths",
                "node_modules|test/",
                "--json",
                str(report),
            ],
            forge,
            allowed=(0, 255),
        )
        text = report.read_text("utf-8") if report.is_file() else "{}"
    return findings_of(Report.model_validate(read_json(text)))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m headwater_contracts.static_analysis")
    parser.add_argument("--slither", default="slither", help="the program")
    options = parser.parse_args(arguments)
    try:
        found = run_slither(options.slither)
        unanswered, stale = judge(found, read_answers())
    except HeadwaterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    for finding in unanswered:
        sys.stderr.write(f"unanswered ({finding.impact}): {finding.check} at {finding.place}\n")
    for answer in stale:
        sys.stderr.write(f"nothing to answer: {answer.check} at {answer.place}\n")
    sys.stdout.write(f"{len(set(found))} findings, {len(unanswered)} unanswered\n")
    return 1 if unanswered or stale else 0


def _run(command: list[str], forge: Path, allowed: tuple[int, ...] = (0,)) -> None:
    # Slither asks forge for its configuration.
    env = {**os.environ, "PATH": f"{forge.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(  # noqa: S603 - the pinned tools on our own sources
            command, cwd=SOLIDITY_ROOT, env=env, capture_output=True, text=True, check=False
        )
    except OSError as exc:
        raise UnavailableError(f"{command[0]} cannot be run: {exc.strerror}.") from exc
    if done.returncode not in allowed:
        raise UnavailableError(
            f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-800:]}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
