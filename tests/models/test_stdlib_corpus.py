"""The corpus is real, large enough, and the same every time."""

import subprocess
import sys
from collections import Counter

import pytest

from headwater_models.stdlib_corpus import (
    EXCLUDED,
    MAX_CHARS,
    MIN_CHARS,
    DocRow,
    paragraphs,
    standard_library_rows,
)


def test_at_least_sixty_modules_give_at_least_fifteen_hundred_rows(doc_rows: list[DocRow]) -> None:
    per_module = Counter(row.module for row in doc_rows)
    assert len(per_module) >= 60
    assert len(doc_rows) >= 1_500
    assert max(per_module.values()) == 25


def test_the_rows_come_out_the_same_in_the_same_order(doc_rows: list[DocRow]) -> None:
    assert standard_library_rows(max_rows_per_module=25) == doc_rows


def test_the_rows_are_the_same_where_a_program_has_hooks_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = standard_library_rows()
    assert any(row.title == "sys.excepthook" for row in before)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(sys, "displayhook", lambda _: None)
    assert standard_library_rows() == before


def test_every_row_is_a_titled_paragraph_of_its_module(doc_rows: list[DocRow]) -> None:
    for row in doc_rows:
        assert row.title == row.module or row.title.startswith(row.module + ".")
        assert MIN_CHARS <= len(row.text) <= MAX_CHARS
        assert row.text == " ".join(row.text.split())
        assert ">>>" not in row.text


def test_modules_with_side_effects_are_left_out(doc_rows: list[DocRow]) -> None:
    assert EXCLUDED.isdisjoint(row.module for row in doc_rows)


def test_building_the_corpus_imports_no_python_module_it_documents() -> None:
    code = (
        "import sys; from headwater_models.stdlib_corpus import standard_library_rows as rows;"
        "before = set(sys.modules); found = {row.module for row in rows()};"
        "new = set(sys.modules) - before;"
        "print(len(found), sorted(new & {'pdb', 'smtplib', 'poplib'}))"
    )
    path = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path}
    )
    count, imported = done.stdout.split(maxsplit=1)
    assert int(count) > 60, done.stderr
    assert imported.strip() == "[]"


def test_both_python_sources_and_c_modules_are_documented(doc_rows: list[DocRow]) -> None:
    titles = {row.title for row in doc_rows}
    assert any(title.startswith("itertools.") for title in titles)
    assert "textwrap.dedent" in titles


def test_long_paragraphs_are_cut_at_a_sentence_and_examples_dropped() -> None:
    sentence = "This sentence is exactly as long as it happens to be."
    docstring = f"{' '.join([sentence] * 20)}\n\n>>> print(1)\n1\n\n=====\n| + | + |\n\nToo short."
    (only,) = paragraphs(docstring)
    assert len(only) <= MAX_CHARS
    assert only.endswith(sentence)
