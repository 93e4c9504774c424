from collections.abc import Callable
from dataclasses import replace

import pytest
from attribution.reference_backend import answer
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.canonical import words
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.errors import EvidenceMismatchError, UnknownMethodError
from headwater_attribution.evidence import (
    AnswerSpan,
    Evidence,
    RetrievedPassage,
    RowId,
    text_sha256,
)
from headwater_attribution.methods import (
    AttributionMethod,
    Combined,
    RetrievalLeaveOneOut,
    SpanMatch,
    SpanTrace,
    default_method,
    method_from,
)
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

METHODS: list[Callable[[Corpus], AttributionMethod]] = [
    RetrievalLeaveOneOut,
    SpanMatch,
    SpanTrace,
    default_method,
]
TOPICS = ["heap", "queue", "socket", "thread", "decimal", "path"]
TEXTS = [
    f"The {t} keeps its {t}alpha and {t}beta entries sorted while {t}gamma pushes {t}delta items."
    for t in TOPICS
]


def owner(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


def corpus_of(texts: list[str], contributions: list[int] | None = None) -> Corpus:
    numbers = contributions or list(range(len(texts)))
    return Corpus(
        1,
        1,
        [
            CorpusRow(number, owner(number), "MIT", sequence, text)
            for sequence, (text, number) in enumerate(zip(texts, numbers, strict=True))
        ],
    )


def parts(attribution: Attribution) -> dict[int, int]:
    return {share.contribution_id: share.parts for share in attribution.shares if share.parts}


def prompt_for(topics: list[str]) -> str:
    return " ".join(f"{t}alpha {t}beta {t}gamma {t}delta" for t in topics)


@pytest.mark.parametrize("method", METHODS)
def test_the_rows_that_are_quoted_are_credited_and_no_others(
    method: Callable[[Corpus], AttributionMethod],
) -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue", "path"]))
    credited = parts(method(corpus).attribute(evidence))
    assert set(credited) == {1, 5}
    assert sum(credited.values()) <= PARTS
    assert min(credited.values()) >= PARTS // 4


def test_leave_one_out_credits_the_drop_over_the_full_score() -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue"]) + " heapalpha heapbeta socketalpha")
    scores = {p.row.index: p.score_micro for p in evidence.passages}
    assert scores == {1: 4_000_000, 0: 2_000_000}
    assert [a.answer_score_micro for a in evidence.ablations] == [5_000_000, 3_000_000]
    shares = RetrievalLeaveOneOut(corpus).attribute(evidence)
    assert parts(shares) == {1: 3 * PARTS // 6, 0: PARTS // 6}
    assert shares.unattributed == PARTS - 3 * PARTS // 6 - PARTS // 6
    assert [share.high for share in shares.shares] == [2 * PARTS // 6, 4 * PARTS // 6]


def test_a_passage_that_was_retrieved_but_not_needed_earns_nothing() -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue"]))
    idle = replace(
        evidence,
        ablations=tuple(
            replace(each, answer_score_micro=evidence.answer_score_micro)
            for each in evidence.ablations
        ),
    )
    result = RetrievalLeaveOneOut(corpus).attribute(idle)
    assert parts(result) == {}
    assert result.unattributed == PARTS


@pytest.mark.parametrize("method", METHODS)
def test_text_that_is_quoted_under_its_own_licence_earns_nothing(
    method: Callable[[Corpus], AttributionMethod],
) -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue", "path"]))
    quoting = replace(evidence, quoted=("Nobody's.", "As they say: " + TEXTS[1]))
    paid = parts(method(corpus).attribute(evidence))
    left = parts(method(corpus).attribute(quoting))
    assert paid[1] > 0
    assert left.get(1, 0) == 0
    assert left[5] == paid[5] > 0
    assert quoting.commitment() != evidence.commitment()


@pytest.mark.parametrize("method", METHODS)
def test_text_that_the_prompt_brought_earns_nothing(
    method: Callable[[Corpus], AttributionMethod],
) -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, TEXTS[1] + " " + prompt_for(["path"]))
    assert 1 in {passage.row.index for passage in evidence.passages}
    assert set(parts(method(corpus).attribute(evidence))) == {5}


@pytest.mark.parametrize("method", METHODS)
def test_nothing_observed_is_nothing_credited(
    method: Callable[[Corpus], AttributionMethod],
) -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, "zebra")
    assert method(corpus).attribute(evidence).unattributed == PARTS


def test_a_later_author_earns_for_the_new_words_only() -> None:
    new = (
        "Since every zebraalpha migrates with its zebrabeta herd the zebragamma owner counts steps."
    )
    corpus = corpus_of([*TEXTS, TEXTS[1] + " " + new])
    evidence = replace(answer(corpus, "zebra"), answer=TEXTS[1] + " " + new)
    credited = parts(SpanMatch(corpus).attribute(evidence))
    old_words, all_words = len(words(TEXTS[1])), len(words(TEXTS[1] + new))
    assert credited[1] == old_words * PARTS // all_words
    assert 0 < credited[6] <= (all_words - old_words) * PARTS // all_words


def test_the_lowest_and_the_highest_span_credit_enclose_the_estimate() -> None:
    corpus = corpus_of(TEXTS)
    shares = SpanMatch(corpus, rare=2, sure=9).attribute(answer(corpus, prompt_for(["queue"])))
    assert any(share.low < share.parts for share in shares.shares)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(TOPICS), min_size=1, max_size=2, unique=True),
    st.lists(st.integers(0, 9), min_size=len(TEXTS), max_size=len(TEXTS)),
)
def test_splitting_a_contribution_over_identities_changes_nothing(
    asked: list[str], identity: list[int]
) -> None:
    whole = corpus_of(TEXTS, [0] * len(TEXTS))
    split = corpus_of(TEXTS, identity)
    for method in METHODS:
        together = parts(method(whole).attribute(answer(whole, prompt_for(asked))))
        apart = parts(method(split).attribute(answer(split, prompt_for(asked))))
        assert together.get(0, 0) - len(TEXTS) <= sum(apart.values()) <= together.get(0, 0)
        assert together.get(0, 0) > PARTS // 4


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(TOPICS), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=8),
    st.sampled_from([str.upper, lambda t: t.replace("e", "\u0435"), lambda t: t + " indeed"]),
)
def test_copies_earn_nothing_and_take_nothing(
    asked: list[str], copied: list[int], disguise: Callable[[str], str]
) -> None:
    original = corpus_of(TEXTS)
    texts = [*TEXTS, *(disguise(TEXTS[i]) for i in copied)]
    cloned = corpus_of(texts, [*range(len(TEXTS)), *[99] * len(copied)])
    for method in METHODS:
        before = parts(method(original).attribute(answer(original, prompt_for(asked))))
        after = parts(method(cloned).attribute(answer(cloned, prompt_for(asked))))
        assert after.pop(99, 0) <= sum(before.values()) // 20
        assert after.keys() == before.keys()
        assert all(after[key] >= before[key] * 9 // 10 for key in before)


def test_a_copy_earns_nothing_from_a_backend_that_ablates_row_by_row() -> None:
    corpus = corpus_of([*TEXTS, TEXTS[1].upper()])
    evidence = answer(corpus, prompt_for(["queue"]), by_star=False)
    assert {passage.row.index for passage in evidence.passages} == {1, 6}
    for method in METHODS:
        assert 6 not in parts(method(corpus).attribute(evidence))


@pytest.mark.parametrize("method", METHODS)
def test_what_follows_an_earlier_row_counts_as_that_row(
    method: Callable[[Corpus], AttributionMethod],
) -> None:
    corpus = corpus_of(
        [*TEXTS, "Its queuealpha entry is what a queue pushes when asked to do so once."]
    )
    stated = answer(corpus, "Tell me about queuealpha pushes when asked")
    best = stated.passages[0]
    assert best.row.index == len(TEXTS)
    best = replace(best, spans=(AnswerSpan(0, 1, 0, 1),))
    stated = replace(stated, passages=(best, *stated.passages[1:]))
    alone = parts(method(corpus).attribute(stated))
    assert alone[len(TEXTS)] > 0
    following = replace(
        stated, passages=(replace(best, follows=corpus.row_id(1)), *stated.passages[1:])
    )
    credited = parts(method(corpus).attribute(following))
    assert len(TEXTS) not in credited
    assert credited[1] >= alone[len(TEXTS)]


def test_words_of_a_row_that_is_not_quoted_stay_with_who_wrote_them() -> None:
    copied = "The glacier map was drawn by hand with brown ink on thick linen paper"
    corpus = corpus_of([*TEXTS, copied, f"Sliding is set by melting at the bed. {copied} too."])
    leader, holder, quoting = (corpus.row_id(n) for n in (0, len(TEXTS), len(TEXTS) + 1))
    row = corpus.rows[quoting.index]
    cited = [
        RetrievedPassage(
            each,
            corpus.row(each).contribution_id,
            corpus.row(each).contributor,
            1_000_000,
            text_sha256(corpus.row(each).text),
            (AnswerSpan(0, 1, 0, 1),) if each == quoting else (),
            leader if each == holder else None,
        )
        for each in (quoting, holder)
    ]
    stated = Evidence(
        "plain/1", "0x" + corpus.root.hex(), "What sets sliding?", row.text, 1_000_000, tuple(cited)
    )
    for method in (SpanMatch(corpus), SpanTrace(corpus)):
        credited = parts(method.attribute(stated))
        assert leader.index not in credited
        assert credited[holder.index] > PARTS // 4


def test_stars_do_not_carry_likeness_on() -> None:
    def words_from(start: int) -> str:
        return " ".join(f"term{i}" for i in range(start, start + 20))

    corpus = corpus_of([words_from(0), words_from(5), words_from(10), words_from(15)])
    assert star_centres(corpus) == (0, 0, 2, 2)


def cited(row: RowId, follows: RowId) -> RetrievedPassage:
    """A row of the corpus of all texts that is said to follow another."""
    text = TEXTS[row.index]
    return RetrievedPassage(row, row.index, owner(row.index), 1, text_sha256(text), follows=follows)


@pytest.mark.parametrize(
    "forge",
    [
        lambda e: replace(e, corpus_root="0x" + "00" * 32),
        lambda e: replace(e, passages=(replace(e.passages[0], contributor=owner(9)),)),
        lambda e: replace(e, passages=(replace(e.passages[0], contribution_id=9),)),
        lambda e: replace(e, passages=(replace(e.passages[0], follows=e.passages[0].row),)),
        lambda e: replace(
            e,
            ablations=(),
            passages=(
                cited(replace(e.passages[0].row, index=2), replace(e.passages[0].row, index=1)),
                cited(replace(e.passages[0].row, index=1), replace(e.passages[0].row, index=0)),
            ),
        ),
        lambda e: replace(
            e,
            passages=(
                replace(e.passages[0], follows=replace(e.passages[0].row, version=2, index=0)),
            ),
        ),
        lambda e: replace(e, passages=(replace(e.passages[0], text_sha256="0x" + "00" * 32),)),
        lambda e: replace(
            e,
            ablations=(),
            passages=(replace(e.passages[0], row=replace(e.passages[0].row, index=6)),),
        ),
        lambda e: replace(
            e,
            ablations=(),
            passages=(replace(e.passages[0], row=replace(e.passages[0].row, version=2)),),
        ),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_evidence_that_contradicts_the_corpus_is_refused(
    method: Callable[[Corpus], AttributionMethod], forge: Callable[[Evidence], Evidence]
) -> None:
    corpus = corpus_of(TEXTS)
    evidence = replace(answer(corpus, prompt_for(["queue"])), ablations=())
    with pytest.raises(EvidenceMismatchError):
        method(corpus).attribute(forge(evidence))


def test_a_combination_means_estimates_and_spans_disagreement() -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue"]) + " heapalpha")
    one, two = RetrievalLeaveOneOut(corpus), SpanMatch(corpus)
    left = {s.contribution_id: s for s in one.attribute(evidence).shares}
    right = {s.contribution_id: s for s in two.attribute(evidence).shares}
    for share in Combined((one, two), (3, 1)).attribute(evidence).shares:
        a, b = left[share.contribution_id], right[share.contribution_id]
        assert share.parts == (3 * a.parts + b.parts) // 4
        assert (share.low, share.high) == (min(a.low, b.low), max(a.high, b.high))


def test_a_method_is_found_again_by_what_a_receipt_says() -> None:
    corpus = corpus_of(TEXTS)
    evidence = answer(corpus, prompt_for(["queue", "heap"]))
    for make in METHODS:
        method = make(corpus)
        again = method_from(method.method_id, method.parameters, corpus)
        assert again.parameters == method.parameters
        assert again.attribute(evidence) == method.attribute(evidence)


def test_an_unknown_method_or_parameter_is_named() -> None:
    corpus = corpus_of(TEXTS)
    with pytest.raises(UnknownMethodError, match="astrology/1"):
        method_from("astrology/1", {}, corpus)
    with pytest.raises(UnknownMethodError, match="moon"):
        method_from("span-match/2", {"moon": 1}, corpus)
    with pytest.raises(InvalidInputError):
        Combined((SpanMatch(corpus), SpanMatch(corpus)), (1, 1))


def test_shares_over_the_whole_or_twice_are_refused() -> None:
    half = Share(1, owner(1), PARTS // 2, 0, PARTS)
    with pytest.raises(InvalidInputError):
        Attribution((half, half))
    with pytest.raises(InvalidInputError):
        attribution_of([half, replace(half, contribution_id=2, parts=PARTS)])
    with pytest.raises(InvalidInputError):
        replace(half, low=PARTS)
