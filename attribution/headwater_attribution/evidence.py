"""What a backend observed while it answered: which rows it used, where, and what each was worth.

Evidence carries observations, never shares. A backend that retrieved rows reports each one as a
`RetrievedPassage`, says which stretch of the answer comes from it, and reports *ablations*: the
answer score measured again with some rows taken out of the index. A backend that cannot observe
anything returns `Evidence` with empty tuples; its receipts then stay unattributed.

Scores are integers in millionths of the backend's own unit, so that a second party recomputes
shares bit for bit. The *answer score* is one number for "how well the index supports an answer to
this prompt". A backend that quotes rows takes the sum of the retrieval scores of the rows it
quotes; under an ablation it answers again from the rows that remain and sums those. Only ratios of
answer scores within one `Evidence` are ever used.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

SCORE_UNIT = 1_000_000
"""Scores are given in millionths: 2_500_000 means 2.5."""


@dataclass(frozen=True, slots=True, order=True)
class RowId:
    """One row of one immutable datanet version; `index` counts from 0 in the version's row tree."""

    datanet_id: int
    version: int
    index: int


@dataclass(frozen=True, slots=True, order=True)
class AnswerSpan:
    """A half-open stretch of the answer, in characters and in metered completion tokens."""

    start_char: int
    stop_char: int
    start_token: int
    stop_token: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_char < self.stop_char or not 0 <= self.start_token < self.stop_token:
            raise InvalidInputError(
                "An answer span must be non-empty and start at or after 0.", span=asdict(self)
            )


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A row the backend put before the model (or quoted itself), with its place in the answer.

    Attributes:
        row: which row.
        contribution_id: the contribution that brought the row into the datanet.
        contributor: whose contribution it is.
        score_micro: the retrieval score for the prompt, in millionths, at least 0.
        text_sha256: `0x` and the SHA-256 of the row's text as stored; it pins the row.
        spans: the stretches of the answer that come from this row; empty when it was not used.
        follows: an earlier row that says to this prompt what this row says, when there is one; what
            this row shows then counts as that row's.
    """

    row: RowId
    contribution_id: int
    contributor: Address
    score_micro: int
    text_sha256: str
    spans: tuple[AnswerSpan, ...] = ()
    follows: RowId | None = None


@dataclass(frozen=True, slots=True)
class Ablation:
    """The answer score measured again with `removed` rows taken out of the index or context."""

    removed: tuple[RowId, ...]
    answer_score_micro: int


@dataclass(frozen=True, slots=True)
class InfluenceObservation:
    """An answer's gradient, written in the basis of the contributions' influence vectors.

    Attributes:
        committed: the commitment of the vectors (`CommittedInfluence.commitment`).
        projected: the gradient's coordinates, each in 16 bits.
        base_loss_micro: loss of the answer under the base model alone, in millionths of a nat.
        adapted_loss_micro: and with the adapter.

    Raises:
        InvalidInputError: a coordinate needs more than 16 bits, or a loss is negative.
    """

    committed: str
    projected: tuple[int, ...]
    base_loss_micro: int
    adapted_loss_micro: int

    def __post_init__(self) -> None:
        wide = any(not -(2**15) < each < 2**15 for each in self.projected)
        if wide or min(self.base_loss_micro, self.adapted_loss_micro) < 0:
            raise InvalidInputError(
                "An answer's influence has coordinates of 16 bits and losses of at least 0."
            )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything one answer's attribution is computed from.

    Attributes:
        backend: id and version of what produced this, such as `embedded-bm25/3`.
        corpus_root: `0x` and the row tree's root of the datanet version the backend served from.
        prompt: the text the buyer sent (text copied from it earns nothing).
        answer: the text sent back.
        answer_score_micro: the answer score with nothing removed, in millionths.
        passages: the rows retrieved, best first, each row once.
        ablations: for leave-one-out, one entry for each contributor that the answer quotes, which
            removes what the answer would quote of it; or one for each cited row with those that
            nearly repeat it, which sees less of a contributor whose rows stand in for each other.
            Rows that follow a removed row are removed with it.
        influence: what the answer's gradient says, where an adapter was trained on the rows.
        quoted: texts that the answer quotes under a licence of their own, or that belong to
            everybody; no contribution earns by their words.

    Raises:
        InvalidInputError: a row stands twice, an ablation removes a row that no passage cites, a
            span leaves the answer, or a score is negative.
    """

    backend: str
    corpus_root: str
    prompt: str
    answer: str
    answer_score_micro: int
    passages: tuple[RetrievedPassage, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    influence: InfluenceObservation | None = None
    quoted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = {passage.row for passage in self.passages}
        if len(rows) != len(self.passages):
            raise InvalidInputError("Each retrieved row stands once in the evidence.")
        for ablation in self.ablations:
            if not ablation.removed or not rows.issuperset(ablation.removed):
                raise InvalidInputError(
                    "An ablation removes at least one row, and only rows that a passage cites.",
                    removed=[asdict(row) for row in ablation.removed],
                )
        scores = [self.answer_score_micro, *(p.score_micro for p in self.passages)]
        if min(scores + [a.answer_score_micro for a in self.ablations]) < 0:
            raise InvalidInputError("Scores in evidence are at least 0.")
        stop = max((s.stop_char for p in self.passages for s in p.spans), default=0)
        if stop > len(self.answer):
            raise InvalidInputError(
                "A span reaches past the end of the answer.", stop=stop, length=len(self.answer)
            )

    @property
    def brought(self) -> tuple[str, ...]:
        """The texts whose words no contribution brought: the prompt, and what is quoted."""
        return (self.prompt, *self.quoted)

    def commitment(self) -> str:
        """`0x` and the SHA-256 of the evidence as JSON with sorted keys and no spaces (UTF-8)."""
        body = asdict(self)
        if self.influence is None:
            del body["influence"]  # a hash of evidence without it says nothing of it
        if not self.quoted:
            del body["quoted"]
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "0x" + hashlib.sha256(b"headwater/evidence/1\n" + text.encode()).hexdigest()


def text_sha256(text: str) -> str:
    """`0x` and the SHA-256 of `text` in UTF-8, the form `RetrievedPassage.text_sha256` takes."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
