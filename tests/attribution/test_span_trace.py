from collections import Counter
from pathlib import Path

import pytest
from attribution.reference_spans import owners, windows
from attribution.test_span_index import ROOT, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.canonical import words
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import SpanTrace
from headwater_attribution.spans.index import (
    SpanIndex,
    empty_index,
    extend_index,
    index_in_memory,
    open_index,
)
from headwater_attribution.spans.trace import trace
from headwater_payments.split import PARTS

TEXT = st.lists(st.sampled_from(["a", "b", "c"]), max_size=30)
ROW = TEXT.map(" ".join)


def index_of(texts: list[str]) -> SpanIndex:
    return index_in_memory(Corpus(1, 1, rows_of(texts)))


def stands(rows: list[list[str]], phrase: list[str]) -> bool:
    return any(tuple(phrase) in windows(row, len(phrase)) for row in rows)


def reference_spans(
    rows: list[list[str]], answer: list[str], apart: list[list[str]]
) -> list[tuple[int, int]]:
    """Every stretch that may earn, less those inside another: tried one by one."""

    def allowed(start: int, stop: int, size: int) -> bool:
        return not any(
            window in windows(text, size)
            for window in windows(answer[start:stop], size)
            for text in apart
        )

    length = len(answer)
    found = [
        (start, stop)
        for start in range(length)
        for stop in range(start + 8, length + 1)
        if stands(rows, answer[start:stop]) and allowed(start, stop, 8)
    ]
    found += [
        (start, start + size)
        for size in (5, 6, 7)
        for start in range(length - size + 1)
        if answer[start : start + size] in rows and allowed(start, start + size, size)
    ]
    return sorted(
        span
        for span in set(found)
        if not any(o != span and o[0] <= span[0] and span[1] <= o[1] for o in found)
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5), TEXT, TEXT, st.lists(TEXT, max_size=2))
def test_spans_are_the_maximal_ones_that_stand_in_a_row(
    texts: list[str], answer: list[str], prompt: list[str], quoted: list[list[str]]
) -> None:
    rows = [words(text) for text in texts]
    traced = trace(
        index_of(texts), " ".join(answer), " ".join(prompt), [" ".join(q) for q in quoted]
    )
    expected = reference_spans(rows, answer, [prompt, *quoted])
    assert [(span.start, span.stop) for span in traced.spans] == expected
    total, count = sum(map(len, rows)), Counter(word for row in rows for word in row)
    for span in traced.spans:
        bits = [(total // max(1, count[w])).bit_length() for w in answer[span.start : span.stop]]
        assert span.surprise == sum(bits)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5), TEXT, TEXT)
def test_without_a_threshold_words_go_where_span_matching_sends_them(
    texts: list[str], answer: list[str], prompt: list[str]
) -> None:
    rows = [words(text) for text in texts]
    found = trace(index_of(texts), " ".join(answer), " ".join(prompt)).owners(rare=0)
    expected = owners(rows, answer, prompt, 8, 0)
    assert found.tolist() == [-1 if owner is None else owner for owner in expected]


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=6), TEXT, st.integers(1, 4), st.integers(0, 3))
def test_it_makes_no_difference_over_which_segments_rows_are_spread(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    answer: list[str],
    versions: int,
    rare: int,
) -> None:
    directory, rows = tmp_path_factory.mktemp("index"), rows_of(texts)
    index = empty_index(1)
    for version in range(1, versions + 1):
        index = extend_index(directory, index, version, ROOT, rows[version - 1 :: versions])
    opened = open_index(directory, 1, versions)
    whole, spread = (trace(each, " ".join(answer)) for each in (index_of(texts), opened))
    assert whole.owners(rare).tolist() == spread.owners(rare).tolist()
    assert whole.credits(rare) == spread.credits(rare)
    assert set(whole.spans) == set(spread.spans)


def test_a_quoting_row_earns_for_what_it_adds_inside_one_span() -> None:
    old = "a heap is a tree whose parents never exceed their children"
    new = "which makes the smallest of all items the root"
    index = index_of([old, f"{old} {new}"])
    traced = trace(index, f"{old} {new}", prompt="", quoted=())
    assert [(span.start, span.stop) for span in traced.rare_spans(0)] == [(0, 20)]
    first, second = traced.credits(rare=0)
    assert (first.start, first.stop, first.row.sequence) == (0, 11, 0)
    assert (second.start, second.stop, second.row.sequence) == (11, 20, 1)


def test_a_phrase_of_common_words_is_not_rare() -> None:
    common = ["on and on and on and on and" for _ in range(40)]
    rare = ["quartz sphinx judges my vow while nine jackdaws quickly fly past black boxes"]
    index = index_of([*common, *rare])
    assert trace(index, common[0]).rare_spans() == ()
    (span,) = trace(index, rare[0]).rare_spans()
    assert (span.start, span.stop) == (0, 13)


def test_what_the_prompt_or_a_licence_brought_earns_nothing() -> None:
    text = "every list has a method that sorts its items in place and returns nothing"
    index = index_of([text])
    assert trace(index, text).credits(0)
    assert not trace(index, text, prompt=f"Explain: {text.upper()}").spans
    assert not trace(index, text, quoted=("unrelated", text)).spans


def test_an_empty_index_and_an_empty_answer_have_no_spans() -> None:
    assert trace(empty_index(1), "some answer").credits() == ()
    assert trace(index_of(["some row"]), "").credits() == ()


def evidence_for(corpus: Corpus, answer: str) -> Evidence:
    return Evidence("by-hand/1", "0x" + corpus.root.hex(), "", answer, 0)


def test_one_row_earns_no_more_than_the_cap_and_nobody_gets_the_rest() -> None:
    text = "every list has a method that sorts its items in place and returns nothing"
    corpus = Corpus(1, 1, rows_of([text, "quite another row about nothing of the sort at all"]))
    (share,) = (
        SpanTrace(corpus, rare=0, row_cap=PARTS // 4).attribute(evidence_for(corpus, text)).shares
    )
    assert (share.parts, share.high) == (PARTS // 4, PARTS // 4)
    (whole,) = SpanTrace(corpus, rare=0, row_cap=PARTS).attribute(evidence_for(corpus, text)).shares
    assert whole.parts == PARTS


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5), TEXT, st.integers(-1, 4), st.integers(-1, 4))
def test_shares_are_the_credited_words(
    texts: list[str], answer: list[str], rare: int, sure: int
) -> None:
    corpus = Corpus(1, 1, rows_of(texts))
    method = SpanTrace(corpus, rare=rare, sure=sure, row_cap=PARTS)
    shares = method.attribute(evidence_for(corpus, " ".join(answer))).shares
    traced = trace(index_in_memory(corpus), " ".join(answer))
    for end, multiple in (("parts", rare), ("high", 0)):
        words_of = Counter(owner for owner in traced.owners(multiple).tolist() if owner >= 0)
        for share in shares:
            credited = words_of[share.contribution_id // 7] * PARTS // len(answer)
            assert getattr(share, end) >= credited
            assert share.low <= share.parts <= share.high
    assert not answer or sum(share.parts for share in shares) <= PARTS


def test_an_index_in_files_gives_the_shares_of_one_in_memory(tmp_path: Path) -> None:
    texts = [f"row {i} holds {' '.join(f'w{i * j}' for j in range(20))}" for i in range(9)]
    corpus = Corpus(1, 1, rows_of(texts))
    root = "0x" + corpus.root.hex()
    index = extend_index(tmp_path, empty_index(1), 1, root, corpus.rows, segment_bytes=300)
    answer = " ".join(texts[2:5])
    in_files = SpanTrace(corpus).over(index).attribute(evidence_for(corpus, answer))
    assert in_files == SpanTrace(corpus).attribute(evidence_for(corpus, answer))
    assert len(in_files.shares) == 3
    with pytest.raises(EvidenceMismatchError):
        SpanTrace(Corpus(1, 1, corpus.rows[:5])).over(index)
