"""A model made of a datanet: it answers by quoting rows and proves which rows its answers need."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial

from anyio import to_thread
from anyio.lowlevel import checkpoint

from headwater_attribution.evidence import (
    Ablation,
    AnswerSpan,
    Evidence,
    RetrievedPassage,
    RowId,
    text_sha256,
)
from headwater_models.backend import (
    Capabilities,
    EvidenceKind,
    Finish,
    InferenceEvent,
    Token,
    require_answerable,
)
from headwater_models.bm25 import Bm25Index, Bm25Parameters, Hit
from headwater_models.chat import ChatRequest, Usage, count_prompt_tokens
from headwater_models.extractive import Quote, QuotedAnswer, compose
from headwater_models.precedence import WITHIN, Following, followers
from headwater_models.terms import terms
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

BACKEND_ID = "embedded-bm25/3"
RETRIEVED_ROWS = 6
REMOVED_ROWS = 64
"""Of the best rows for a question, so many at most are taken out with what they follow."""

QUOTED_SCORE = 0.5
"""A row is quoted that scores this share of the best or more: less is a common word by chance."""

MAX_REMOVALS = 6
"""Answers tried without one contributor; who has more to say instead is credited with less."""


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One row of the datanet version that a backend serves from.

    Attributes:
        row: its identity in the datanet's version.
        contribution_id: the contribution that brought it in.
        contributor: whose contribution that is.
        title: what the row is about, shown before every quotation; may be empty.
        text: what is quoted; the evidence pins its SHA-256.
    """

    row: RowId
    contribution_id: int
    contributor: Address
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Answered:
    """All rows that match, best first; the answer; the rows compared for it, who follows whom."""

    hits: tuple[Hit, ...]
    answer: QuotedAnswer
    compared: frozenset[int]
    follows: Following


class CorpusBackend:
    """Extractive question answering over rows, deterministic, with leave-one-out evidence.

    The answer score of the evidence is `QuotedAnswer.score_micro`. There is one ablation for each
    contributor whose row is quoted: the score of the answer that this backend gives from an index
    that never held what it quotes of that contributor, nor what it would quote of the same
    contributor instead, nor the rows that nearly repeat any of those or follow them. While a row
    that stands in for another remains, taking out the other would show nothing; so nobody loses by
    contributing much about one thing nor by being copied, and what is handed in under several names
    never shows more than under one. A row counts as the contributor's of its centre or, where it
    follows another, of that row's centre. Rows that follow an earlier one are not quoted.

    Args:
        model: the model id it serves.
        rows: `[R]` rows in the order they were committed; equal scores go to the earlier row.
        corpus_root: `0x` and the root of the version's row tree, carried into the evidence.
        parameters: the ranking function's knobs.
        centres: `[R]` for each row the position of the earliest row that it nearly repeats, its own
            where there is none, as `headwater_attribution.clusters.star_centres` finds them. Of the
            rows with one centre an answer quotes one. None for rows that are all different.

    Raises:
        InvalidInputError: there is no row, a row has no text, an identity stands twice, or there
            is not one centre for each row.
    """

    def __init__(
        self,
        model: str,
        rows: Sequence[CorpusRow],
        corpus_root: str,
        parameters: Bm25Parameters | None = None,
        centres: Sequence[int] | None = None,
    ) -> None:
        if not rows or not all(row.text.strip() for row in rows):
            raise InvalidInputError("A corpus needs at least one row, and text in every row.")
        if len({row.row for row in rows}) != len(rows):
            raise InvalidInputError("Two rows of the corpus have the same identity.")
        self._centres = tuple(range(len(rows)) if centres is None else centres)
        if len(self._centres) != len(rows):
            raise InvalidInputError("A corpus with centres needs one for each of its rows.")
        self._model = model
        self._rows = tuple(rows)
        self._corpus_root = corpus_root
        self._index = Bm25Index([(row.title, row.text) for row in rows], parameters)
        self._stems = [frozenset(terms(f"{row.title} {row.text}")) for row in rows]

    def capabilities(self) -> Capabilities:
        """One model, deterministic, with retrieval and ablation evidence."""
        return Capabilities(
            models=(self._model,),
            evidence=frozenset({EvidenceKind.RETRIEVAL, EvidenceKind.ABLATION}),
            deterministic=True,
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Answer from the rows, token by token; see `InferenceBackend`."""
        require_answerable(request, self.capabilities())
        answered = await to_thread.run_sync(partial(self._answer, request))
        answer = answered.answer
        for piece in answer.tokens:
            await checkpoint()
            yield Token(piece)
        yield Finish(
            usage=Usage.of(count_prompt_tokens(request.messages), len(answer.tokens)),
            evidence=await to_thread.run_sync(partial(self._evidence, request, answered)),
            reason="length" if answer.cut else "stop",
        )

    async def answer_without(self, request: ChatRequest, removed: Sequence[RowId]) -> str:
        """The answer that this backend gives when rows were never in its index.

        Raises:
            UnknownModelError, EmptyQuestionError: as `stream` does.
            InvalidInputError: a row that this backend does not hold.
        """
        require_answerable(request, self.capabilities())
        positions = {row.row: position for position, row in enumerate(self._rows)}
        if missing := [row for row in removed if row not in positions]:
            raise InvalidInputError(f"The index holds no row {missing[0]}.")
        without = tuple(positions[row] for row in removed)
        answered = await to_thread.run_sync(partial(self._answer, request, without))
        return answered.answer.text

    def _answer(self, request: ChatRequest, without: tuple[int, ...] = ()) -> _Answered:
        """The answer that quotes the best of the rows that match, and what it was chosen from."""
        hits = self._index.search(request.question, len(self._rows), without)
        worth = {stem: self._index.rarity(stem, without) for stem in terms(request.question)}
        near = _at_least(WITHIN * QUOTED_SCORE, hits)
        follows = followers(near, worth, self._stems.__getitem__)
        first = self._one_of_each([hit for hit in near if hit.position not in follows])
        answer = compose(
            worth,
            _at_least(QUOTED_SCORE, first)[:RETRIEVED_ROWS],
            self._titled_text,
            max_tokens=request.completion_limit,
            stops=request.stop_texts,
        )
        compared = frozenset(hit.position for hit in near)
        return _Answered(tuple(hits), answer, compared, follows)

    def _one_of_each(self, hits: Sequence[Hit]) -> list[Hit]:
        """The best row of each group of near-repeats."""
        best = {self._centres[hit.position]: hit for hit in reversed(hits)}
        return sorted(best.values(), key=lambda hit: (-hit.score_micro, hit.position))

    def _titled_text(self, position: int) -> tuple[str, str]:
        row = self._rows[position]
        return row.title, row.text

    def _evidence(self, request: ChatRequest, answered: _Answered) -> Evidence:
        answer, hits = answered.answer, answered.hits
        quoted = {quote.position: quote for quote in answer.quotes}
        follows = dict(answered.follows)
        owners = dict.fromkeys(self._owner(position) for position in quoted)
        ablations = [self._without_owner(owner, request, answered, follows) for owner in owners]
        shown = {hit.position for hit in hits[:RETRIEVED_ROWS]}.union(
            *(removed for removed, _ in ablations)
        )
        return Evidence(
            backend=BACKEND_ID,
            corpus_root=self._corpus_root,
            prompt=request.prompt,
            answer=answer.text,
            answer_score_micro=answer.score_micro,
            passages=tuple(
                self._passage(hit, quoted.get(hit.position), follows)
                for hit in hits
                if hit.position in shown
            ),
            ablations=tuple(
                Ablation(tuple(self._rows[position].row for position in removed), score)
                for removed, score in ablations
            ),
        )

    def _without_owner(
        self, owner: Address, request: ChatRequest, answered: _Answered, follows: dict[int, int]
    ) -> tuple[tuple[int, ...], int]:
        """The rows to take out until an answer doesn't quote `owner`, and that answer's score.

        Rows that were too far down to be compared come up in their places; of these, those that
        follow an earlier one are added to `follows`.
        """
        hits, answer = answered.hits, answered.answer
        stars: set[int] = set()
        quoted: set[int] = set()
        removed: tuple[int, ...] = ()
        for _ in range(MAX_REMOVALS):
            found = self._stars_of(owner, answer).difference(stars)
            if not found:
                break
            stars |= found
            quoted.update(quote.position for quote in answer.quotes)
            told = [hit.position for hit in hits if self._said(hit, follows) in stars]
            told.sort(key=lambda position: position not in quoted)
            removed = tuple(sorted(told[:REMOVED_ROWS]))
            without = self._answer(request, removed)
            answer = without.answer
            for position in without.follows.keys() - follows.keys() - answered.compared:
                _follow(follows, position, without.follows[position])
        return removed, answer.score_micro

    def _said(self, hit: Hit, follows: Following) -> int:
        """The star that a row's content counts as."""
        return self._centres[follows.get(hit.position, hit.position)]

    def _stars_of(self, owner: Address, answer: QuotedAnswer) -> set[int]:
        quoted = (quote.position for quote in answer.quotes)
        return {self._centres[position] for position in quoted if self._owner(position) == owner}

    def _owner(self, position: int) -> Address:
        return self._rows[self._centres[position]].contributor

    def _passage(self, hit: Hit, quote: Quote | None, follows: Following) -> RetrievedPassage:
        row = self._rows[hit.position]
        leader = follows.get(hit.position)
        return RetrievedPassage(
            row=row.row,
            contribution_id=row.contribution_id,
            contributor=row.contributor,
            score_micro=hit.score_micro,
            text_sha256=text_sha256(row.text),
            spans=() if quote is None else (_span(quote),),
            follows=None if leader is None else self._rows[leader].row,
        )


def _at_least(share: float, ranked: Sequence[Hit]) -> list[Hit]:
    """Of rows in order of their scores, those that score this share of the best or more."""
    return [hit for hit in ranked if hit.score_micro >= share * ranked[0].score_micro]


def _follow(follows: dict[int, int], position: int, leader: int) -> None:
    """Enter that a row follows another; what followed that row follows whom it follows."""
    follows[position] = leader = follows.get(leader, leader)
    for later, before in follows.items():
        if before == position:
            follows[later] = leader


def _span(quote: Quote) -> AnswerSpan:
    return AnswerSpan(quote.start_char, quote.stop_char, quote.start_token, quote.stop_token)
