"""The embedded model's evidence is what attribution needs: causes are paid, copies are not."""

from collections.abc import Sequence

import pytest
from models.asking import ask, request_for

from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.corpus import CorpusRow as CommittedRow
from headwater_attribution.methods.leave_one_out import RetrievalLeaveOneOut
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.questions import held_out_questions
from headwater_models.stdlib_corpus import DocRow
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex

pytestmark = pytest.mark.anyio
THIEF = 9_999
VICTIM = "argparse"


def _contributor(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


def _world(docs: Sequence[DocRow]) -> tuple[Corpus, CorpusBackend]:
    """A corpus in commit order and the model made of it; the thief's module has no name."""
    modules = sorted({doc.module for doc in docs})
    numbers = [modules.index(doc.module) if doc.module else THIEF for doc in docs]
    corpus = Corpus(
        1,
        1,
        [
            CommittedRow(number, _contributor(number), "PSF-2.0", sequence, doc.text)
            for sequence, (number, doc) in enumerate(zip(numbers, docs, strict=True))
        ],
    )
    rows = [
        CorpusRow(corpus.row_id(i), number, _contributor(number), doc.title, doc.text)
        for i, (number, doc) in enumerate(zip(numbers, docs, strict=True))
    ]
    centres = star_centres(corpus)
    return corpus, CorpusBackend("pydocs", rows, to_hex(corpus.root), centres=centres)


async def _shares(
    world: tuple[Corpus, CorpusBackend], questions: Sequence[str]
) -> list[dict[int, int]]:
    corpus, backend = world
    method = RetrievalLeaveOneOut(corpus)
    found = []
    for question in questions:
        _, finish = await ask(backend, request_for(question))
        shares = method.attribute(finish.evidence).shares
        found.append({share.contribution_id: share.parts for share in shares})
    return found


async def test_causes_are_credited_and_a_copy_neither_earns_nor_takes(
    doc_rows: list[DocRow],
) -> None:
    docs = [doc for doc in doc_rows if doc.module[0] in "abcdef"]
    stolen = [DocRow("", doc.title, doc.text) for doc in docs if doc.module == VICTIM]
    assert len(stolen) >= 20
    victims = [i for i, doc in enumerate(docs) if doc.module == VICTIM]
    pairs = [(doc.title, doc.text) for doc in docs]
    questions = [q.text for q in held_out_questions(pairs, 10, seed=2, candidates=victims)]
    assert len(questions) == 10
    honest = await _shares(_world(docs), questions)
    attacked = await _shares(_world([*docs, *stolen]), questions)
    victim = sorted({doc.module for doc in docs}).index(VICTIM)
    with_thief = victim + 1  # the thief's empty module name sorts first
    assert sum(max(s, key=lambda each: s[each]) == victim for s in honest if s) >= 8
    assert all(THIEF not in shares or shares[THIEF] == 0 for shares in attacked)
    before = sum(shares.get(victim, 0) for shares in honest)
    after = sum(shares.get(with_thief, 0) for shares in attacked)
    assert before > 2 * 10**8
    assert abs(after - before) <= before // 20


def test_centres_are_one_for_each_row(corpus: list[CorpusRow]) -> None:
    with pytest.raises(InvalidInputError, match="one for each"):
        CorpusBackend("pydocs", corpus, "0x", centres=[0])
