"""Attacks by text on what runs in production: admission, the embedded model, method and rule.

Every attack hands in rows beside thirty honest authors and is paid for a set of held-out questions:
by the shipped method, by the same held against audits, and in the next version, which leaves out
whom the audits refute. What rows cost to write is not counted. `headwater simulate attack` searches
for combinations; these are the known ones, one by one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from headwater_attribution.audits import confirmed_parts, refuted
from headwater_models.questions import SYNONYMS, held_out_questions
from headwater_models.terms import STOP_WORDS, plain_words
from headwater_models.trials import squatting
from headwater_models.trials.library import (
    Library,
    Question,
    Row,
    answers,
    audits,
    drawn_authors,
    earnings,
    enter,
)
from headwater_models.trials.stage import COPIES, FIRST, LATER, Attack, Stage

AUTHORS: Final = 30
ROWS_EACH: Final = 16
QUESTIONS: Final = 60
AUDITS: Final = 90
"""Questions that are audited, three for each author: half are paid for, half are others."""

NOBODY: Final = "nobody"
"""What the result is called that no attack has: what audits cost by themselves."""

_LOOK_ALIKES: Final = str.maketrans("aceopxy", "асеорху")


@dataclass(frozen=True, slots=True)
class Pay:
    """Parts of all that is paid where nobody attacks and nothing is audited.

    Attributes:
        attackers: what they are paid, less what they were paid honestly before.
        honest: everybody else.
        victim: who was attacked.
    """

    attackers: float
    honest: float
    victim: float


@dataclass(frozen=True, slots=True)
class RedTeamResult:
    """One attack on one drawing.

    Attributes:
        handed_in: rows of the attackers.
        entered: how many of them admission let in.
        victim_before: what the victim is paid without the attack, as in `Pay`.
        after: pay by the shipped method.
        audited: pay by the same, held against audits of this epoch.
        next: the same in the next version, without whom the audits refute.
    """

    handed_in: int
    entered: int
    victim_before: float
    after: Pay
    audited: Pay
    next: Pay


def near_copies(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Five accounts send the victim's rows with a tenth of the words replaced."""
    return {
        LATER + number: [
            (title, stage.replaced(text, 0.1)) for title, text in stage.authors[stage.victim]
        ]
        for number in range(COPIES)
    }


def splits(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """The victim itself sends its rows under five accounts; its own is empty."""
    own = stage.authors[stage.victim]
    parts = {LATER + number: own[number::COPIES] for number in range(COPIES)}
    return {stage.victim: [], **parts}


def paraphrase(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Everybody's rows in everyday words, a third of the rest replaced."""
    return {
        LATER: [
            (
                title,
                stage.replaced(" ".join(SYNONYMS.get(w, w) for w in text.split()), 0.35),
            )
            for title, text in stage.rows
        ]
    }


def look_alikes(stage: Stage) -> Mapping[int, Sequence[Row]]:
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


def bridges(stage: Stage) -> Mapping[int, Sequence[Row]]:
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


def memorisation_bait(stage: Stage) -> Mapping[int, Sequence[Row]]:
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


def keyword_stuffing(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Rows of the words that questions are asked in, as many as fit."""
    # In the order in which rows say them: ties would otherwise be broken by chance.
    said = (word for _, text in stage.rows for word in dict.fromkeys(plain_words(text)))
    counts = Counter(said)
    content = [word for word, _ in counts.most_common(600) if word not in STOP_WORDS]
    return {
        LATER: [
            ("", "How to " + ", ".join(content[at : at + 24]) + " in Python.")
            for at in range(0, len(content) - 24, 8)
        ]
    }


def prior_farming(stage: Stage) -> Mapping[int, Sequence[Row]]:
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
    "memorisation bait": memorisation_bait,
    "keyword stuffing": keyword_stuffing,
    "prior farming": prior_farming,
    "squatting: words": squatting.words_first,
    "squatting: clauses": squatting.clauses_first,
    "squatting: sentences": squatting.sentences_first,
    "squatting: rewords": squatting.rewords_first,
    "squatting: blind": squatting.blind,
    "sealed: words": squatting.once_shown(squatting.words_first),
    "sealed: clauses": squatting.once_shown(squatting.clauses_first),
    "sealed: sentences": squatting.once_shown(squatting.sentences_first),
    "sealed: rewords": squatting.once_shown(squatting.rewords_first),
    "questions repeated": squatting.questions_repeated,
    "questions worded": squatting.questions_worded,
}


async def red_team(
    rows: Sequence[tuple[str, str, str]],
    seed: int,
    attacks: Mapping[str, Attack] = ATTACKS,
    *,
    audited: int = AUDITS,
) -> dict[str, RedTeamResult]:
    """Every attack against one drawing of honest authors, and what is paid when there is none.

    Args:
        rows: module, title and text of each row of a library.
        seed: of authors, questions and what attackers draw.
        attacks: by name.
        audited: how many questions are audited; at most twice as many as are paid for.
    """
    honest = drawn_authors(rows, seed, authors=AUTHORS, rows_each=ROWS_EACH)
    said = {text for own in honest.values() for _, text in own}
    writers = {module for module, _, text in rows if text in said}
    public = [text for module, _, text in rows if module not in writers]
    library = enter(honest, reference=public)
    trial = _Trial(
        honest,
        public,
        [each.text for each in _questions(library, QUESTIONS, seed)],
        _questions(library, audited - audited // 2, seed)
        + _questions(library, audited // 2, seed + 1_000),
    )
    before = await trial.paid(library)
    victim = max(sorted(before), key=lambda number: before[number])
    found = {NOBODY: await trial.attacked({}, library, before, victim)}
    for name, attack in attacks.items():
        random = np.random.default_rng([seed, 12])
        sent = attack(Stage(honest, public, trial.questions, victim, random))
        attacked = enter({**honest, **sent}, reference=public)
        if attacked.entered(list(sent)):
            found[name] = await trial.attacked(sent, attacked, before, victim)
        else:
            # Refused rows leave no trace.
            found[name] = replace(found[NOBODY], handed_in=sum(map(len, sent.values())))
    return found


@dataclass(frozen=True, slots=True)
class _Trial:
    """Honest authors and what they are asked, before and under attack."""

    authors: Mapping[int, Sequence[Row]]
    public: Sequence[str]
    questions: Sequence[str]
    asked_by_auditors: Sequence[Question]

    async def paid(
        self, library: Library, confirmed: Mapping[int, int] | None = None
    ) -> dict[int, int]:
        return earnings(library, await answers(library, self.questions), confirmed)

    async def attacked(
        self,
        sent: Mapping[int, Sequence[Row]],
        library: Library,
        before: Mapping[int, int],
        victim: int,
    ) -> RedTeamResult:
        """What the rows that `sent` holds bring in a library that they entered, in three steps."""
        everybody = {**self.authors, **sent}
        attackers = [number for number in sent if sent[number]]
        evidence = await answers(library, self.questions)
        shown = await audits(library, self.asked_by_auditors)
        gone = refuted(shown)
        cleaned = {number: own for number, own in everybody.items() if number not in gone}
        later = enter(cleaned, reference=self.public) if gone else library
        again = await audits(later, self.asked_by_auditors) if gone else shown
        own = before.get(victim, 0) if victim in sent else 0

        def pay(earned: Mapping[int, int]) -> Pay:
            all_paid = max(1, sum(before.values()))
            taken = sum(earned.get(number, 0) for number in attackers)
            rest = sum(earned.values()) - taken
            return Pay((taken - own) / all_paid, rest / all_paid, earned.get(victim, 0) / all_paid)

        return RedTeamResult(
            handed_in=sum(len(sent[number]) for number in attackers),
            entered=library.entered(attackers),
            victim_before=before.get(victim, 0) / max(1, sum(before.values())),
            after=pay(earnings(library, evidence)),
            audited=pay(earnings(library, evidence, confirmed_parts(shown))),
            next=pay(await self.paid(later, confirmed_parts(again))),
        )


def _questions(library: Library, count: int, seed: int) -> list[Question]:
    rows = list(zip(library.titles, (row.text for row in library.corpus.rows), strict=True))
    held_out = held_out_questions(rows, count, seed)
    return [Question(each.text, rows[each.answer_position][1]) for each in held_out]
