"""Ranking forgets a removed row entirely and sees through keyword lists."""

from hypothesis import given
from hypothesis import strategies as st

from headwater_models.bm25 import Bm25Index
from headwater_models.questions import held_out_questions
from headwater_models.stdlib_corpus import DocRow

WORDS = ["path", "join", "read", "file", "the", "of", "is", "queue", "lock"]
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@given(st.lists(texts, min_size=2, max_size=7), st.data(), texts)
def test_leaving_rows_out_equals_an_index_built_without_them(
    rows: list[str], data: st.DataObject, query: str
) -> None:
    gone = data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=len(rows)))
    kept = [position for position in range(len(rows)) if position not in gone]
    whole = Bm25Index([("t", text) for text in rows])
    rebuilt = Bm25Index([("t", rows[position]) for position in kept])
    left = whole.search(query, top=10, without=gone)
    expected = rebuilt.search(query, top=10)
    assert [(hit.position, hit.score_micro) for hit in left] == [
        (kept[hit.position], hit.score_micro) for hit in expected
    ]


def test_a_row_that_shares_no_term_is_never_found() -> None:
    index = Bm25Index([("a", "Join the paths."), ("b", "Lock a queue.")])
    assert [hit.position for hit in index.search("joining of paths", top=5)] == [0]
    assert index.search("the of is", top=5) == []


def test_equal_rows_rank_in_the_order_they_came() -> None:
    index = Bm25Index([("a", "Join the paths.")] * 3)
    assert [hit.position for hit in index.search("join", top=3)] == [0, 1, 2]


def test_neighbouring_words_count_more_than_scattered_ones() -> None:
    apart = "The queue is read and then a lock is made of it, and a file."
    together = "The file lock is made and then a queue of it, and is read."
    index = Bm25Index([("a", apart), ("b", together)])
    assert index.search("file lock", top=1)[0].position == 1


def test_a_keyword_list_does_not_outrank_the_row_that_says_it(doc_rows: list[DocRow]) -> None:
    rows = [(row.title, row.text) for row in doc_rows]
    questions = held_out_questions(rows, count=50, seed=7)
    honest = Bm25Index(rows)
    found = sum(honest.search(q.text, 1)[0].position == q.answer_position for q in questions)
    popular = "path file name string value object return module function class method argument"
    stuffing = [("python.help", f"{popular} {row.title} {popular}") for row in doc_rows[:100]]
    stuffed = Bm25Index([*rows, *stuffing])
    still = sum(stuffed.search(q.text, 1)[0].position == q.answer_position for q in questions)
    assert still >= found - 1
