"""Held-out questions about a corpus, as asked by somebody who forgot the words of the answer.

A question is made from one row that it never shows. Of the row's content words a seeded share is
kept and the rest forgotten; kept words change their ending or give way to an everyday synonym;
their order is lost; a random sentence frame is put around them. The row's title never appears, nor
does the last part of it. So a question shares single words with its row, and no phrase. What is
left of a row's words in its question is `overlap`, to be reported beside any accuracy.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from headwater_models.terms import STOP_WORDS, plain_words, stem, terms

FRAMES = (
    "How would I go about {words} in Python?",
    "Which part of the standard library deals with {words}?",
    "I am looking for something to do with {words}; what is there?",
    "What should I know about {words}?",
    "Is there a ready-made way of handling {words}?",
)

SYNONYMS = {
    "argument": "parameter", "arguments": "parameters", "begin": "start", "call": "invoke",
    "character": "letter", "characters": "letters", "check": "test", "convert": "turn",
    "create": "make", "default": "standard", "delete": "erase", "directory": "folder",
    "element": "item", "elements": "items", "error": "failure", "exception": "failure",
    "file": "document", "find": "locate", "function": "routine", "get": "fetch",
    "initialize": "set", "list": "sequence", "method": "routine", "message": "note",
    "name": "label", "number": "figure", "object": "thing", "parse": "read", "path": "location",
    "remove": "erase", "return": "give", "returns": "gives", "returned": "given",
    "send": "transmit", "string": "text", "strings": "texts", "value": "result",
    "values": "results",
}  # fmt: skip
"""Everyday words for the corpus's commonest ones; a question prefers them half the time."""

KEPT_SHARE = 0.6
MIN_WORDS = 5
MAX_WORDS = 9
TWIN_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the position of its row; `overlap` is the share of that row's stems in it."""

    text: str
    answer_position: int
    overlap: float


def held_out_questions(
    rows: Sequence[tuple[str, str]], count: int, seed: int, candidates: Sequence[int] | None = None
) -> list[Question]:
    """Draw `count` questions about different rows.

    Args:
        rows: `[R]` titles and texts.
        count: how many; fewer come back where fewer rows qualify.
        seed: one seed gives one list of questions.
        candidates: positions to ask about; all by default.

    A row qualifies when it is long enough to be forgotten in part (`MIN_WORDS` words must be kept)
    and no other row holds `TWIN_SHARE` of its stems, since then there would be no one right answer.
    """
    draw = random.Random(seed)  # noqa: S311 - a reproducible sample, nothing secret
    stems = [frozenset(terms(text)) for _, text in rows]
    pool = list(range(len(rows)) if candidates is None else candidates)
    draw.shuffle(pool)
    questions: list[Question] = []
    for position in pool:
        if len(questions) == count:
            break
        title, text = rows[position]
        words = _remembered(title, text, draw)
        if words and not _has_twin(position, stems):
            questions.append(_asked(position, text, words, draw))
    return questions


def _remembered(title: str, text: str, draw: random.Random) -> list[str]:
    last_part = title.rsplit(".", 1)[-1].casefold()
    known = sorted({word for word in plain_words(text) if _is_content(word)} - {last_part})
    kept = min(MAX_WORDS, round(KEPT_SHARE * len(known)))
    return draw.sample(known, kept) if kept >= MIN_WORDS else []


def _has_twin(position: int, stems: Sequence[frozenset[str]]) -> bool:
    own = stems[position]
    enough = TWIN_SHARE * len(own)
    alike = (len(own & other) >= enough for other in stems)
    return sum(alike) > 1  # the row itself is one of them


def _is_content(word: str) -> bool:
    return len(word) > 2 and word.isalpha() and word not in STOP_WORDS


def _asked(position: int, text: str, words: list[str], draw: random.Random) -> Question:
    said = [_reworded(word, draw) for word in words]
    sentence = draw.choice(FRAMES).format(words=", ".join(said[:-1]) + " and " + said[-1])
    row_stems = set(terms(text))
    return Question(sentence, position, len(row_stems & set(terms(sentence))) / len(row_stems))


def _reworded(word: str, draw: random.Random) -> str:
    if word in SYNONYMS and draw.random() < 0.5:
        return SYNONYMS[word]
    if draw.random() < 0.3:
        return _other_ending(word)
    return word


def _other_ending(word: str) -> str:
    """The same word as another part of speech would end, when that keeps a plausible spelling."""
    if re.search(r"[^aeiousy]s$", word) and len(word) > 4:
        return word[:-1]
    if stem(word) == word and not word.endswith(("s", "y")):
        return word + ("ing" if len(word) % 2 else "s")
    return word
