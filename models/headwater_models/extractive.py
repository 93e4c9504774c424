"""Answers made of quotations: which sentences of which rows say most about a question.

A question is worth the rarity of its terms. A row is quoted by the sentence that covers most of
what is still uncovered. The row that adds most to the answer's score comes first, then the one that
adds most to that, until the best would cover too little: less is a word in common by chance. So a
second row with the same content adds nothing.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from headwater_models.bm25 import Hit
from headwater_models.terms import terms
from headwater_models.tokens import pieces

MAX_QUOTES = 3
MIN_GAIN = 0.2
"""A row after the first is quoted when it covers this share of the question's worth anew."""

QUOTE_WORDS = 45
"""A quotation goes on with the sentences that follow, up to this many words."""

NOTHING_FOUND = "The corpus holds nothing about this question."

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9`'\"(*:])")


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch of an answer that comes from one row: half-open, in characters and in tokens."""

    position: int
    score_micro: int
    start_char: int
    stop_char: int
    start_token: int
    stop_token: int


@dataclass(frozen=True, slots=True)
class QuotedAnswer:
    """An answer in tokens, its quotations, and how well it answers.

    Attributes:
        tokens: the pieces of the text, as they are streamed and priced.
        quotes: in the order of the text, what adds most first, each row once.
        score_micro: each quotation's retrieval score times the share of the question's worth that
            it is the first to cover, summed, in millionths.
        cut: whether the token limit cut the answer short.
    """

    tokens: tuple[str, ...]
    quotes: tuple[Quote, ...]
    score_micro: int
    cut: bool

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.tokens)


def compose(
    worth: Mapping[str, float],
    hits: Sequence[Hit],
    row_of: Callable[[int], tuple[str, str]],
    *,
    max_tokens: int,
    stops: Sequence[str] = (),
) -> QuotedAnswer:
    """Answer a question by quoting retrieved rows.

    Args:
        worth: what each stem of the question is worth: its inverse document frequency.
        hits: retrieved rows, best first.
        row_of: gives a position's title and text.
        max_tokens: the answer ends after this many tokens, at least 1.
        stops: the answer ends before the first of these texts.
    """
    chosen = _choose(worth, hits, row_of)
    parts = [f"{title}: {quote} [{number}]" for number, (_, title, quote) in enumerate(chosen, 1)]
    text = "\n\n".join(parts) or NOTHING_FOUND
    for stop in stops:
        text = text.split(stop, 1)[0]
    every = pieces(text)
    tokens = tuple(every[:max_tokens])
    quotes = _locate([hit for hit, _, _ in chosen], parts, tokens)
    return QuotedAnswer(
        tokens, quotes, _score("".join(tokens), quotes, worth), tokens != tuple(every)
    )


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a paragraph starts and stops, in characters, half-open."""
    starts = [0, *(end.end() for end in _SENTENCE_END.finditer(text))]
    stops = [*(end.start() for end in _SENTENCE_END.finditer(text)), len(text)]
    return list(zip(starts, stops, strict=True))


def _choose(
    worth: Mapping[str, float], hits: Sequence[Hit], row_of: Callable[[int], tuple[str, str]]
) -> list[tuple[Hit, str, str]]:
    """The quotations that add most to the answer's score, one after the other."""
    chosen: list[tuple[Hit, str, str]] = []
    uncovered, left = dict(worth), list(hits)
    least = MIN_GAIN * sum(worth.values())
    while left and len(chosen) < MAX_QUOTES:
        offers = [_offer(hit, row_of, uncovered) for hit in left]
        best = max(offers, key=lambda offer: offer.hit.score_micro * offer.gain)
        if chosen and best.gain < least:
            break
        chosen.append((best.hit, best.title, best.quote))
        left.remove(best.hit)
        uncovered = {stem: value for stem, value in uncovered.items() if stem not in best.covered}
    return chosen


class _Offer(NamedTuple):
    """What an answer would gain by quoting a row."""

    hit: Hit
    title: str
    quote: str
    covered: set[str]
    gain: float


def _offer(
    hit: Hit, row_of: Callable[[int], tuple[str, str]], uncovered: Mapping[str, float]
) -> _Offer:
    title, text = row_of(hit.position)
    quote = _quote(text, uncovered)
    covered = set(terms(f"{title} {quote}")) & uncovered.keys()
    return _Offer(hit, title, quote, covered, sum(uncovered[stem] for stem in sorted(covered)))


def _quote(text: str, uncovered: Mapping[str, float]) -> str:
    """The sentence that covers most, with those after it, as one verbatim stretch of the row."""
    spans = sentence_spans(text)
    covers = [
        sum(uncovered.get(stem, 0.0) for stem in sorted(set(terms(text[start:stop]))))
        for start, stop in spans
    ]
    start, stop = spans[covers.index(max(covers))]
    for _, further in spans[covers.index(max(covers)) + 1 :]:
        if len(text[start:further].split()) > QUOTE_WORDS:
            break
        stop = further
    return text[start:stop]


def _locate(hits: Sequence[Hit], parts: Sequence[str], tokens: Sequence[str]) -> tuple[Quote, ...]:
    """Where each part, without its closing mark, stands among the tokens that were kept."""
    ends = list(accumulate(map(len, tokens)))
    kept = ends[-1] if ends else 0
    quotes: list[Quote] = []
    start = 0
    for number, (hit, part) in enumerate(zip(hits, parts, strict=True), 1):
        stop = min(kept, start + len(part) - len(f" [{number}]"))
        if start < stop:
            first, last = bisect_right(ends, start), bisect_right(ends, stop - 1)
            quotes.append(Quote(hit.position, hit.score_micro, start, stop, first, last + 1))
        start += len(part) + len("\n\n")
    return tuple(quotes)


def _score(text: str, quotes: Sequence[Quote], worth: Mapping[str, float]) -> int:
    total = sum(worth.values())
    uncovered = dict(worth)
    score = 0
    for quote in quotes:
        said = set(terms(text[quote.start_char : quote.stop_char]))
        gain = sum(uncovered.pop(stem) for stem in sorted(said & uncovered.keys()))
        score += round(quote.score_micro * gain / total)
    return score
