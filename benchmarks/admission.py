"""Admission: rows a second from text to verdict, and how many planted near-copies it refuses.

    python benchmarks/admission.py [--rounds 5] [--planted 300] [--rows-each 20] [--consent]
                                   [--json result.json]

Rows are the paragraphs of the standard library's documentation, handed in twenty at a time by one
author for each twenty. Among them, near-copies of earlier rows by an author of their own, with
each twentieth (and, harder, each tenth or fifth) word replaced by a word of another row. Everything
counts: canonical text, fingerprints, quality, order of words, likeness, verdicts; with `--consent`
also whose signature each contribution carries. With fewer rows to an author, habits count as well.
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import anyio

from headwater_attribution.admission import (
    AdmissionDesk,
    ConsentTerms,
    Contribution,
    Verdict,
    admit,
)
from headwater_attribution.admission.consent import sign_consent
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_payments.address import Address, parse_address
from headwater_wallet.keys import LocalSigner

EDITS = (0.05, 0.1, 0.2)
TERMS = ConsentTerms(1, 84_532, "0x" + "7e" * 32)
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
    parser.add_argument("--rows-each", type=int, default=20)
    parser.add_argument("--consent", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts = [row.text for row in standard_library_rows(10_000)]
    results = []
    for edited in EDITS:
        handed_in, copies = economy(texts, edited, options.planted, options.rows_each)
        terms = None
        if options.consent:
            handed_in, terms = [consented(each) for each in handed_in], TERMS
        results.append(measure(handed_in, copies, terms, edited, options.rounds))
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


def measure(
    handed_in: list[Contribution],
    copies: set[int],
    terms: ConsentTerms | None,
    edited: float,
    rounds: int,
) -> Result:
    """Admit everything `rounds` times, the same rows each time."""
    wall, cpu = [], []
    verdicts: list[Verdict] = []
    for _ in range(rounds):
        started, worked = time.perf_counter(), time.process_time()
        desk = AdmissionDesk(consent=terms)
        verdicts = [verdict for each in handed_in for verdict in desk.review(each)]
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


def economy(
    texts: list[str], edited: float, planted: int, rows_each: int
) -> tuple[list[Contribution], set[int]]:
    """Honest contributions with contributions of near-copies at the end, and those' numbers."""
    draw = random.Random(11)
    authors = [texts[at : at + rows_each] for at in range(0, len(texts), rows_each)]
    # What is refused by itself shows nothing about copies of it.
    honest = admit(
        Contribution(n, account(n), "PSF-2.0", tuple(rows)) for n, rows in enumerate(authors)
    )
    accepted = [authors[each.ref.contribution_id][each.ref.row] for each in honest if each.accepted]
    long = [text for text in accepted if len(text.split()) >= SHORTEST]
    copied = [replaced(text, edited, draw, long) for text in draw.sample(long, planted)]
    parts = [copied[at : at + rows_each] for at in range(0, planted, rows_each)]
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


def consented(each: Contribution) -> Contribution:
    """Signed by a key of its own."""
    signer = LocalSigner((each.contribution_id + 1).to_bytes(32, "big"))
    mine = replace(each, contributor=signer.address)
    given = anyio.run(sign_consent, mine, TERMS, signer)
    return replace(mine, consent=given.model_dump_json())


def account(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


if __name__ == "__main__":
    main()
