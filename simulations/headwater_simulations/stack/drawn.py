"""A model whose retrieval is the simulator's: it answers each sale from the rows drawn for it.

The answer quotes the two best rows, the second one too where there is one, and the evidence says
what the score of the answer becomes without each contributor: both are done on the rows, not read
off the engine's shares.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from anyio.lowlevel import checkpoint

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.evidence import (
    SCORE_UNIT,
    Ablation,
    AnswerSpan,
    Evidence,
    RetrievedPassage,
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
from headwater_models.chat import ChatRequest, Usage, count_prompt_tokens
from headwater_models.tokens import count_tokens, pieces
from headwater_payments.address import Address
from headwater_payments.hexadecimal import to_hex
from headwater_simulations.economy.trace import Sale

MODEL = "drawn"
QUOTED = 2
_WORDS = 12
_LETTERS = "bdfgkmpt"


def corpus_of(contributors: Sequence[Address]) -> Corpus:
    """One row for each contributor, of words that stand in no other row."""
    return Corpus(
        1,
        1,
        [
            CorpusRow(number, account, "CC0-1.0", number, _row(number))
            for number, account in enumerate(contributors)
        ],
    )


def prompt_of(sale: Sale) -> str:
    """What a buyer asks; the model knows the sale by it."""
    return f"answer number {sale.number}"


@dataclass(frozen=True, slots=True)
class DrawnBackend:
    """Answers by the rows that nature drew; see `InferenceBackend`.

    Attributes:
        corpus: the rows, one for each contributor, in their order.
        drawn: what came up, by prompt.
    """

    corpus: Corpus
    drawn: Mapping[str, Sale]

    def capabilities(self) -> Capabilities:
        """One model, with retrieval and ablations for evidence."""
        return Capabilities((MODEL,), frozenset(EvidenceKind), deterministic=True)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Quote the rows drawn for the request, one after the other."""
        require_answerable(request, self.capabilities())
        rows = self.drawn[request.question].rows
        quoted = _best(rows)
        answer = " ".join(self.corpus.rows[who].text for who, _ in quoted) or "Nothing is known."
        said = pieces(answer)
        for piece in said:
            await checkpoint()
            yield Token(piece)
        yield Finish(
            Usage.of(count_prompt_tokens(request.messages), len(said)),
            self._evidence(request.prompt, answer, rows),
        )

    def _evidence(self, prompt: str, answer: str, rows: Sequence[tuple[int, int]]) -> Evidence:
        quoted = _best(rows)
        ranked = sorted(rows, key=lambda row: -row[1])
        return Evidence(
            backend="drawn/1",
            corpus_root=to_hex(self.corpus.root),
            prompt=prompt,
            answer=answer,
            answer_score_micro=_score(quoted),
            passages=tuple(self._passage(answer, row, quoted) for row in ranked),
            ablations=tuple(
                Ablation(
                    (self.corpus.row_id(who),),
                    _score(_best([row for row in rows if row[0] != who])),
                )
                for who, _ in quoted
            ),
        )

    def _passage(
        self, answer: str, row: tuple[int, int], quoted: Sequence[tuple[int, int]]
    ) -> RetrievedPassage:
        who, score = row
        stored = self.corpus.rows[who]
        start = answer.index(stored.text) if row in quoted else 0
        before = count_tokens(answer[:start])
        span = AnswerSpan(
            start, start + len(stored.text), before, before + count_tokens(stored.text)
        )
        return RetrievedPassage(
            self.corpus.row_id(who),
            stored.contribution_id,
            stored.contributor,
            score * SCORE_UNIT // 1_000,
            text_sha256(stored.text),
            (span,) if row in quoted else (),
        )


def _best(rows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The two best; of equals the earlier."""
    return sorted(rows, key=lambda row: -row[1])[:QUOTED]


def _score(rows: Sequence[tuple[int, int]]) -> int:
    return sum(score for _, score in rows) * SCORE_UNIT // 1_000


def _row(number: int) -> str:
    return " ".join(_word(number * _WORDS + at) for at in range(_WORDS))


def _word(number: int) -> str:
    """A word of its own for each number: syllables of a consonant and a vowel."""
    word = ""
    for _ in range(6):
        word += _LETTERS[number % 8] + "aeio"[number // 8 % 4]
        number //= 32
    return word
