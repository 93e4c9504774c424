"""Squatting: rows that hold what others are about to say, or what is going to be asked.

Whoever says it first is quoted and paid, so who knows words before they are handed in can be first
with them; and who knows questions can write rows that fit them and answer nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np

from headwater_attribution.admission import Contribution
from headwater_attribution.admission.rounds import in_order
from headwater_attribution.admission.seal import Opening, seal
from headwater_attribution.admission.seal_log import SealLog
from headwater_models.terms import STOP_WORDS, plain_words
from headwater_models.trials.library import LICENCE, Row, account
from headwater_models.trials.stage import FIRST, LATER, Attack, Stage
from headwater_payments.hexadecimal import to_hex

RARE_WORDS = 8
"""Of each row that is squatted on."""


def words_first(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Before anybody else, the rarest words of each row that will be handed in, in any order."""
    return {FIRST: _listed(stage, [(title, _rarest(stage, text)) for title, text in stage.rows])}


def clauses_first(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """The same, with the grammar that stood around them: each row, condensed."""
    rows = []
    for title, text in stage.rows:
        rare = set(_rarest(stage, text))
        kept = [word for word in text.split() if _kept(word, rare)]
        rows.append((title, " ".join(kept) + "."))
    return {FIRST: rows}


def sentences_first(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """The same words, in the places of the content words of public sentences."""
    rows = [(title, _rarest(stage, text)) for title, text in stage.rows]
    return {FIRST: [(title, _filled(stage, stage.public, words)) for title, words in rows]}


def rewords_first(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Each row that will be handed in, with a third of its words replaced."""
    return {FIRST: [(title, stage.replaced(text, 0.35)) for title, text in stage.rows]}


def blind(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Before anybody else, knowing none of the rows: public sentences with public words in them.

    As sealed rows are squatted on; the titles are guessed right all the same.
    """
    rows = []
    for title, _ in stage.rows:
        other = stage.public[int(stage.random.integers(len(stage.public)))]
        rows.append((title, _filled(stage, stage.public, _content(other)[:RARE_WORDS])))
    return {FIRST: rows}


def once_shown(attack: Attack) -> Attack:
    """The same where a datanet takes seals first: who reads rows has none of that round.

    Honest rows are sealed, then shown; the attacker reads them and is the first to hand in.
    """

    def handed_in(stage: Stage) -> Mapping[int, Sequence[Row]]:
        sent = attack(stage)
        honest = [_opening(number, own) for number, own in sorted(stage.authors.items())]
        log = SealLog(datanet_id=1, round=1, seals=tuple(to_hex(seal(each)) for each in honest))
        reader = [_opening(number, own) for number, own in sorted(sent.items())]
        placed = in_order(log, [*reader, *honest])
        order = [each.contribution.contribution_id for each in placed]
        last = max(order.index(number) for number in stage.authors)
        return {
            LATER + at if at > last else number: sent[number]
            for at, number in enumerate(order)
            if number in sent
        }

    return handed_in


def _opening(number: int, rows: Sequence[Row]) -> Opening:
    texts = tuple(text for _, text in rows)
    salt = abs(number).to_bytes(32, "big")
    return Opening(Contribution(number, account(number), LICENCE, texts), salt)


def questions_repeated(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """The very questions that will be asked."""
    return {LATER: [("", question) for question in stage.questions]}


def questions_worded(stage: Stage) -> Mapping[int, Sequence[Row]]:
    """Their words, in the places of the content words of honest sentences."""
    honest = [text for _, text in stage.rows]
    worded = (_filled(stage, honest, _content(question)) for question in stage.questions)
    return {LATER: [("", text) for text in worded]}


def _rarest(stage: Stage, text: str) -> list[str]:
    spread = Counter(word for _, row in stage.rows for word in set(plain_words(row)))
    rare = set(sorted(set(_content(text)), key=lambda word: (spread[word], word))[:RARE_WORDS])
    return [word for word in dict.fromkeys(plain_words(text)) if word in rare]


def _content(text: str) -> list[str]:
    return [word for word in plain_words(text) if word not in STOP_WORDS]


def _kept(word: str, rare: set[str]) -> bool:
    said = set(plain_words(word))
    return bool(said & rare) or (bool(said) and said <= STOP_WORDS)


def _listed(stage: Stage, rows: Sequence[tuple[str, list[str]]]) -> list[Row]:
    grammar = cycle(stage.random.permutation(sorted(STOP_WORDS)).tolist())
    return [
        (title, " ".join(part for word in words for part in (next(grammar), word)) + ".")
        for title, words in rows
    ]


def _filled(stage: Stage, sentences: Sequence[str], words: Sequence[str]) -> str:
    """A sentence with `words`, in order, in the places of as many of its content words."""
    line = sentences[int(stage.random.integers(len(sentences)))].split()
    places = [number for number, word in enumerate(line) if _content(word)]
    chosen = np.linspace(0, len(places) - 1, min(len(words), len(places))).astype(int).tolist()
    for place, word in zip(chosen, words, strict=False):
        line[places[place]] = word
    return " ".join(line)
