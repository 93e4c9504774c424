"""Credit for the words of an answer inside maximal rare spans, over a span index.

What a word's span must weigh is counted in words of the whole version, not in rows, so long
documents can be indexed as they are; and a span is judged as a whole, so that a long quotation of
plain words may earn where none of its windows would. See `spans.trace` for the rule.

Words of a row that, by the evidence, says to the prompt what another said earlier are that other
row's. No row earns more than `row_cap` of one answer. What the cap cuts stays unattributed.
"""

from collections import defaultdict
from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Self

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.checked import check_evidence, leaders
from headwater_attribution.spans.index import SpanIndex, index_in_memory
from headwater_attribution.spans.segment import IndexedRow
from headwater_attribution.spans.trace import RARE, Trace, trace
from headwater_payments.split import PARTS


class SpanTrace:
    """Span tracing against one corpus version.

    Args:
        corpus: the rows that may be credited.
        rare: the surprise from which a span earns, as a multiple of the version's binary digits.
        sure: the same for counting towards the lower end of the interval too.
        row_cap: the most of an answer that one row earns, in parts per 10^8. All by default:
            where the truth is known, half left two fifths more unpaid that retraining would pay,
            and a row that is divided in two gets around any cap.
    """

    method_id = "span-trace/2"

    def __init__(
        self,
        corpus: Corpus,
        *,
        rare: int = RARE,
        sure: int = RARE + 1,
        row_cap: int = PARTS,
    ) -> None:
        self._corpus = corpus
        self._rare, self._sure, self._row_cap = rare, sure, row_cap

    @cached_property
    def index(self) -> SpanIndex:
        """The index of the corpus, made in memory unless one was given."""
        return index_in_memory(self._corpus)

    def over(self, index: SpanIndex) -> Self:
        """The same method over an index that stands ready.

        Raises:
            EvidenceMismatchError: the index is of another version than the corpus.
        """
        root = "0x" + self._corpus.root.hex()
        if index.corpus_root != root:
            raise EvidenceMismatchError(
                "The span index was made from another corpus than the one given.",
                index_root=index.corpus_root,
                corpus_root=root,
            )
        method = copy(self)
        method.index = index
        return method

    @property
    def parameters(self) -> Mapping[str, int]:
        """The two thresholds and the cap."""
        return {"rare": self._rare, "sure": self._sure, "row_cap": self._row_cap}

    def attribute(self, evidence: Evidence) -> Attribution:
        """Shares by words of the answer; see `AttributionMethod`."""
        check_evidence(evidence, self._corpus)
        traced = trace(self.index, evidence.answer, evidence.prompt, evidence.quoted)
        earlier = self._earlier(evidence)
        ends = (self._rare, self._sure, 0)
        parts, low, high = (self._parts(traced, each, earlier) for each in ends)
        rows = sorted({*parts, *low, *high}, reverse=True)
        owners = {row.contribution_id: row.contributor for row in rows}  # of the earliest row
        sums = [_by_contribution(each) for each in (parts, low, high)]
        return attribution_of(
            Share(contribution, contributor, *_interval(*(each[contribution] for each in sums)))
            for contribution, contributor in owners.items()
        )

    def _earlier(self, evidence: Evidence) -> dict[int, IndexedRow]:
        """By the sequence of a row that follows another, that other."""
        rows = self._corpus.rows
        return {
            rows[index].sequence: self.index.row(rows[leader].sequence)
            for index, leader in leaders(evidence, quoted=True).items()
        }

    def _parts(
        self, traced: Trace, multiple: int, earlier: Mapping[int, IndexedRow]
    ) -> dict[IndexedRow, int]:
        """What each row earns, in parts per 10^8, rounded down."""
        words: defaultdict[IndexedRow, int] = defaultdict(int)
        for credit in traced.credits(multiple):
            words[earlier.get(credit.row.sequence, credit.row)] += credit.stop - credit.start
        return {
            row: min(count * PARTS // len(traced.words), max(0, self._row_cap))
            for row, count in words.items()
        }


def _by_contribution(rows: Mapping[IndexedRow, int]) -> defaultdict[int, int]:
    sums: defaultdict[int, int] = defaultdict(int)
    for row, parts in rows.items():
        sums[row.contribution_id] += parts
    return sums


def _interval(parts: int, low: int, high: int) -> tuple[int, int, int]:
    return parts, min(low, parts), max(high, parts)
