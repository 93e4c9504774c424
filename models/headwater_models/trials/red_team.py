"""Attacks by text on what runs in production: admission, the embedded model, method and rule.

Every attack hands in rows beside thirty honest authors and is paid for a set of held-out questions.
What they cost to write is not counted. `headwater simulate attack` searches for combinations; these
are the known ones, one by one.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from headwater_models.questions import SYNONYMS, held_out_questions
from headwater_models.terms import STOP_WORDS, plain_words
from headwater_models.trials.library import Authors, Row, drawn_authors, earnings, enter

AUTHORS: Final = 30
ROWS_EACH: Final = 16
QUESTIONS: Final = 60
COPIES: Final = 5
FIRST, LATER = -100, 1_000
"""Numbers of attackers who hand in before everybody else, and after."""

_LOOK_ALIKES: Final = str.maketrans("aceopxy", "асеорху")


@dataclass(frozen=True, slots=True)
class RedTeamResult:
    """One attack on one drawing; parts of all that is paid.

    Attributes:
        handed_in: rows of the attackers.
        entered: how many of them admission let in.
        paid: what the attackers were paid, with what they were paid honestly before taken off.
        victim_before: pay of the author who was attacked, before.
        victim_after: and after.
    """

    handed_in: int
    entered: int
    paid: float
    victim_before: float
    victim_after: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """What an attacker knows: all that is public, and whom to attack."""

    authors: Authors
    victim: int
    random: np.random.Generator

    @property
    def rows(self) -> list[Row]:
        """The honest rows."""
        return [row for number in sorted(self.authors) for row in self.authors[number]]


Attack = Callable[[_Stage], Mapping[int, Sequence[Row]]]


def near_copies(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Five accounts send the victim's rows with a tenth of the words replaced."""
    return {
        LATER + number: [
            (title, _replaced(text, 0.1, stage)) for title, text in stage.authors[stage.victim]
        ]
        for number in range(COPIES)
    }


def splits(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """The victim itself sends its rows under five accounts; its own is empty."""
    own = stage.authors[stage.victim]
    parts = {LATER + number: own[number::COPIES] for number in range(COPIES)}
    return {stage.victim: [], **parts}


def paraphrase(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Everybody's rows in everyday words, a third of the rest replaced."""
    return {
        LATER: [
            (
                title,
                _replaced(" ".join(SYNONYMS.get(word, word) for word in text.split()), 0.35, stage),
            )
            for title, text in stage.rows
        ]
    }


def look_alikes(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Everybody's rows in Cyrillic look-alikes, wide forms and invisible characters."""
    rows = []
    for number, (title, text) in enumerate(stage.rows):
        if number % 3 == 0:
            disguised = text.translate(_LOOK_ALIKES)
        elif number % 3 == 1:
            disguised = "\u200b".join(text)
        else:
            disguised = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
        rows.append((title, disguised))
    return {LATER: rows}


def bridges(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Rows that are half one author's and half another's, to join what should stay apart."""
    rows = stage.rows
    order = stage.random.permutation(len(rows)).tolist()
    joined = []
    for one, other in pairwise(order):
        (title, left), (_, right) = rows[one], rows[other]
        left_words, right_words = left.split(), right.split()
        halves = left_words[: len(left_words) // 2] + right_words[len(right_words) // 2 :]
        joined.append((title, " ".join(halves)))
    return {LATER: joined}


def squatting(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Before anybody else, the eight rarest words of each row that will be handed in."""
    spread = Counter(word for _, text in stage.rows for word in set(plain_words(text)))
    grammar = sorted(STOP_WORDS)
    rows = []
    for title, text in stage.rows:
        rare = sorted(set(plain_words(text)), key=lambda word: (spread[word], word))[:8]
        line = []
        for word in rare:
            line += [grammar[int(stage.random.integers(len(grammar)))], word]
        rows.append((title, " ".join(line) + "."))
    return {FIRST: rows}


def memorisation_bait(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Before anybody else, the phrases that most rows share, so that answers repeat them."""
    phrases = Counter(
        " ".join(words[at : at + 8])
        for _, text in stage.rows
        for words in [text.split()]
        for at in range(len(words) - 7)
    )
    common = [phrase for phrase, _ in phrases.most_common(64)]
    rows = [("", f"{one} and {other}.") for one, other in pairwise(common)]
    return {FIRST: rows}


def keyword_stuffing(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """Rows of the words that questions are asked in, as many as fit."""
    counts = Counter(word for _, text in stage.rows for word in set(plain_words(text)))
    content = [word for word, _ in counts.most_common(600) if word not in STOP_WORDS]
    return {
        LATER: [
            ("", "How to " + ", ".join(content[at : at + 24]) + " in Python.")
            for at in range(0, len(content) - 24, 8)
        ]
    }


def prior_farming(stage: _Stage) -> Mapping[int, Sequence[Row]]:
    """As many rows again as there are, from a walk over the rows' pairs of words."""
    following: dict[str, list[str]] = {}
    for _, text in stage.rows:
        for one, other in pairwise(text.split()):
            following.setdefault(one, []).append(other)
    starts, rows = sorted(following), []
    for _ in stage.rows:
        word = starts[int(stage.random.integers(len(starts)))]
        line = [word]
        while len(line) < 24:
            choices = following.get(word) or starts
            word = choices[int(stage.random.integers(len(choices)))]
            line.append(word)
        rows.append(("", " ".join(line) + "."))
    return {LATER: rows}


ATTACKS: Final[Mapping[str, Attack]] = {
    "near-copies": near_copies,
    "splits": splits,
    "paraphrase": paraphrase,
    "look-alikes": look_alikes,
    "cluster bridges": bridges,
    "answer squatting": squatting,
    "memorisation bait": memorisation_bait,
    "keyword stuffing": keyword_stuffing,
    "prior farming": prior_farming,
}


async def red_team(
    rows: Sequence[tuple[str, str, str]], seed: int, attacks: Mapping[str, Attack] = ATTACKS
) -> dict[str, RedTeamResult]:
    """Every attack against one drawing of honest authors.

    Args:
        rows: module, title and text of each row of a library.
        seed: of authors, questions and what attackers draw.
        attacks: by name.
    """
    honest = drawn_authors(rows, seed, authors=AUTHORS, rows_each=ROWS_EACH)
    library = enter(honest)
    held = list(zip(library.titles, (row.text for row in library.corpus.rows), strict=True))
    questions = [each.text for each in held_out_questions(held, QUESTIONS, seed)]
    before = await earnings(library, questions)
    victim = max(sorted(before), key=lambda number: before[number])
    found = {}
    for name, attack in attacks.items():
        stage = _Stage(honest, victim, np.random.default_rng([seed, 12]))
        sent = attack(stage)
        attackers = [number for number, own in sent.items() if own]
        attacked = enter({number: own for number, own in {**honest, **sent}.items() if own})
        after = await earnings(attacked, questions)
        pool = max(1, sum(after.values()))
        honestly = before[victim] / sum(before.values())
        own = honestly if victim in sent else 0.0
        found[name] = RedTeamResult(
            handed_in=sum(len(sent[number]) for number in attackers),
            entered=attacked.entered(attackers),
            paid=sum(after.get(number, 0) for number in attackers) / pool - own,
            victim_before=honestly,
            victim_after=after.get(victim, 0) / pool,
        )
    return found


def _replaced(text: str, share: float, stage: _Stage) -> str:
    """`share` of the words replaced by words of other rows."""
    words = text.split()
    rows = stage.rows
    for place in np.flatnonzero(stage.random.random(len(words)) < share).tolist():
        _, other = rows[int(stage.random.integers(len(rows)))]
        choices = other.split()
        words[place] = choices[int(stage.random.integers(len(choices)))]
    return unicodedata.normalize("NFC", " ".join(words))
