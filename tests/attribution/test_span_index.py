import random
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from attribution.small_epoch import owner
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.canonical import words
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.errors import AttributionError, DamagedIndexError
from headwater_attribution.spans.index import (
    FAN_OUT,
    SpanIndex,
    empty_index,
    extend_index,
    index_in_memory,
    open_index,
)
from headwater_attribution.spans.suffixes import Suffixes, suffix_array
from headwater_attribution.spans.text import row_text
from headwater_payments.errors import InvalidInputError

WORDS = ["a", "ab", "abc", "b", "é", "и"]
PHRASE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
ROWS = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=9)
ROOT = "0x" + "00" * 32


def rows_of(texts: Sequence[str], start: int = 0) -> list[CorpusRow]:
    return [CorpusRow(7 * i, owner(i), "MIT", i, text) for i, text in enumerate(texts, start=start)]


def stands(text: str, phrase: list[str]) -> int:
    found = words(text)
    return sum(found[i : i + len(phrase)] == phrase for i in range(len(found)))


def folded(phrase: list[str]) -> list[str]:
    return words(" ".join(phrase))


def key(phrase: list[str]) -> list[bytes]:
    return [word.encode() for word in folded(phrase)]


def some_index(directory: Path, parts: int = 3) -> SpanIndex:
    draw = random.Random(1)
    index = empty_index(1)
    for version in range(1, parts + 1):
        texts = [" ".join(f"w{draw.randrange(40)}" for _ in range(60)) for _ in range(5)]
        index = extend_index(directory, index, version, ROOT, rows_of(texts, 5 * version))
    return index


@given(ROWS)
def test_suffixes_stand_in_the_byte_order_of_the_text(texts: list[str]) -> None:
    rows = row_text(texts)
    order = suffix_array(rows).tolist()
    assert order == sorted(rows.word_starts.tolist(), key=lambda start: rows.text[start:])


@given(ROWS, PHRASE)
def test_the_longest_beginning_that_stands_in_the_text_is_found(
    texts: list[str], phrase: list[str]
) -> None:
    rows = row_text(texts)
    wanted = b" ".join(key(phrase)) + b" "
    length, place = Suffixes(memoryview(rows.text), suffix_array(rows)).longest(wanted)
    starts = rows.word_starts.tolist()
    best = max((sum(1 for _ in _common(wanted, rows.text[start:])) for start in starts), default=0)
    assert length == best
    assert rows.text[place : place + length] == wanted[:length]


def _common(one: bytes, other: bytes) -> list[int]:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return list(range(length))


@settings(max_examples=60, deadline=None)
@given(ROWS, PHRASE, st.lists(st.integers(0, 8), max_size=3), st.integers(1, 3))
def test_counts_and_first_committers_are_those_of_the_rows_in_the_version(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    phrase: list[str],
    dropped: list[int],
    versions: int,
) -> None:
    directory = tmp_path_factory.mktemp("index")
    index, rows = empty_index(1), rows_of(texts)
    for version in range(1, versions + 1):
        part = rows[version - 1 :: versions]
        index = extend_index(directory, index, version, ROOT, part, segment_bytes=40)
    index = extend_index(directory, index, versions + 1, ROOT, [], dropped)
    left = [row for row in rows if row.sequence not in dropped]
    holding = [row for row in left if stands(row.text, folded(phrase))]
    for each in (index, open_index(directory, 1, versions + 1)):
        assert each.count(key(phrase)) == sum(stands(row.text, folded(phrase)) for row in left)
        first = each.first_committer(key(phrase))
        assert (first.sequence if first else None) == min(
            (row.sequence for row in holding), default=None
        )
        assert first is None or first.contributor == owner(first.sequence)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        some_index(tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two
    assert not any(name.startswith(".writing") for name in one)


def test_a_version_takes_over_the_segments_of_the_last(tmp_path: Path) -> None:
    before = some_index(tmp_path, 2)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.spans")}
    after = extend_index(tmp_path, before, 3, ROOT, rows_of(["something new"], 99))
    assert set(before.segments) < set(after.segments)
    assert files == {path: path.stat().st_mtime_ns for path in files}


def test_many_versions_keep_few_segments_and_lose_nothing(tmp_path: Path) -> None:
    index = some_index(tmp_path, 3 * FAN_OUT)
    assert len(index.segments) <= 2 * FAN_OUT
    again = open_index(tmp_path, 1, index.version)
    assert again.words == index.words == 3 * FAN_OUT * 5 * 60
    assert again.count([b"w7"]) == sum(
        each.count([b"w7"]) for each in [SpanIndex(1, 1, ROOT, (s,)) for s in index.segments]
    )


def test_what_is_dropped_leaves_the_files_of_the_new_version(tmp_path: Path) -> None:
    rows = rows_of(["one secret stays here", "another row"])
    index = extend_index(tmp_path, empty_index(1), 1, ROOT, rows)
    index = extend_index(tmp_path, index, 2, ROOT, [], {0})
    assert not any(b"secret" in bytes(segment.text) for segment in index.segments)
    assert extend_index(tmp_path, index, 3, ROOT, [], {1}).segments == ()


def test_an_index_in_memory_counts_like_one_in_files(tmp_path: Path) -> None:
    rows = rows_of(["a b a b", "b a b"])
    filed = extend_index(tmp_path, empty_index(1), 1, ROOT, rows)
    held = index_in_memory(Corpus(1, 1, rows))
    for phrase in ([b"a"], [b"a", b"b"], [b"b", b"a", b"b"], [b"c"]):
        assert filed.count(phrase) == held.count(phrase)


def test_a_row_added_twice_and_a_version_that_does_not_follow_are_refused(tmp_path: Path) -> None:
    index = extend_index(tmp_path, empty_index(1), 1, ROOT, rows_of(["one row"]))
    with pytest.raises(InvalidInputError, match="once"):
        extend_index(tmp_path, index, 2, ROOT, rows_of(["one row"]))
    with pytest.raises(InvalidInputError, match="follows"):
        extend_index(tmp_path, index, 1, ROOT, [])
    with pytest.raises(InvalidInputError, match="2\\^63"):
        extend_index(tmp_path, index, 2, ROOT, rows_of(["far away"], 2**63))


@pytest.mark.parametrize("suffix", [".spans", ".json"])
def test_a_file_that_is_cut_short_extended_or_gone_is_refused(tmp_path: Path, suffix: str) -> None:
    some_index(tmp_path, 1)
    (path,) = tmp_path.glob(f"*{suffix}")
    whole = path.read_bytes()
    for cut in [0, 1, 7, 40, 44, 200, len(whole) // 2, len(whole) - 2]:
        path.write_bytes(whole[:cut])
        with pytest.raises(DamagedIndexError):
            open_index(tmp_path, 1, 1, check=False)
    if suffix == ".spans":
        path.write_bytes(whole + b"\0")
        with pytest.raises(DamagedIndexError):
            open_index(tmp_path, 1, 1, check=False)
    path.unlink()
    with pytest.raises(DamagedIndexError):
        open_index(tmp_path, 1, 1)


def test_every_altered_byte_of_a_segment_is_noticed_and_none_ends_in_a_traceback(
    tmp_path: Path,
) -> None:
    some_index(tmp_path, 1)
    (path,) = tmp_path.glob("*.spans")
    whole = path.read_bytes()
    draw = random.Random(2)
    for at in [*range(60), *draw.sample(range(len(whole)), 300)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(DamagedIndexError) as refused:
            open_index(tmp_path, 1, 1)
        assert "\n" not in str(refused.value)
        try:
            unchecked = open_index(tmp_path, 1, 1, check=False)
            unchecked.count([b"w7", b"w8"])
            unchecked.first_committer([b"w7"])
        except AttributionError:
            pass


def test_another_segment_under_the_name_of_one_is_refused(tmp_path: Path) -> None:
    some_index(tmp_path, 2)
    one, two = sorted(tmp_path.glob("*.spans"))
    one.write_bytes(two.read_bytes())
    with pytest.raises(DamagedIndexError):
        open_index(tmp_path, 1, 2, check=False)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b"[" * 100_000, b'{"digest": 1}', b"\xff", b"null"]
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, document: bytes) -> None:
    (tmp_path / "datanet-1-version-1.json").write_bytes(document)
    with pytest.raises(DamagedIndexError, match="build the index again"):
        open_index(tmp_path, 1, 1)


def test_brackets_do_not_end_a_process_whose_recursion_limit_others_have_raised(
    tmp_path: Path,
) -> None:
    (tmp_path / "datanet-1-version-1.json").write_bytes(b"[" * 1_000_000)
    header = b"[" * 1_000_000
    lead = b"HWARRAY1" + len(header).to_bytes(4, "little") + sha256(header).digest()
    (tmp_path / "deep.spans").write_bytes(lead + header)
    code = (
        "import sys; from pathlib import Path; sys.setrecursionlimit(10**6)\n"
        "from headwater_attribution.spans.container import open_container\n"
        "from headwater_attribution.spans.index import open_index\n"
        "calls = [(open_index, Path(), 1, 1), (open_container, Path('deep.spans'))]\n"
        "for call, *arguments in calls:\n"
        "    try: call(*arguments)\n"
        "    except Exception as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, b"damaged_index\n" * 2)
