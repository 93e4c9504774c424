"""Questions are drawn by seed, share no phrase with their row, and can be answered."""

from headwater_models.bm25 import Bm25Index
from headwater_models.questions import held_out_questions
from headwater_models.stdlib_corpus import DocRow
from headwater_models.terms import plain_words


def _runs(words: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def _rows(doc_rows: list[DocRow]) -> list[tuple[str, str]]:
    return [(row.title, row.text) for row in doc_rows]


def test_one_seed_gives_one_list_and_another_seed_another(doc_rows: list[DocRow]) -> None:
    rows = _rows(doc_rows)
    assert held_out_questions(rows, 20, seed=1) == held_out_questions(rows, 20, seed=1)
    assert held_out_questions(rows, 20, seed=1) != held_out_questions(rows, 20, seed=2)


def test_a_question_never_holds_the_title_and_forgets_half_of_its_row(
    doc_rows: list[DocRow],
) -> None:
    rows = _rows(doc_rows)
    questions = held_out_questions(rows, 200, seed=3)
    assert len({question.answer_position for question in questions}) == 200
    for question in questions:
        title, text = rows[question.answer_position]
        asked = plain_words(question.text)
        assert title.casefold() not in question.text.casefold() or "." not in title
        assert not _runs(asked, 4) & _runs(plain_words(text), 4)
    mean_overlap = sum(question.overlap for question in questions) / len(questions)
    assert 0.3 < mean_overlap < 0.6


def test_the_right_row_comes_first_for_at_least_four_questions_in_five(
    doc_rows: list[DocRow],
) -> None:
    rows = _rows(doc_rows)
    index = Bm25Index(rows)
    for seed in range(4):
        questions = held_out_questions(rows, 50, seed)
        right = sum(index.search(q.text, 1)[0].position == q.answer_position for q in questions)
        assert right >= 40, f"seed {seed}: {right} of 50"


def test_rows_without_one_right_answer_are_not_asked_about() -> None:
    text = "Wait until every worker thread has finished the queued tasks and released its lock."
    rows = [("a", text), ("b", text + " Twice."), ("c", "Short.")]
    assert held_out_questions(rows, 5, seed=1) == []
    assert len(held_out_questions(rows[1:], 5, seed=1)) == 1
