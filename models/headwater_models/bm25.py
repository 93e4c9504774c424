"""Ranked retrieval over rows with two fields, in plain Python, to the same bits on every run.

Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009: the
saturation and length normalisation of section 3.4, fields combined before saturation as in 3.6
(BM25F). Two things are added. Pairs of neighbouring terms are indexed beside single ones, so order
counts. And a row scores in proportion to how much it reads like prose, so that a list of keywords
does not outrank the sentence that says something.

Symbols: `R` rows, `t` a term.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headwater_models.terms import function_word_share, terms

SCORE_UNIT = 1_000_000
"""Scores leave this module as integers in millionths, so that ties and sums are exact."""


@dataclass(frozen=True, slots=True)
class Bm25Parameters:
    """The knobs of the ranking function.

    Attributes:
        k1: how fast repeating a term stops helping.
        b: how strongly long rows are discounted, 0 to 1.
        title_weight: what one occurrence in the title counts, in occurrences in the text.
        pair_weight: what a pair of neighbouring terms counts beside a single term.
        prose_share: the share of function words at which a row counts as prose in full.
        prose_floor: what remains of the score of a row without any function word.
    """

    k1: float = 0.8
    b: float = 0.4
    title_weight: float = 1.0
    pair_weight: float = 0.4
    prose_share: float = 0.18
    prose_floor: float = 0.4


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked row: its position in the index and its score in millionths, above 0."""

    position: int
    score_micro: int


class Bm25Index:
    """An immutable index over `(title, text)` rows.

    Args:
        rows: `[R]` titles and texts; a row's position here is its identity in every answer.
        parameters: the knobs; part of what a second party needs to recompute a ranking.
    """

    def __init__(
        self, rows: Sequence[tuple[str, str]], parameters: Bm25Parameters | None = None
    ) -> None:
        self.parameters = parameters or Bm25Parameters()
        self._postings: dict[str, dict[int, float]] = {}
        self._lengths: list[int] = []
        self._prose: list[float] = []
        for position, (title, text) in enumerate(rows):
            self._add(position, title, text)
        self._total_length = sum(self._lengths)

    def __len__(self) -> int:
        return len(self._lengths)

    def search(self, query: str, top: int, without: Collection[int] = ()) -> list[Hit]:
        """The `top` rows for a query, best first; equal scores in order of position.

        Args:
            query: free text.
            top: how many rows at most; rows that share no term with the query never appear.
            without: positions to leave out. The result is that of an index that never held them:
                frequencies and the mean length are taken over the rows that remain.
        """
        gone = frozenset(without)
        rows = len(self._lengths) - len(gone)
        if rows <= 0:
            return []
        mean_length = (self._total_length - sum(self._lengths[r] for r in gone)) / rows
        scores: dict[int, float] = {}
        for term, weight in self._query_weights(query).items():
            self._score_term(term, weight, gone, rows, mean_length, scores)
        hits = [Hit(row, round(self._prose[row] * s * SCORE_UNIT)) for row, s in scores.items()]
        ranked = sorted((h for h in hits if h.score_micro > 0), key=_best_first)
        return ranked[:top]

    def rarity(self, term: str, without: Collection[int] = ()) -> float:
        """The inverse document frequency of a stem: how much it says about a row that holds it.

        A stem that no row holds is the rarest of all. `without` is as in `search`.
        """
        gone = frozenset(without)
        found = self._postings.get(term, {})
        remaining = len(found) - sum(row in found for row in gone)
        return _idf(len(self._lengths) - len(gone), remaining)

    def _add(self, position: int, title: str, text: str) -> None:
        title_terms, text_terms = terms(title), terms(text)
        weighted = Counter[str]()
        weighted.update(text_terms)
        frequency: dict[str, float] = dict(weighted)
        for term in title_terms:
            frequency[term] = frequency.get(term, 0.0) + self.parameters.title_weight
        for pair in {*_pairs(title_terms), *_pairs(text_terms)}:
            frequency[pair] = 1.0
        for term, count in frequency.items():
            self._postings.setdefault(term, {})[position] = count
        self._lengths.append(len(text_terms) + len(title_terms))
        self._prose.append(self._prose_factor(text))

    def _prose_factor(self, text: str) -> float:
        share = min(1.0, function_word_share(text) / self.parameters.prose_share)
        return self.parameters.prose_floor + (1.0 - self.parameters.prose_floor) * share

    def _query_weights(self, query: str) -> dict[str, float]:
        asked = terms(query)
        weights = dict.fromkeys(asked, 1.0)
        weights.update(dict.fromkeys(_pairs(asked), self.parameters.pair_weight))
        return weights

    def _score_term(
        self,
        term: str,
        weight: float,
        gone: frozenset[int],
        rows: int,
        mean_length: float,
        scores: dict[int, float],
    ) -> None:
        postings = self._postings.get(term, {})
        found = len(postings) - sum(row in postings for row in gone)
        gain = weight * _idf(rows, found)
        k1, b = self.parameters.k1, self.parameters.b
        for row, frequency in postings.items():
            if row in gone:
                continue
            damping = k1 * (1.0 - b + b * self._lengths[row] / (mean_length or 1.0))
            scores[row] = scores.get(row, 0.0) + gain * frequency * (k1 + 1.0) / (
                frequency + damping
            )


def _idf(rows: int, found: int) -> float:
    return math.log1p((rows - found + 0.5) / (found + 0.5))


def _pairs(stems: Sequence[str]) -> list[str]:
    return [f"{left} {right}" for left, right in pairwise(stems)]


def _best_first(hit: Hit) -> tuple[int, int]:
    return -hit.score_micro, hit.position
