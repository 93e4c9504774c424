"""Credit for the words of an answer that stand, in the same order, in rows committed before it.

Every word of the answer goes to the earliest row that shares a rare eight-word window over it. So a
later author who quotes an earlier row earns for the new words only, and a copy earns nothing. The
words of a quoted row that, by the evidence, says to the prompt what an earlier row says are that
row's. Words whose windows stand in the prompt earn nothing: the buyer brought them. Nor do those
that stand in a text which the answer quotes under a licence of its own.

Rows of 5 to 7 words are matched as a whole. A word weighs about the binary logarithm of how few of
the n rows hold it. A window is rare when its words weigh twice as much as a word that stands in one
row only: if words fell independently, fewer than 1/n rows would hold all of them by chance.

Source: the maximal rare spans of Liu et al., "OLMoTrace", 2025; winnowed windows as in Schleimer,
Wilkerson and Aiken, "Winnowing", 2003.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.canonical import word_bytes
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.checked import check_evidence, leaders
from headwater_attribution.spans.text import row_text, rows_with_word
from headwater_attribution.spans.windows import NOWHERE, Query, earliest_windows, window_tables
from headwater_payments.address import Address
from headwater_payments.split import PARTS


class _Match(NamedTuple):
    """Words `start` to `stop` of an answer stand in `row`, the earliest; together they weigh."""

    start: int
    stop: int
    row: int
    weight: int


class SpanMatch:
    """Span matching against one corpus version.

    Args:
        corpus: the rows that may be credited.
        window: words in a window.
        rare: the weight from which a window earns, as a multiple of the heaviest word's.
        sure: the same for counting towards the lower end of the interval too.
    """

    method_id = "span-match/2"

    def __init__(self, corpus: Corpus, *, window: int = 8, rare: int = 2, sure: int = 3) -> None:
        self._corpus = corpus
        self._window, self._rare, self._sure = window, rare, sure
        rows = row_text(row.text for row in corpus.rows)
        counts: list[int] = rows_with_word(rows).tolist()
        self._rows_with_word = dict(zip(rows.vocabulary, counts, strict=True))
        self._heaviest = len(corpus.rows).bit_length()
        self._text, self._row_starts = memoryview(rows.text), rows.row_starts
        self._tables = window_tables(rows, window)

    @property
    def parameters(self) -> Mapping[str, int]:
        """Window length and the two weights."""
        return {"window": self._window, "rare": self._rare, "sure": self._sure}

    def attribute(self, evidence: Evidence) -> Attribution:
        """Shares by words of the answer; see `AttributionMethod`."""
        check_evidence(evidence, self._corpus)
        answer = word_bytes(evidence.answer)
        owned = self._owned_words(
            Query(answer),
            [Query(word_bytes(text)) for text in evidence.brought],
            leaders(evidence, quoted=True),
        )
        return attribution_of(
            Share(
                contribution,
                self._contributor(first_row),
                *(counts[end] * PARTS // len(answer) for end in ("parts", "low", "high")),
            )
            for contribution, (first_row, counts) in owned.items()
        )

    def _owned_words(
        self, answer: Query, brought: Sequence[Query], follows: Mapping[int, int]
    ) -> dict[int, tuple[int, Counter[str]]]:
        """Words of the answer by contribution: a row of it, and the counts for share and ends."""
        matches = self._matches(answer, brought)
        ends = (("parts", self._rare), ("low", self._sure), ("high", 0))
        rows: dict[int, int] = {}
        counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for end, multiple in ends:
            for holder in _first_owners(matches, len(answer.words), multiple * self._heaviest):
                row = follows.get(holder, holder)
                contribution = self._corpus.rows[row].contribution_id
                rows[contribution] = min(row, rows.get(contribution, row))
                counts[contribution][end] += 1
        for count in counts.values():
            count["low"] = min(count["low"], count["parts"])
            count["high"] = max(count["high"], count["parts"])
        return {contribution: (row, counts[contribution]) for contribution, row in rows.items()}

    def _matches(self, answer: Query, brought: Sequence[Query]) -> list[_Match]:
        """The windows of the answer that a row holds and no text that others brought."""
        weights = [self._weight(word) for word in answer.words]
        matches = []
        for size in sorted(self._tables):
            places = earliest_windows(self._text, self._tables, answer, size)
            for text in brought:
                places[np.isin(answer.windows(size), text.windows(size))] = NOWHERE
            starts = np.flatnonzero(places != NOWHERE)
            rows = np.searchsorted(self._row_starts, places[starts], side="right") - 1
            matches += [
                _Match(start, start + size, row, sum(weights[start : start + size]))
                for start, row in zip(starts.tolist(), rows.tolist(), strict=True)
            ]
        return matches

    def _weight(self, word: bytes) -> int:
        rarity = len(self._corpus.rows) // max(1, self._rows_with_word.get(word, 0))
        return rarity.bit_length()

    def _contributor(self, row: int) -> Address:
        return self._corpus.rows[row].contributor


def _first_owners(matches: Sequence[_Match], words_in_answer: int, at_least: int) -> list[int]:
    """The earliest row over each word that any heavy enough match covers."""
    owner: list[int | None] = [None] * words_in_answer
    for match in matches:
        if match.weight >= at_least:
            for word in range(match.start, match.stop):
                earlier = owner[word]
                owner[word] = match.row if earlier is None else min(earlier, match.row)
    return [row for row in owner if row is not None]
