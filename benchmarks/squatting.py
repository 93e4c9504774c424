"""What squatting brings on real text, through the code that runs in production.

    python benchmarks/squatting.py [--seeds 2] [--questions 120] [--json result.json]

One fifth of the authors of the standard library's documentation know what the others are about to
hand in, and hand in each of those rows first, condensed to its rarest words and its grammar. The
desk knows public text, as it should. The figures are what the simulator's arena assumes of a
squatted row (`headwater_simulations.adversary.squatting`), by the number of words taken.
"""

import argparse
import json
import os
import platform
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import anyio

from headwater_attribution.evidence import Evidence
from headwater_models.questions import held_out_questions
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_models.terms import STOP_WORDS, plain_words
from headwater_models.trials.library import (
    Authors,
    Library,
    Row,
    answers,
    drawn_authors,
    earnings,
    enter,
)

AUTHORS = 30
ROWS_EACH = 16
COALITION = 5
"""Every so many-th author belongs to it."""

SQUATTER = -100
WORDS = (4, 6, 8, 12, 16)


@dataclass(frozen=True, slots=True)
class Found:
    """What lines of so many words did in one drawing; shares.

    Attributes:
        blocks: questions about a row that admission then refuses.
        scores: a line's score for a question about its row, of that row's own, at the median.
        found: questions about a row that is refused whose answer quotes the line.
        leads: questions in whose answer the row, which is in, follows the line.
        speaks: questions whose answer quotes the line beside the row.
        gain: the squatter's pay, in units of the coalition's honest pay.
        lost: of the others' honest pay.
    """

    blocks: float
    scores: float
    found: float
    leads: float
    speaks: float
    gain: float
    lost: float


def lines(authors: Authors, words: int) -> list[Row]:
    """Each row of those outside the coalition condensed: its rarest words, and the grammar left."""
    rows = _outside(authors)
    spread = Counter(word for _, text in rows for word in set(plain_words(text)))

    def condensed(text: str) -> str:
        content = set(plain_words(text)) - STOP_WORDS
        rare = set(sorted(content, key=lambda word: (spread[word], word))[:words])
        said = [(word, set(plain_words(word))) for word in text.split()]
        return " ".join(word for word, found in said if found & rare or found <= STOP_WORDS) + "."

    return [(title, condensed(text)) for title, text in rows]


async def measured(rows: Sequence[tuple[str, str, str]], seed: int, count: int) -> list[Found]:
    """Each number of words against one drawing of authors."""
    honest = drawn_authors(rows, seed, authors=AUTHORS, rows_each=ROWS_EACH)
    said = {text for own in honest.values() for _, text in own}
    writers = {module for module, _, text in rows if text in said}
    public = [text for module, _, text in rows if module not in writers]
    library = enter(honest, reference=public)
    held = list(zip(library.titles, (row.text for row in library.corpus.rows), strict=True))
    asked = held_out_questions(held, count, seed)
    about = [library.corpus.rows[each.answer_position].text for each in asked]
    questions = [each.text for each in asked]
    answered = await answers(library, questions)
    before, plain = earnings(library, answered), _scores(library, answered)
    inside = [number for number in honest if number % COALITION == 0]
    outside = [number for number in honest if number % COALITION]

    def paid(earned: Mapping[int, int], authors: Sequence[int]) -> int:
        return sum(earned.get(number, 0) for number in authors)

    found = []
    for words in WORDS:
        sent = lines(honest, words)
        attacked = enter({SQUATTER: sent, **honest}, reference=public)
        line_of = {text: line for (_, text), (_, line) in zip(_outside(honest), sent, strict=True)}
        evidence = await answers(attacked, questions)
        after = earnings(attacked, evidence)
        found.append(
            Found(
                *_shown(attacked, evidence, about, line_of, plain),
                after.get(SQUATTER, 0) / paid(before, inside),
                1 - paid(after, outside) / paid(before, outside),
            )
        )
    return found


def _outside(authors: Authors) -> list[Row]:
    return [row for number in sorted(authors) if number % COALITION for row in authors[number]]


def _scores(library: Library, evidence: Sequence[Evidence]) -> list[dict[str, int]]:
    text = {library.corpus.row_id(i): row.text for i, row in enumerate(library.corpus.rows)}
    return [{text[each.row]: each.score_micro for each in one.passages} for one in evidence]


def _shown(
    library: Library,
    evidence: Sequence[Evidence],
    about: Sequence[str],
    line_of: Mapping[str, str],
    plain: Sequence[Mapping[str, int]],
) -> tuple[float, float, float, float, float]:
    """Blocks, scores, found, leads and speaks; see `Found`."""
    text = {library.corpus.row_id(i): row.text for i, row in enumerate(library.corpus.rows)}
    ratios, quoted, refused, led, beside, both = [], 0, 0, 0, 0, 0
    inside = set(text.values())
    for one, asked, honest in zip(evidence, about, plain, strict=True):
        line = line_of.get(asked)
        if line is None or asked not in honest:
            continue
        passages = {text[each.row]: each for each in one.passages}
        if line in passages:
            ratios.append(passages[line].score_micro / max(1, honest[asked]))
        speaks = line in passages and bool(passages[line].spans)
        if asked in inside:
            both += 1
            row = passages.get(asked)
            led += row is not None and row.follows is not None and text[row.follows] == line
            beside += speaks
        else:
            refused += 1
            quoted += speaks
    shares = (quoted / max(1, refused), led / max(1, both), beside / max(1, both))
    return refused / max(1, refused + both), statistics.median(ratios or [0.0]), *shares


def main() -> None:
    """Measure, print a table, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = [(row.module, row.title, row.text) for row in standard_library_rows()]
    runs = [anyio.run(measured, rows, seed, asked.questions) for seed in range(1, asked.seeds + 1)]
    names = [each.name for each in fields(Found)]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {asked.seeds} seeds")
    print("| words | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for place, words in enumerate(WORDS):
        medians = [statistics.median(getattr(run[place], name) for run in runs) for name in names]
        print(f"| {words} | " + " | ".join(f"{each:.2f}" for each in medians) + " |")
    if asked.json:
        found = [[asdict(each) for each in run] for run in runs]
        asked.json.write_text(json.dumps({"words": WORDS, "runs": found}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
