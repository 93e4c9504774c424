"""A small economy of real rows: who hands in what, what enters, what is asked, and who is paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from headwater_attribution.admission import Contribution, admit
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.corpus import CorpusRow as Record
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.settlement import PaidShares, settle_receipts
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
class Library:
    """What entered, in the order of its authors, with each row's title."""

    corpus: Corpus
    titles: tuple[str, ...]

    def entered(self, authors: Sequence[int]) -> int:
        """How many rows of these authors are in."""
        return sum(row.contribution_id in authors for row in self.corpus.rows)


def enter(authors: Authors, *, admission: bool = True) -> Library:
    """The rows that admission lets in, or all of them.

    Raises:
        InvalidInputError: none are.
    """
    numbered = sorted(authors)
    contributions = [
        Contribution(number, account(number), LICENCE, tuple(text for _, text in authors[number]))
        for number in numbered
    ]
    if admission:
        kept = [verdict.ref for verdict in admit(contributions) if verdict.accepted]
        places = [(ref.contribution_id, ref.row) for ref in kept]
    else:
        places = [(number, row) for number in numbered for row in range(len(authors[number]))]
    records = [
        Record(number, account(number), LICENCE, sequence, authors[number][row][1])
        for sequence, (number, row) in enumerate(places)
    ]
    return Library(Corpus(1, 1, records), tuple(authors[n][row][0] for n, row in places))


async def answers(library: Library, questions: Sequence[str]) -> list[Evidence]:
    """The evidence of the embedded model's answer to each question."""
    corpus = library.corpus
    rows = [
        CorpusRow(corpus.row_id(index), row.contribution_id, row.contributor, title, row.text)
        for index, (row, title) in enumerate(zip(corpus.rows, library.titles, strict=True))
    ]
    backend = CorpusBackend(MODEL, rows, to_hex(corpus.root), centres=star_centres(corpus))
    found = []
    for question in questions:
        message = {"role": "user", "content": question}
        request = ChatRequest.model_validate({"model": MODEL, "messages": [message]})
        _, finish = await complete(backend, request, CompletionFrame("", 0, MODEL))
        found.append(finish.evidence)
    return found


async def earnings(library: Library, questions: Sequence[str]) -> dict[int, int]:
    """What each author earns by the shipped method and rule, of `MONEY` a question."""
    method = default_method(library.corpus)
    receipts = [
        PaidShares(f"0x{number:064x}", MONEY, method.attribute(evidence))
        for number, evidence in enumerate(await answers(library, questions))
    ]
    rows = Counter(row.contributor for row in library.corpus.rows)
    earned = settle_receipts(receipts, CAUSES, rows)
    authors = {row.contributor: row.contribution_id for row in library.corpus.rows}
    return {authors[who]: sum(amounts.values()) for who, amounts in earned.by_account.items()}


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
