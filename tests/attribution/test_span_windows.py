import itertools
import random
import re
from collections.abc import Sequence
from dataclasses import replace

from attribution.reference_spans import reference_span_match
from attribution.small_epoch import owner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater_attribution.canonical import canonical_text, word_bytes, words
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import SpanMatch
from headwater_attribution.spans.text import row_text, rows_with_word
from headwater_attribution.spans.windows import (
    NOWHERE,
    Query,
    earliest_windows,
    window_tables,
)
from headwater_payments.split import PARTS

WORDS = [f"w{i}" for i in range(4)] + ["é", "и"]
ROWS = st.lists(st.lists(st.sampled_from(WORDS), max_size=24).map(" ".join), min_size=1, max_size=6)
ANSWER = st.lists(st.sampled_from(WORDS), max_size=40)


def corpus_of(texts: Sequence[str]) -> Corpus:
    rows = (CorpusRow(i, owner(i), "MIT", i, text) for i, text in enumerate(texts))
    return Corpus(1, 1, rows)


@given(st.text())
@example("a\x1cb\x00c_D\x85é\u00a0f\u2028g\x0b\x7fh İ ﬁ\u0301")
def test_words_are_those_of_the_canonical_text(text: str) -> None:
    assert words(text) == re.findall(r"[^\W_]+", canonical_text(text))
    assert [word.decode() for word in word_bytes(text)] == words(text)


@given(ROWS)
def test_a_text_knows_where_its_rows_and_words_stand(texts: list[str]) -> None:
    rows = row_text(texts)
    lines = rows.text.decode().split("\n")
    assert lines == [" ".join(words(text)) for text in texts] + [""]
    starts = [0, *itertools.accumulate(len(line.encode()) + 1 for line in lines[:-1])]
    assert rows.row_starts.tolist() == starts[: len(texts)]
    for start, number in zip(rows.word_starts.tolist(), rows.word_numbers.tolist(), strict=True):
        word = rows.vocabulary[number]
        assert rows.text[start : start + len(word)] == word
        assert start == 0 or rows.text[start - 1] in b" \n"
    counted = [sum(word.decode() in words(text) for text in texts) for word in rows.vocabulary]
    assert rows_with_word(rows).tolist() == counted


@settings(max_examples=200)
@given(ROWS, ANSWER, ANSWER, st.integers(-1, 12), st.integers(0, 3), st.integers(0, 3))
def test_span_matching_agrees_with_its_definition(
    texts: list[str], answer: list[str], prompt: list[str], window: int, rare: int, sure: int
) -> None:
    corpus = corpus_of(texts)
    evidence = Evidence(
        "by-hand/1", "0x" + corpus.root.hex(), " ".join(prompt), " ".join(answer), 0
    )
    method = SpanMatch(corpus, window=window, rare=rare, sure=sure)
    assert method.attribute(evidence) == reference_span_match(
        corpus, evidence, window=window, rare=rare, sure=sure
    )


def test_the_first_place_of_every_window_is_found_among_many() -> None:
    draw = random.Random(1)
    texts = [" ".join(f"w{draw.randrange(50)}" for _ in range(900)) for _ in range(10)]
    texts += [texts[0][:300], "quite " + texts[5]]
    rows = row_text(texts)
    tables = window_tables(rows, 8)
    assert len(tables[8].hashes) > 8_000
    for text in (*texts, "none of these words stands in any of the rows"):
        query = Query(word_bytes(text))
        found = earliest_windows(memoryview(rows.text), tables, query, 8).tolist()
        for start, place in enumerate(found):
            phrase = b" " + query.phrase(start, start + 8) + b" "
            assert place == (b" " + rows.text.replace(b"\n", b" ")).find(phrase)


def test_a_collision_of_hashes_is_never_a_match() -> None:
    rows = row_text(["a b c d e f g h i", "k l m n o p q r s"])
    table = window_tables(rows, 8)[8]
    forged = replace(table, firsts=table.firsts[::-1].copy())
    for answer in (["a b c d e f g h i"], ["k l m n o p q r s"]):
        query = Query(word_bytes(answer[0]))
        true = earliest_windows(memoryview(rows.text), {8: table}, query, 8)
        assert (true != NOWHERE).all()
        assert (earliest_windows(memoryview(rows.text), {8: forged}, query, 8) == NOWHERE).all()


def test_a_window_stands_at_whole_words_of_one_row_only() -> None:
    corpus = corpus_of(["one two three four five six seven", "eight nine ten"])
    for answer, matched in (
        ("one two three four five six seven eight", 7),
        ("one two three four five six seve", 0),
        ("ne two three four five six seven", 0),
        ("", 0),
    ):
        evidence = Evidence("by-hand/1", "0x" + corpus.root.hex(), "", answer, 0)
        shares = SpanMatch(corpus, rare=0, sure=0).attribute(evidence).shares
        assert sum(share.parts for share in shares) == matched * PARTS // 8
