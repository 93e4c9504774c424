"""A small economy of real rows: who hands in what, what enters, what is asked, and who is paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from headwater_attribution.admission import Contribution, admit
from headwater_attribution.audits import AuditedShare
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.corpus import CorpusRow as Record
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import Audited, default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.settlement import PaidShares, settle_receipts
from headwater_models.audit import audit_answer
from headwater_models.chat import ChatRequest
from headwater_models.completion import CompletionFrame, complete
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex

MODEL: Final = "library"
LICENCE: Final = "PSF-2.0"

Row: TypeAlias = tuple[str, str]
"""A title and a text."""

Authors: TypeAlias = Mapping[int, Sequence[Row]]
"""By number what each hands in; lower numbers came first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what a right answer says."""

    text: str
    truth: str


@dataclass(frozen=True, slots=True)
class Library:
    """What entered, in the order of its authors, with each row's title."""

    corpus: Corpus
    titles: tuple[str, ...]

    def entered(self, authors: Sequence[int]) -> int:
        """How many rows of these authors are in."""
        return sum(row.contribution_id in authors for row in self.corpus.rows)


def enter(authors: Authors, *, admission: bool = True, reference: Sequence[str] = ()) -> Library:
    """The rows that admission lets in, or all of them.

    Args:
        authors: what each hands in.
        admission: whether anything is refused.
        reference: public texts that the desk knows beforehand.

    Raises:
        InvalidInputError: none are.
    """
    numbered = sorted(authors)
    contributions = [
        Contribution(number, account(number), LICENCE, tuple(text for _, text in authors[number]))
        for number in numbered
    ]
    if admission:
        verdicts = admit(contributions, reference=reference)
        kept = [verdict.ref for verdict in verdicts if verdict.accepted]
        places = [(ref.contribution_id, ref.row) for ref in kept]
    else:
        places = [(number, row) for number in numbered for row in range(len(authors[number]))]
    records = [
        Record(number, account(number), LICENCE, sequence, authors[number][row][1])
        for sequence, (number, row) in enumerate(places)
    ]
    return Library(Corpus(1, 1, records), tuple(authors[n][row][0] for n, row in places))


def serve(library: Library) -> CorpusBackend:
    """The embedded model over a library."""
    corpus = library.corpus
    rows = [
        CorpusRow(corpus.row_id(index), row.contribution_id, row.contributor, title, row.text)
        for index, (row, title) in enumerate(zip(corpus.rows, library.titles, strict=True))
    ]
    return CorpusBackend(MODEL, rows, to_hex(corpus.root), centres=star_centres(corpus))


async def answers(library: Library, questions: Sequence[str]) -> list[Evidence]:
    """The evidence of the embedded model's answer to each question."""
    backend = serve(library)
    return [await _answered(backend, _asked(question)) for question in questions]


async def audits(library: Library, asked: Sequence[Question]) -> list[AuditedShare]:
    """What audits of the answers to some questions show; `truth` is what each should say."""
    backend, method = serve(library), default_method(library.corpus)
    found: list[AuditedShare] = []
    for each in asked:
        request = _asked(each.text)
        evidence = await _answered(backend, request)
        credited = method.attribute(evidence)
        audit = await audit_answer(backend, request, evidence, credited, each.truth)
        found += audit.shares(credited)
    return found


def earnings(
    library: Library, evidence: Sequence[Evidence], confirmed: Mapping[int, int] | None = None
) -> dict[int, int]:
    """What each author earns by the shipped method and rule, of `MONEY` an answer.

    Args:
        library: what entered.
        evidence: of the answers.
        confirmed: what audits confirm of each author's shares; None where there are no audits.
    """
    shipped = default_method(library.corpus)
    method = shipped if confirmed is None else Audited(shipped, confirmed)
    receipts = [
        PaidShares(f"0x{number:064x}", MONEY, method.attribute(each))
        for number, each in enumerate(evidence)
    ]
    rows = Counter(row.contributor for row in library.corpus.rows)
    earned = settle_receipts(receipts, CAUSES, rows)
    authors = {row.contributor: row.contribution_id for row in library.corpus.rows}
    return {authors[who]: sum(amounts.values()) for who, amounts in earned.by_account.items()}


def _asked(question: str) -> ChatRequest:
    message = {"role": "user", "content": question}
    return ChatRequest.model_validate({"model": MODEL, "messages": [message]})


async def _answered(backend: CorpusBackend, request: ChatRequest) -> Evidence:
    _, finish = await complete(backend, request, CompletionFrame("", 0, MODEL))
    return finish.evidence


MONEY: Final = 600_000
"""The contributors' part of one answer's charge, atomic units."""


def account(number: int) -> Address:
    """An author's account."""
    return parse_address(f"0x{number + 2**32:040x}")


def drawn_authors(
    rows: Sequence[tuple[str, str, str]], seed: int, *, authors: int, rows_each: int
) -> dict[int, list[Row]]:
    """Modules of a library as authors, numbered from 0.

    Args:
        rows: module, title and text of each row.
        seed: which modules, and in what order they hand in.
        authors: how many.
        rows_each: the first so many rows of each.

    Raises:
        InvalidInputError: too few modules have so many rows.
    """
    written: dict[str, list[Row]] = {}
    for module, title, text in rows:
        written.setdefault(module, []).append((title, text))
    large = sorted(name for name, own in written.items() if len(own) >= rows_each)
    if len(large) < authors:
        raise InvalidInputError(
            f"There are {len(large)} modules with {rows_each} rows, and {authors} were asked for."
        )
    order = np.random.default_rng([seed, 9]).permutation(len(large))[:authors]
    return {n: written[large[place]][:rows_each] for n, place in enumerate(order.tolist())}
