"""What is contributed: the interpreter's own documentation, and six ways of cheating with it."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from headwater_models.stdlib_corpus import standard_library_rows
from headwater_payments.errors import UnavailableError

MODULES = 84
ROWS_PER_MODULE = 24
MIN_ROWS_PER_MODULE = 8
SPLIT_PARTS = 10
FILLER_IDENTITIES = 12
EXACT, NEAR, FILLER, STUFFING, SPLIT_FILLER, SPLIT = (
    "exact copy",
    "near copy",
    "filler",
    "keyword stuffing",
    "split filler",
    "ten-way split",
)


@dataclass(frozen=True, slots=True)
class Submission:
    """One contribution as it is handed in: `title` and `text` of each row.

    `kind` is `honest` or a way of cheating; `name` says whose it is in the report. `identity`
    numbers the wallet that it is handed in under.
    """

    identity: int
    name: str
    kind: str
    rows: tuple[tuple[str, str], ...]


def submissions(seed: int) -> list[Submission]:
    """Every contribution in the order of its commitment: honest ones first, cheats after.

    One honest contribution, the one with the most rows, is handed in split over ten identities.

    Raises:
        UnavailableError: this interpreter ships too little documentation.
    """
    modules = _modules()
    split_name = max(sorted(modules), key=lambda name: len(modules[name]))
    honest = [
        Submission(index, name, "honest", rows)
        for index, (name, rows) in enumerate(sorted(modules.items()))
        if name != split_name
    ]
    honest = [_renumbered(each, index) for index, each in enumerate(honest)]
    split = _split(modules[split_name], split_name, first=len(honest))
    cheats = _cheats(honest, random.Random(seed), first=len(honest) + len(split))  # noqa: S311
    return [*honest, *split, *cheats]


def joined(submitted: Sequence[Submission]) -> list[Submission]:
    """The same contributions with the parts of the split one handed in whole, where the first was.

    The rows were dealt out to the parts in turn, so they are gathered in turn.
    """
    parts = [each for each in submitted if each.kind == SPLIT]
    dealt = zip_longest(*(part.rows for part in parts))
    rows = tuple(row for turn in dealt for row in turn if row is not None)
    return [
        replace(each, rows=rows) if each is parts[0] else each
        for each in submitted
        if each.kind != SPLIT or each is parts[0]
    ]


def _modules() -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in standard_library_rows():
        found[row.module].append((row.title, row.text))
    enough = sorted(
        (name for name, rows in found.items() if len(rows) >= MIN_ROWS_PER_MODULE),
        key=lambda name: (-len(found[name]), name),
    )[:MODULES]
    kept = {name: tuple(found[name][:ROWS_PER_MODULE]) for name in enough}
    rows = sum(map(len, kept.values()))
    if len(kept) < 60 or rows < 1_500:
        raise UnavailableError(
            f"This Python ships documentation for {len(kept)} modules and {rows} rows; the "
            "demonstration needs 60 and 1,500. Was it installed without its standard library's "
            "sources, or run with docstrings stripped?"
        )
    return kept


def _split(rows: tuple[tuple[str, str], ...], name: str, first: int) -> list[Submission]:
    return [
        Submission(
            first + part, f"{name} ({part + 1}/{SPLIT_PARTS})", SPLIT, rows[part::SPLIT_PARTS]
        )
        for part in range(SPLIT_PARTS)
    ]


def _cheats(honest: list[Submission], draw: random.Random, first: int) -> list[Submission]:
    victims = draw.sample(honest, 3)
    makers = (
        (EXACT, victims[0].rows),
        (NEAR, tuple((title, _reworded(text, draw)) for title, text in victims[1].rows)),
        (FILLER, tuple(_filler(number, draw) for number in range(24))),
        (STUFFING, tuple(_stuffed(title, text, draw) for title, text in victims[2].rows)),
    )
    whole = [
        Submission(first + index, kind, kind, rows) for index, (kind, rows) in enumerate(makers)
    ]
    return [*whole, *_split_filler(draw, first + len(whole))]


def _split_filler(draw: random.Random, first: int) -> list[Submission]:
    """Filler under so many identities that no contribution shows what it is as a whole."""
    return [
        Submission(
            first + part,
            f"{SPLIT_FILLER} ({part + 1}/{FILLER_IDENTITIES})",
            SPLIT_FILLER,
            tuple(_filler(2 * part + row, draw) for row in range(2)),
        )
        for part in range(FILLER_IDENTITIES)
    ]


def _reworded(text: str, draw: random.Random) -> str:
    """The same words in another order, one in eight replaced."""
    words = text.split()
    for start in range(0, len(words), 6):
        window = words[start : start + 6]
        draw.shuffle(window)
        words[start : start + 6] = window
    return " ".join(draw.choice(_NEUTRAL) if draw.random() < 0.125 else word for word in words)


def _filler(number: int, draw: random.Random) -> tuple[str, str]:
    chosen = " ".join(draw.choice(_NEUTRAL) for _ in range(40))
    return f"notes.{number}", f"This is very useful information and more {chosen}."


def _stuffed(title: str, text: str, draw: random.Random) -> tuple[str, str]:
    """The words a question is likely to hold, over and over, with nothing said about them."""
    bait = sorted({word.strip(".,:;()'\"`") for word in text.split() if len(word) > 3})
    draw.shuffle(bait)
    listed = ", ".join((bait[:12] or [title]) * 3)
    return title, f"{listed}, {title}, {title}, {title}"


def _renumbered(submission: Submission, identity: int) -> Submission:
    return Submission(identity, submission.name, submission.kind, submission.rows)


_NEUTRAL = [
    "value",
    "result",
    "object",
    "method",
    "class",
    "item",
    "thing",
    "part",
    "data",
    "number",
    "name",
    "list",
    "text",
    "function",
    "general",
    "common",
    "simple",
    "useful",
    "important",
    "various",
    "other",
    "same",
    "different",
    "given",
    "certain",
]
