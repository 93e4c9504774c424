"""What is compiled to build large segments finds what the plain steps find."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.spans import compiled
from headwater_attribution.spans.suffixes import suffix_array
from headwater_attribution.spans.text import RowText, join_rows
from headwater_attribution.spans.windows import WindowTable, window_tables
from headwater_payments.errors import InvalidInputError

WORD = st.sampled_from([b"a", b"ab", b"abc", b"b", "é".encode(), "и".encode()])
FEW_WORDS = st.lists(WORD, max_size=24)
SPACES = st.sampled_from([b" ", b"  "])
ROWS = st.lists(st.tuples(SPACES, FEW_WORDS).map(lambda each: each[0].join(each[1])), max_size=8)
REPEATING = st.tuples(st.integers(1, 60), st.integers(1, 6)).map(
    lambda shape: [b"a b a " * shape[0]] * shape[1] + [b" ", b"b" * shape[0]]
)
ARRAYS = ("row_starts", "row_words", "word_starts", "word_numbers", "word_counts")


def assert_same_table(one: WindowTable, other: WindowTable) -> None:
    for each in fields(WindowTable):
        assert getattr(one, each.name).tolist() == getattr(other, each.name).tolist()


def assert_same_text(one: RowText, other: RowText) -> None:
    assert (one.text, one.vocabulary) == (other.text, other.vocabulary)
    for name in ARRAYS:
        assert getattr(one, name).dtype == getattr(other, name).dtype == np.uint32
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


@settings(max_examples=150, deadline=None)
@given(ROWS | REPEATING)
def test_large_segments_are_built_of_the_same_arrays_as_small_ones(rows: list[bytes]) -> None:
    plain, large = join_rows(rows, compiled=False), join_rows(rows, compiled=True)
    assert_same_text(plain, large)
    plain_order = suffix_array(plain, compiled=False)
    assert suffix_array(plain, compiled=True).tolist() == plain_order.tolist()
    for size in (1, 8):
        one = window_tables(plain, size, compiled=False)
        other = window_tables(plain, size, compiled=True)
        assert one.keys() == other.keys()
        for each in one:
            assert_same_table(one[each], other[each])


def test_many_words_and_long_repetitions_are_ordered_alike() -> None:
    draw = np.random.default_rng(1)
    words = [b"w%d" % number for number in draw.zipf(1.3, 30_000) % 80_000]
    words[20_000:22_000] = words[3_000:5_000]
    words[25_000:] = [b"same"] * 5_000
    rows = [b" ".join(words[start : start + 700]) for start in range(0, len(words), 700)]
    rows += [b"word%d" % each for each in range(40_000)]  # more than the first table of slots
    plain, large = join_rows(rows, compiled=False), join_rows(rows, compiled=True)
    assert_same_text(plain, large)
    order = suffix_array(large, compiled=True)
    assert np.array_equal(order, suffix_array(plain, compiled=False))
    assert_same_table(
        window_tables(plain, 8, compiled=False)[8], window_tables(large, 8, compiled=True)[8]
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 3))
def test_windows_whose_hashes_begin_alike_are_told_apart(ends: list[int], beginnings: int) -> None:
    high = [each % (beginnings + 1) for each in range(len(ends))]
    hashes = np.array([(h << 40) | e for h, e in zip(high, ends, strict=True)], dtype=np.uint64)
    places = np.arange(len(ends), dtype=np.uint64)
    keys = np.sort((hashes >> np.uint64(32) << np.uint64(32)) | places)
    kept = (hashes & np.uint64(2**32 - 1)).astype(np.uint32)
    starts, firsts = 7 * np.arange(len(ends), dtype=np.uint32), np.empty(len(ends), np.uint32)
    found = compiled.distinct_windows(keys, 32, kept, starts, keys, firsts)
    distinct, first = np.unique(hashes, return_index=True)
    assert keys[:found].tolist() == distinct.tolist()
    assert firsts[:found].tolist() == (7 * first).tolist()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=200))
@settings(deadline=None)
def test_long_groups_are_sorted(keys: list[int]) -> None:
    found = np.array(keys, dtype=np.uint64)
    compiled.heap_sort(found, len(found))
    assert found.tolist() == sorted(keys)


def test_a_text_too_long_for_its_positions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater_attribution.spans.text.MAX_BYTES", 8)
    with pytest.raises(InvalidInputError, match="divide the rows"):
        join_rows([b"one two", b"three"], compiled=True)
