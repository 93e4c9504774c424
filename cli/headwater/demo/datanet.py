"""From submissions to a datanet: admission with reasons, a version with a root, a model over it."""

import re
import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass

from headwater.demo.contributions import Submission
from headwater.demo.parties import Parties
from headwater_attribution.admission import Contribution, Verdict, admit
from headwater_attribution.admission.priority import RoundPart, round_part
from headwater_attribution.admission.rounds import Placed, in_order
from headwater_attribution.admission.seal import SALT, Opening, seal
from headwater_attribution.admission.seal_log import SealLog
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_models.corpus_backend import CorpusBackend
from headwater_models.corpus_backend import CorpusRow as ServedRow
from headwater_payments.hexadecimal import to_hex

_NUMBERED = re.compile(r"(?<!its )\bcontribution (\d+)")
LICENCE = "PSF-2.0"
MODEL = "stdlib-docs"


@dataclass(frozen=True, slots=True)
class Datanet:
    """One version: what was submitted, what was said about it, and the rows that entered.

    `kept` gives, for each row of the corpus, its submission and its number there. `log` holds the
    seals that everybody committed first, and `placed` what was then shown, in their order.
    """

    submissions: tuple[Submission, ...]
    verdicts: tuple[Verdict, ...]
    corpus: Corpus
    kept: tuple[tuple[Submission, int], ...]
    log: SealLog
    placed: tuple[Placed, ...]

    def round(self, log: SealLog) -> RoundPart:
        """What shows in a bundle who had the rows first; `log` is the datanet's own, signed."""
        return round_part(log, self.placed, self.corpus)

    @property
    def titles(self) -> list[str]:
        """The title of each row of the corpus."""
        return [submission.rows[number][0] for submission, number in self.kept]

    def accepted(self) -> Counter[int]:
        """Accepted rows by identity."""
        return Counter(submission.identity for submission, _ in self.kept)

    def refusals(self) -> dict[str, Counter[str]]:
        """Refused rows by kind of submission and rule."""
        kinds = {submission.identity: submission.kind for submission in self.submissions}
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for verdict in self.verdicts:
            if not verdict.accepted:
                counted[kinds[verdict.ref.contribution_id]][verdict.rule] += 1
        return dict(counted)

    def reasons(self) -> dict[str, dict[str, str]]:
        """The reason given for one refused row by kind of submission and rule, others by name."""
        known = {submission.identity: submission for submission in self.submissions}
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for verdict in self.verdicts:
            if not verdict.accepted:
                kind = known[verdict.ref.contribution_id].kind
                named = _NUMBERED.sub(lambda n: f"“{known[int(n[1])].name}”", verdict.reason)
                found[kind].setdefault(verdict.rule, named)
        return dict(found)


def build_datanet(
    submitted: list[Submission], parties: Parties, *, version: int, admission: bool
) -> Datanet:
    """Judge every row in the order of seals and make a version of those that pass."""
    openings = [
        Opening(
            Contribution(
                contribution_id=each.identity,
                contributor=parties.contributors[each.identity].address,
                licence_id=LICENCE,
                rows=tuple(text for _, text in each.rows),
            ),
            secrets.token_bytes(SALT),
        )
        for each in submitted
    ]
    log = SealLog(datanet_id=1, round=1, seals=tuple(to_hex(seal(each)) for each in openings))
    placed = in_order(log, openings)
    verdicts = admit(each.contribution for each in placed)
    enters = {v.ref for v in verdicts if v.accepted or not admission}
    by_identity = {each.identity: each for each in submitted}
    kept: list[tuple[Submission, int]] = []
    rows: list[CorpusRow] = []
    for verdict in verdicts:
        if verdict.ref not in enters:
            continue
        submission = by_identity[verdict.ref.contribution_id]
        kept.append((submission, verdict.ref.row))
        rows.append(
            CorpusRow(
                contribution_id=submission.identity,
                contributor=parties.contributors[submission.identity].address,
                licence_id=LICENCE,
                sequence=len(rows),
                text=submission.rows[verdict.ref.row][1],
            )
        )
    corpus = Corpus(1, version, rows)
    return Datanet(tuple(submitted), tuple(verdicts), corpus, tuple(kept), log, tuple(placed))


def serve_from(datanet: Datanet) -> CorpusBackend:
    """The model made of a datanet: it answers by quoting its rows."""
    rows = [
        ServedRow(
            row=datanet.corpus.row_id(index),
            contribution_id=row.contribution_id,
            contributor=row.contributor,
            title=title,
            text=row.text,
        )
        for index, (row, title) in enumerate(zip(datanet.corpus.rows, datanet.titles, strict=True))
    ]
    centres = star_centres(datanet.corpus)
    return CorpusBackend(MODEL, rows, to_hex(datanet.corpus.root), centres=centres)
