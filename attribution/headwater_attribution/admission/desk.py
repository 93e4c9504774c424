"""The admission desk: contributions come in commit order, each row leaves with a verdict."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from headwater_attribution.admission.benchmarks import RegisteredBenchmarks
from headwater_attribution.admission.collective import Collective
from headwater_attribution.admission.consent import CONSENT, ConsentTerms
from headwater_attribution.admission.fingerprint import Fingerprint, fingerprint
from headwater_attribution.admission.habits import FORM, Habits
from headwater_attribution.admission.licence_families import conflict
from headwater_attribution.admission.licensing import CONFLICT, LicenceTerms, Licensing
from headwater_attribution.admission.neighbours import (
    Match,
    NeighbourIndex,
    alike_threshold_bps,
    rows_by_source,
)
from headwater_attribution.admission.order import WordOrder
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.private import private_objection
from headwater_attribution.admission.record import IdentityRecord
from headwater_attribution.admission.verdict import ACCEPTED, Contribution, RowRef, Verdict
from headwater_attribution.canonical import words
from headwater_payments.address import Address

_ALIKE = "near-copy/1"
_BENCHMARK = "benchmark/1"
_COPIED = "copied-text/1"
_DERIVED = "derived-contribution/1"
_SAME = "same-text/1"
_TEMPLATE = "template/1"


def admit(
    contributions: Iterable[Contribution],
    parameters: AdmissionParameters | None = None,
    *,
    reference: Iterable[str] = (),
) -> list[Verdict]:
    """Judge contributions given in commit order; one verdict a row, in the same order."""
    desk = AdmissionDesk(parameters, reference=reference)
    return [verdict for each in contributions for verdict in desk.review(each)]


class AdmissionDesk:
    """Judges contributions one after the other against everything accepted before.

    The desk holds no clock and no randomness: the same contributions in the same order get the same
    verdicts. A contribution is judged as a whole, because a copier shows in how many of its rows
    resemble one earlier contribution even where no single row proves it. Where it is too small to
    show that, its rows are held to stricter rules one by one, so that nothing is gained by handing
    work in piecemeal under many identities. Refused rows leave no trace, and a verdict depends on
    nobody's refused rows: nobody can spoil a newcomer's ground by handing in rubbish before it.

    Args:
        parameters: the thresholds.
        benchmarks: what rows may not hold.
        reference: public texts of the datanet's kind. They are nobody's and no row is held against
            them as a copy; from them the desk knows how words follow each other before the first
            contribution. Without them whoever comes first may hand in words in any order.
        licences: SPDX ids that rows may be handed in under; any where None.
        consent: the terms that each contributor has to have signed; nobody where None.
        licence_terms: what the datanet does with rows; not held against licences where None.

    Attributes:
        knowledge: by name the SHA-256 of what the desk knows beyond its thresholds, in hexadecimal,
            for whoever judges again to know the same.
    """

    def __init__(
        self,
        parameters: AdmissionParameters | None = None,
        benchmarks: RegisteredBenchmarks | None = None,
        reference: Iterable[str] = (),
        licences: Iterable[str] | None = None,
        consent: ConsentTerms | None = None,
        licence_terms: LicenceTerms | None = None,
    ) -> None:
        self.parameters = parameters or AdmissionParameters()
        self._benchmarks = benchmarks or RegisteredBenchmarks({})
        self._index = NeighbourIndex(self.parameters)
        self._order = WordOrder()
        self._habits = Habits(self.parameters)
        self._licensing = Licensing(licences, licence_terms)
        self._licence_of: dict[int, str] = {}
        self._consent = consent
        self._record = None if consent is None else IdentityRecord(self.parameters)
        known = list(reference)
        self._order.learn_each([words(text) for text in known])
        self.knowledge: Mapping[str, str] = {
            name: hashlib.sha256(json.dumps(what).encode()).hexdigest()
            for name, what in (
                ("benchmarks", self._benchmarks.windows()),
                ("consent", None if consent is None else asdict(consent)),
                ("licences", self._licensing.taken),
                ("licence_terms", None if licence_terms is None else asdict(licence_terms)),
                ("reference", known),
            )
            if what
        }
        self._contributions_of: defaultdict[Address, set[int]] = defaultdict(set)

    def review(self, contribution: Contribution, number: int = 0) -> list[Verdict]:
        """Judge each row of `contribution` and take the accepted ones into the index.

        Args:
            contribution: what is handed in.
            number: of the round; 0 where there are no rounds, and identities have no record.
        """
        rows = [fingerprint(text) for text in contribution.rows]
        verdicts = self._judge(contribution, rows, number)
        if self._record is not None:
            self._record.take(contribution, number, verdicts)
        taken = [(v.ref, row) for row, v in zip(rows, verdicts, strict=True) if v.accepted]
        self._order.learn_each([row.words for _, row in taken])
        for ref, row in taken:
            self._index.add(ref, row)
            if len(rows) < self.parameters.habit_small_rows:
                self._habits.take(contribution.contributor, row)
        self._contributions_of[contribution.contributor].add(contribution.contribution_id)
        self._licence_of[contribution.contribution_id] = contribution.licence_id
        return verdicts

    def preview(self, contribution: Contribution, number: int = 0) -> list[Verdict]:
        """Judge each row of `contribution` as `review` would, and take in nothing."""
        return self._judge(contribution, [fingerprint(text) for text in contribution.rows], number)

    def _judge(
        self, contribution: Contribution, rows: list[Fingerprint], number: int
    ) -> list[Verdict]:
        own = frozenset(self._contributions_of.get(contribution.contributor, ()))
        matches = self._index.alike_each(rows, own)
        source = self._source_of(matches)
        collective = Collective(rows, self.parameters, self._order)
        small = len(rows) < self.parameters.small_rows
        own_texts: dict[str, RowRef] = {}
        refused = self._refused(contribution)
        kept_back = (
            [None] * len(rows)
            if self._record is None
            else self._record.objections(contribution, number)
        )
        verdicts = []
        for place, (row, alike) in enumerate(zip(rows, matches, strict=True)):
            ref = RowRef(contribution.contribution_id, place)
            objection = refused or kept_back[place]
            verdict = (
                (None if objection is None else Verdict(ref, *objection))
                or self._unfit(ref, contribution, row)
                or self._same(ref, row, own_texts.get(row.canonical))
                or self._quality(ref, row, collective)
                or self._stamped(ref, row, contribution)
                or self._copied(ref, row, own, contribution.licence_id, small=small)
                or self._alike(ref, row, alike, small=small)
                or self._derived(ref, alike, source)
                or Verdict(ref, ACCEPTED, "It is new text of sufficient quality.")
            )
            own_texts.setdefault(row.canonical, ref)
            verdicts.append(verdict)
        return verdicts

    def _refused(self, contribution: Contribution) -> tuple[str, str] | None:
        """The rule and reason for which none of its rows enter, whatever they say."""
        consent = None if self._consent is None else self._consent.objection(contribution)
        if consent is not None:
            return CONSENT, consent
        return self._licensing.objection(contribution)

    def _unfit(self, ref: RowRef, contribution: Contribution, row: Fingerprint) -> Verdict | None:
        """What may not enter even if it is new: another's licence, secrets, a benchmark's text."""
        text = contribution.rows[ref.row]
        objection = self._licensing.row_objection(contribution, text) or private_objection(text)
        if objection is not None:
            return Verdict(ref, *objection)
        benchmark = self._benchmarks.held_by(row.words)
        if benchmark is None:
            return None
        reason = f"It is quarantined: it holds part of the benchmark {benchmark}."
        return Verdict(ref, _BENCHMARK, reason)

    def _same(self, ref: RowRef, row: Fingerprint, own: RowRef | None) -> Verdict | None:
        earlier = self._index.same(row) or own
        if earlier is None:
            return None
        return Verdict(ref, _SAME, f"It is the same text as {_name(earlier)}.", earlier, 10_000)

    def _quality(self, ref: RowRef, row: Fingerprint, collective: Collective) -> Verdict | None:
        objection = collective.quality(row) or collective.objection or collective.disorder(row)
        if objection is not None:
            return Verdict(ref, *objection)
        stock_bps = collective.stock_bps(row)
        if stock_bps >= self.parameters.template_bps:
            reason = (
                f"Its contribution keeps repeating the form that makes {_percent(stock_bps)} of it."
            )
            return Verdict(ref, _TEMPLATE, reason)
        return None

    def _stamped(self, ref: RowRef, row: Fingerprint, contribution: Contribution) -> Verdict | None:
        if len(contribution.rows) >= self.parameters.habit_small_rows:
            return None
        stock_bps = self._habits.stock_bps(contribution.contributor, row)
        if stock_bps < self.parameters.habit_template_bps:
            return None
        reason = (
            f"Of its three-word stretches {_percent(stock_bps)} are of a form that the "
            f"{self._habits.rows_of(contribution.contributor)} rows its contributor handed in "
            "before keep repeating."
        )
        return Verdict(ref, FORM, reason)

    def _copied(
        self, ref: RowRef, row: Fingerprint, own: frozenset[int], licence: str, *, small: bool
    ) -> Verdict | None:
        match = self._index.copied(row, own)
        known = self.parameters
        if match is None:
            return None
        if match.alike_bps < (known.small_copied_bps if small else known.copied_windows_bps):
            return self._relicensed(ref, row, match, licence)
        reason = (
            f"Of its five-word stretches {_percent(match.alike_bps)} stand in earlier rows, "
            f"most of them in {_name(match.ref)}."
        )
        return Verdict(ref, _COPIED, reason, match.ref, match.alike_bps)

    def _relicensed(
        self, ref: RowRef, row: Fingerprint, match: Match, licence: str
    ) -> Verdict | None:
        """Too little to be a copy, and enough to be held to the licence of where it stands."""
        known = self.parameters
        if match.alike_bps < known.conflict_windows_bps:
            return None
        if match.alike_bps * len(row.windows) < known.conflict_windows * 10_000:
            return None
        contradicts = conflict(self._licence_of[match.ref.contribution_id], licence)
        if contradicts is None:
            return None
        reason = (
            f"It is quarantined: of its five-word stretches {_percent(match.alike_bps)} stand in "
            f"earlier rows, most of them in {_name(match.ref)}: {contradicts}."
        )
        return Verdict(ref, CONFLICT, reason, match.ref, match.alike_bps)

    def _alike(
        self, ref: RowRef, row: Fingerprint, alike: list[Match], *, small: bool
    ) -> Verdict | None:
        known = self.parameters
        threshold = known.small_alike_bps if small else alike_threshold_bps(row, known)
        if not alike or alike[0].alike_bps < threshold:
            return None
        best = alike[0]
        reason = (
            f"It has {_percent(best.alike_bps)} of the words of {_name(best.ref)}, "
            "weighed by rarity, in the same or another order."
        )
        return Verdict(ref, _ALIKE, reason, best.ref, best.alike_bps)

    def _derived(self, ref: RowRef, alike: list[Match], source: int | None) -> Verdict | None:
        best = next((match for match in alike if match.ref.contribution_id == source), None)
        if best is None or best.alike_bps < self.parameters.derived_alike_bps:
            return None
        reason = (
            f"Its contribution follows contribution {source} row by row, and it has "
            f"{_percent(best.alike_bps)} of the words of {_name(best.ref)}."
        )
        return Verdict(ref, _DERIVED, reason, best.ref, best.alike_bps)

    def _source_of(self, matches: list[list[Match]]) -> int | None:
        counts = rows_by_source(matches, self.parameters.kin_bps)
        if not counts:
            return None
        source, rows = min(counts.items(), key=lambda item: (-item[1], item[0]))
        enough = rows >= 3 and rows * 10_000 >= self.parameters.derived_bps * len(matches)
        return source if enough else None


def _name(ref: RowRef) -> str:
    return f"row {ref.row} of contribution {ref.contribution_id}"


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02d} %"
