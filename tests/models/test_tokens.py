"""Tokens are counted from the text alone and lose nothing of it."""

from hypothesis import given
from hypothesis import strategies as st

from headwater_models.tokens import MAX_PIECE_CHARS, count_tokens, pieces


@given(st.text())
def test_the_pieces_of_a_text_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text(), st.text())
def test_splitting_a_text_never_makes_it_cheaper(left: str, right: str) -> None:
    assert count_tokens(left + right) <= count_tokens(left) + count_tokens(right)


def test_words_numbers_and_marks_count_one_each() -> None:
    assert pieces("Use os.path, 3 times!\n") == [
        "Use", " os", ".", "path", ",", " 3", " times", "!", "\n",
    ]  # fmt: skip


def test_a_glued_run_costs_more_than_one_token() -> None:
    assert count_tokens("x" * (3 * MAX_PIECE_CHARS)) == 3
    assert count_tokens("") == 0
