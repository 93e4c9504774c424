"""What shows only over a whole contribution: stamped forms, word salad, mostly worthless rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from headwater_attribution.admission.fingerprint import Fingerprint
from headwater_attribution.admission.lexicon import FUNCTION_WORDS
from headwater_attribution.admission.order import OrderGain, WordOrder
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.quality import broken_pairs, quality_objection

_WINDOW = 3
Window: TypeAlias = tuple[str, str, str]


class Collective:
    """Statistics over the rows of one contribution.

    A three-word window is *stock* when at least 8 rows and two fifths of all rows hold it.

    Attributes:
        objection: why the contribution as a whole is refused, as (rule, reason), or None.
    """

    def __init__(
        self, rows: Sequence[Fingerprint], parameters: AdmissionParameters, order: WordOrder
    ) -> None:
        self._quality = {row: quality_objection(row, parameters) for row in rows}
        self._stock = _stock(rows)
        self.objection = (
            _salad(rows, parameters)
            or _poor(rows, parameters)
            or self._worthless(rows, parameters)
            or _disordered(rows, parameters, order)
        )
        self._small = len(rows) < parameters.small_rows
        self._parameters, self._order = parameters, order

    def disorder(self, row: Fingerprint) -> tuple[str, str] | None:
        """The objection to a row of a small contribution that nobody can have written, or None.

        Either its words stand in no order, or it is a list that says few things over and over.

        In a larger contribution one such row is let pass if the others show that it has an author.
        """
        if not self._small:
            return None
        if not _is_list(row, self._parameters):
            return _disordered([row], self._parameters, self._order)
        return _recital(row, self._parameters) or _disordered(
            [row], self._parameters, self._order, self._parameters.list_order_millibits
        )

    def stock_bps(self, row: Fingerprint) -> int:
        """The share of the row's three-word windows that are stock, in basis points."""
        windows = len(row.words) - _WINDOW + 1
        if windows < 1 or not self._stock:
            return 0
        return sum(window in self._stock for window in _windows(row)) * 10_000 // windows

    def quality(self, row: Fingerprint) -> tuple[str, str] | None:
        """The objection of the quality floor to one of the rows."""
        return self._quality[row]

    def _worthless(
        self, rows: Sequence[Fingerprint], parameters: AdmissionParameters
    ) -> tuple[str, str] | None:
        failed = sum(self._quality[row] is not None for row in rows)
        if failed < 5 or failed * 10_000 < parameters.worthless_bps * len(rows):
            return None
        return (
            "worthless-contribution/1",
            f"Of the {len(rows)} rows of its contribution {failed} fail the quality floor.",
        )


def _stock(rows: Sequence[Fingerprint]) -> set[Window]:
    needed = max(8, len(rows) * 2 // 5)
    if len(rows) < needed:
        return set()
    counts: Counter[Window] = Counter()
    for row in rows:
        counts.update(set(_windows(row)))
    return {window for window, count in counts.items() if count >= needed}


def _windows(row: Fingerprint) -> Iterator[Window]:
    return zip(row.words, row.words[1:], row.words[2:], strict=False)


def _disordered(
    rows: Sequence[Fingerprint], parameters: AdmissionParameters, order: WordOrder, more: int = 0
) -> tuple[str, str] | None:
    if order.words < parameters.order_from_words:
        return None
    gain = sum(order.gains([row.words for row in rows]), OrderGain(0, 0))
    enough = parameters.min_order_millibits + more
    if gain.pairs < parameters.order_pairs:
        enough = parameters.min_short_order_millibits
    if not gain.pairs or gain.millibits >= enough:
        return None
    reason = (
        f"Its words stand in no order: over the same words shuffled, a pair of neighbours gains "
        f"{gain.millibits / 1_000:.2f} bits in its worst stretch, and {enough / 1_000:.2f} are "
        "asked for."
    )
    return "disorder/1", reason


def _is_list(row: Fingerprint, parameters: AdmissionParameters) -> bool:
    function = len(row.words) - row.bag_size
    return function * 10_000 < parameters.list_function_bps * len(row.words)


def _recital(row: Fingerprint, parameters: AdmissionParameters) -> tuple[str, str] | None:
    content = [word for word in row.words if word not in FUNCTION_WORDS]
    distinct = len(set(content))
    if len(content) < parameters.recital_words:
        return None
    if distinct * 10_000 > parameters.recital_distinct_bps * len(content):
        return None
    return (
        "recital/1",
        f"It is a list whose {len(content)} words of content are only {distinct} different ones.",
    )


def _salad(rows: Sequence[Fingerprint], parameters: AdmissionParameters) -> tuple[str, str] | None:
    broken = sum(broken_pairs(row.words)[0] > 0 for row in rows)
    if broken < 5 or broken * 10_000 < parameters.salad_bps * len(rows):
        return None
    return (
        "word-salad/1",
        f"Of the {len(rows)} rows of its contribution {broken} break the order of words.",
    )


def _poor(rows: Sequence[Fingerprint], parameters: AdmissionParameters) -> tuple[str, str] | None:
    """Text of n words has well over 2·√n distinct ones (Heaps, "Information Retrieval", 1978)."""
    count = sum(len(row.words) for row in rows)
    distinct = len({word for row in rows for word in row.words})
    if count < 200 or distinct**2 >= parameters.min_vocabulary**2 * count:
        return None
    return (
        "poor-vocabulary/1",
        f"The {count} words of its contribution are only {distinct} different ones.",
    )
