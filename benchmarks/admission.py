"""Admission: rows a second from text to verdict, and how many planted near-copies it refuses.

    python benchmarks/admission.py [--rounds 5] [--planted 300] [--json result.json]

Rows are the paragraphs of the standard library's documentation, handed in twenty at a time by one
author for each twenty. Among them, near-copies of earlier rows by an author of their own, with
each twentieth (and, harder, each tenth or fifth) word replaced by a word of another row. Everything
counts: canonical text, fingerprints, quality, order of words, likeness, verdicts.
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from headwater_attribution.admission import Contribution, Verdict, admit
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_payments.address import Address, parse_address

ROWS_EACH = 20
EDITS = (0.05, 0.1, 0.2)
SHORTEST = 12
"""Rows of fewer words are not copied: a word or two of them are most of what they say."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found with one share of words replaced."""

    edited: float
    rows: int
    rows_a_second: list[float]
    rows_a_cpu_second: list[float]
    recall: float
    honest_refused: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--planted", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts = [row.text for row in standard_library_rows(10_000)]
    results = [measure(texts, edited, options.planted, options.rounds) for edited in EDITS]
    print("| words replaced | rows/s | rows/s of processor time | near-copies refused | others |")
    print("|---|---|---|---|---|")
    for each in results:
        wall, cpu = (statistics.median(x) for x in (each.rows_a_second, each.rows_a_cpu_second))
        print(
            f"| {each.edited:.0%} | {wall:,.0f} | {cpu:,.0f} (best "
            f"{max(each.rows_a_cpu_second):,.0f}) | {each.recall:.1%} | {each.honest_refused:.1%} |"
        )
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(
        f"\n{results[0].rows} rows, {options.rounds} rounds. Python {platform.python_version()}, "
        f"{os.cpu_count()} cores {platform.machine()}, load {load}."
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in results], indent=1), "utf-8")


def measure(texts: list[str], edited: float, planted: int, rounds: int) -> Result:
    """Admit everything `rounds` times, the same rows each time."""
    handed_in, copies = economy(texts, edited, planted)
    wall, cpu = [], []
    verdicts: list[Verdict] = []
    for _ in range(rounds):
        started, worked = time.perf_counter(), time.process_time()
        verdicts = admit(handed_in)
        cpu.append(len(verdicts) / (time.process_time() - worked))
        wall.append(len(verdicts) / (time.perf_counter() - started))
    refused = [not each.accepted for each in verdicts if each.ref.contribution_id in copies]
    honest = [not each.accepted for each in verdicts if each.ref.contribution_id not in copies]
    return Result(
        edited,
        len(verdicts),
        wall,
        cpu,
        sum(refused) / len(refused),
        sum(honest) / len(honest),
    )


def economy(texts: list[str], edited: float, planted: int) -> tuple[list[Contribution], set[int]]:
    """Honest contributions with contributions of near-copies at the end, and those' numbers."""
    draw = random.Random(11)
    authors = [texts[at : at + ROWS_EACH] for at in range(0, len(texts), ROWS_EACH)]
    # What is refused by itself shows nothing about copies of it.
    honest = admit(
        Contribution(n, account(n), "PSF-2.0", tuple(rows)) for n, rows in enumerate(authors)
    )
    accepted = [authors[each.ref.contribution_id][each.ref.row] for each in honest if each.accepted]
    long = [text for text in accepted if len(text.split()) >= SHORTEST]
    copied = [replaced(text, edited, draw, long) for text in draw.sample(long, planted)]
    parts = [copied[at : at + ROWS_EACH] for at in range(0, planted, ROWS_EACH)]
    everybody = [*authors, *parts]
    contributions = [
        Contribution(n, account(n), "PSF-2.0", tuple(rows)) for n, rows in enumerate(everybody)
    ]
    return contributions, set(range(len(authors), len(everybody)))


def replaced(text: str, share: float, draw: random.Random, others: list[str]) -> str:
    words = text.split()
    count = max(1, round(share * len(words)))
    for place in draw.sample(range(len(words)), count):
        words[place] = draw.choice(draw.choice(others).split())
    return " ".join(words)


def account(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


if __name__ == "__main__":
    main()
