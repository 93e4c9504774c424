"""The embedded model finds the right row, quotes it, and proves by removal what it needs."""

from collections.abc import Collection

import pytest
from models.asking import ask, request_for

from headwater_attribution.corpus import Corpus
from headwater_attribution.corpus import CorpusRow as CorpusRecord
from headwater_attribution.evidence import Evidence, RowId, text_sha256
from headwater_attribution.methods import default_method
from headwater_models.conformance import check_backend
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.questions import held_out_questions
from headwater_models.tokens import pieces
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex

pytestmark = pytest.mark.anyio
QUESTION = "How do I join two path components and split the file extension?"
TWO_QUESTIONS = "How do I join two paths, and how do I compress a string with zlib?"


def _without(corpus: list[CorpusRow], removed: Collection[RowId]) -> CorpusBackend:
    rest = [row for row in corpus if row.row not in removed]
    return CorpusBackend("pydocs", rest, corpus_root="0x" + "00" * 32)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_it_keeps_the_contract_of_a_backend(backend: CorpusBackend) -> None:
    text, finish = await check_backend(lambda: backend, QUESTION)
    assert "join" in text
    assert len(finish.evidence.passages) > 1


async def test_the_right_row_is_cited_first_and_the_answer_needs_it(
    backend: CorpusBackend, corpus: list[CorpusRow]
) -> None:
    questions = held_out_questions([(row.title, row.text) for row in corpus], 50, seed=0)
    right, drops = 0, []
    for question in questions:
        _, finish = await ask(backend, request_for(question.text))
        evidence = finish.evidence
        cited = [passage for passage in evidence.passages if passage.spans]
        if cited[0].row.index != question.answer_position:
            continue
        right += 1
        (removed,) = [a for a in evidence.ablations if cited[0].row in a.removed]
        drops.append(1 - removed.answer_score_micro / evidence.answer_score_micro)
    assert right >= 40
    assert sum(drops) / len(drops) > 0.4


async def test_an_ablation_is_the_score_of_a_backend_that_never_held_the_rows(
    backend: CorpusBackend, corpus: list[CorpusRow]
) -> None:
    questions = held_out_questions([(row.title, row.text) for row in corpus], 4, seed=5)
    for question in questions:
        said, finish = await ask(backend, request_for(question.text))
        ablation = finish.evidence.ablations[0]
        rest_said, rest = await ask(_without(corpus, ablation.removed), request_for(question.text))
        assert rest.evidence.answer_score_micro == ablation.answer_score_micro
        assert rest_said != said
        follows = {p.row: p.follows for p in finish.evidence.passages}
        leaders = {follows[row] or row for row in ablation.removed}
        owners = {corpus[row.index].contributor for row in leaders}
        still_quoted = {p.contributor for p in rest.evidence.passages if p.spans}
        assert len(owners) == 1
        assert owners.isdisjoint(still_quoted)


ADA, BOB = (parse_address("0x" + pair * 20) for pair in ("ad", "b0"))
GAUGE = ("rain.gauge", "A rain gauge measures how much water has fallen.")
METER = ("rain.meter", "How much water has fallen is what this meter tells whoever asks for rain.")
WEIR = ("river.weir", "A weir raises the level of the river behind it.")
RAIN = "How much water has fallen as rain?"


def rows_by(*owned: tuple[Address, tuple[str, str]]) -> list[CorpusRow]:
    return [CorpusRow(RowId(1, 1, n), n, owner, *text) for n, (owner, text) in enumerate(owned)]


async def evidence_for(rows: list[CorpusRow], question: str) -> Evidence:
    backend = CorpusBackend("pydocs", rows, corpus_root="0x" + "00" * 32)
    _, finish = await ask(backend, request_for(question))
    assert finish.evidence is not None
    return finish.evidence


def quoted(evidence: Evidence) -> list[int]:
    return [passage.row.index for passage in evidence.passages if passage.spans]


@pytest.mark.parametrize("second", [ADA, BOB])
async def test_a_row_is_taken_out_with_what_would_be_said_in_its_place(second: Address) -> None:
    rows = rows_by((ADA, GAUGE), (second, METER), (BOB, WEIR))
    evidence = await evidence_for(rows, RAIN)
    (ablation,) = evidence.ablations
    assert set(ablation.removed) == {rows[0].row, rows[1].row}
    assert ablation.answer_score_micro == 0


async def test_who_says_it_first_is_quoted_whichever_row_scores_more() -> None:
    for first, second in [(GAUGE, METER), (METER, GAUGE)]:
        rows = rows_by((ADA, first), (BOB, second), (BOB, WEIR))
        evidence = await evidence_for(rows, RAIN)
        assert quoted(evidence) == [0]
        assert {p.row.index: p.follows for p in evidence.passages}[1] == rows[0].row


async def test_a_row_filed_early_does_not_date_back_what_its_owner_adds_later() -> None:
    cellar = "The cellar keeps many old barrels in long rows under the house by the road."
    late = "A rain gauge measures how much water has fallen. " + cellar
    rows = rows_by((BOB, ("house.cellar", cellar)), (ADA, GAUGE), (BOB, ("house.more", late)))
    backend = CorpusBackend("pydocs", rows, corpus_root="0x" + "00" * 32, centres=(0, 1, 0))
    _, finish = await ask(backend, request_for(RAIN))
    assert quoted(finish.evidence) == [1]
    (ablation,) = finish.evidence.ablations
    assert set(ablation.removed) == {rows[1].row, rows[2].row}


@pytest.mark.parametrize("copies", [1, 16, 70])
async def test_a_flood_of_copies_neither_hides_the_row_that_said_it_first_nor_is_quoted(
    copies: int,
) -> None:
    told = "It is read each morning by whoever keeps the station, and emptied, and set up again."
    original = ("rain.gauge", f"A rain gauge measures how much water has fallen. {told}")
    flood = [
        (BOB, (f"note.{n}", f"How much water has fallen as rain is w{n} x{n} y{n} z{n}."))
        for n in range(copies)
    ]
    evidence = await evidence_for(rows_by((ADA, original), *flood), RAIN)
    assert quoted(evidence) == [0]
    assert {p.follows.index for p in evidence.passages if p.follows} == {0}


async def test_a_later_row_that_answers_more_of_the_question_is_quoted() -> None:
    rows = rows_by((ADA, WEIR), (BOB, GAUGE))
    evidence = await evidence_for(
        rows, "How much water has fallen, and what raises the level of a river?"
    )
    assert sorted(quoted(evidence)) == [0, 1]
    assert {passage.follows for passage in evidence.passages} == {None}


async def test_a_paraphrase_neither_earns_nor_takes_from_whom_it_copies() -> None:
    retold = ("rain.tube", "Of water which has fallen this rain tube gauges and says how much.")
    own, copied = (
        rows_by((ADA, GAUGE), (BOB, WEIR)),
        rows_by((ADA, GAUGE), (BOB, WEIR), (BOB, retold)),
    )
    paid = []
    for rows in (own, copied):
        kept = [
            CorpusRecord(r.contribution_id, r.contributor, "MIT", n, r.text)
            for n, r in enumerate(rows)
        ]
        corpus = Corpus(1, 1, kept)
        backend = CorpusBackend("pydocs", rows, to_hex(corpus.root))
        _, finish = await ask(backend, request_for(RAIN))
        shares = default_method(corpus).attribute(finish.evidence).shares
        paid.append(
            {share.contribution_id: (share.low, share.parts) for share in shares if share.parts}
        )
    assert paid[0] == paid[1]
    assert paid[0].keys() == {0}


async def test_every_span_of_the_answer_is_a_quotation_of_its_row(
    backend: CorpusBackend, corpus: list[CorpusRow]
) -> None:
    said, finish = await ask(backend, request_for(TWO_QUESTIONS))
    answer = "".join(said)
    cited = [passage for passage in finish.evidence.passages if passage.spans]
    assert len(cited) == 2
    for passage in cited:
        (span,) = passage.spans
        row = corpus[passage.row.index]
        title, quote = answer[span.start_char : span.stop_char].split(": ", 1)
        assert title == row.title
        assert quote in row.text
        assert passage.text_sha256 == text_sha256(row.text)
        assert passage.contributor == row.contributor
        tokens = "".join(said[span.start_token : span.stop_token])
        assert tokens.strip() == answer[span.start_char : span.stop_char].strip()


async def test_it_streams_priced_tokens_one_by_one(backend: CorpusBackend) -> None:
    said, finish = await ask(backend, request_for(QUESTION))
    assert said == pieces("".join(said))
    assert finish.usage.completion_tokens == len(said)
    assert finish.reason == "stop"


async def test_a_quotation_beyond_the_cap_is_neither_sent_nor_credited(
    backend: CorpusBackend,
) -> None:
    _, whole = await ask(backend, request_for(QUESTION))
    said, cut = await ask(backend, request_for(QUESTION, max_tokens=20))
    assert len(said) == 20
    assert cut.reason == "length"
    assert [len(p.spans) for p in cut.evidence.passages].count(1) == 1
    assert cut.evidence.answer_score_micro < whole.evidence.answer_score_micro


async def test_an_answer_ends_before_a_stop_text(backend: CorpusBackend) -> None:
    said, _ = await ask(backend, request_for(QUESTION, stop=["[1]"]))
    assert "[1]" not in "".join(said)
    assert "join" in "".join(said)


async def test_a_question_that_no_row_touches_costs_no_contributor_anything(
    backend: CorpusBackend,
) -> None:
    said, finish = await ask(backend, request_for("Zxqv wvutq?"))
    assert "nothing" in "".join(said)
    assert finish.evidence.passages == ()
    assert finish.evidence.answer_score_micro == 0


async def test_an_exact_copy_adds_nothing_to_an_answer(
    backend: CorpusBackend, corpus: list[CorpusRow]
) -> None:
    said, finish = await ask(backend, request_for(QUESTION))
    best = corpus[finish.evidence.passages[0].row.index]
    copy = CorpusRow(
        row=corpus[-1].row.__class__(1, 1, len(corpus)),
        contribution_id=9_999,
        contributor=corpus[0].contributor,
        title=best.title,
        text=best.text,
    )
    copied = CorpusBackend("pydocs", [*corpus, copy], corpus_root="0x" + "00" * 32)
    again, with_copy = await ask(copied, request_for(QUESTION))
    cited = [p.contribution_id for p in with_copy.evidence.passages if p.spans]
    assert 9_999 not in cited
    assert again == said


def test_a_corpus_without_text_or_with_one_row_twice_is_refused(corpus: list[CorpusRow]) -> None:
    for wrong in ([], [corpus[0], corpus[0]]):
        with pytest.raises(InvalidInputError):
            CorpusBackend("pydocs", wrong, corpus_root="0x")


async def test_a_contributor_with_much_about_one_thing_does_not_hold_up_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        CorpusRow(RowId(1, 1, n), n, ADA, f"rain.{n}", f"Rain gauge {n} measures fallen water.")
        for n in range(300)
    ]
    backend = CorpusBackend("pydocs", rows, corpus_root="0x" + "00" * 32)
    asked = []
    answer = CorpusBackend._answer
    monkeypatch.setattr(
        CorpusBackend, "_answer", lambda *given: asked.append(given) or answer(*given)
    )
    _, finish = await ask(backend, request_for("What measures fallen rain water?"))
    assert len(finish.evidence.ablations) == 1
    assert len(asked) <= 7
    assert len(finish.evidence.passages) <= 96
