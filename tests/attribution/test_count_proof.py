from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from attribution.small_epoch import owner
from attribution.test_span_index import PHRASE, ROOT, ROWS, folded, key, rows_of, stands
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.corpus import Corpus
from headwater_attribution.spans.commitment import CommittedIndex
from headwater_attribution.spans.count_proof import (
    CountProof,
    SegmentCount,
    SuffixOpening,
    prove_count,
    shows_disorder,
    verify_count,
    verify_first_committer,
)
from headwater_attribution.spans.index import (
    SpanIndex,
    empty_index,
    extend_index,
    index_in_memory,
)
from headwater_payments.errors import InvalidInputError

TEXTS = [
    "the heap keeps the smallest item at the root and the heap is a tree",
    "nobody said that the heap is a tree before the heap is a tree was said",
    "words without any likeness " + " ".join(f"filler{i}" for i in range(200)),
]
HEAP = [b"the", b"heap", b"is", b"a", b"tree"]


def committed(texts: list[str]) -> CommittedIndex:
    return CommittedIndex(index_in_memory(Corpus(1, 1, rows_of(texts))))


def in_three(directory: Path, texts: list[str]) -> SpanIndex:
    index = empty_index(1)
    for version, row in enumerate(rows_of(texts), 1):
        index = extend_index(directory, index, version, ROOT, [row])
    return index


@settings(max_examples=80, deadline=None)
@given(ROWS, PHRASE)
def test_a_proven_count_is_the_count(texts: list[str], phrase: list[str]) -> None:
    index = committed(texts)
    proof = prove_count(index, key(phrase), holders=True)
    assert verify_count(index.root, proof)
    assert verify_first_committer(index.root, proof)
    holding = [i for i, text in enumerate(texts) if stands(text, folded(phrase))]
    assert proof.count == sum(stands(text, folded(phrase)) for text in texts)
    expected = (holding[0], owner(holding[0])) if holding else None
    assert proof.first_committer == expected


@settings(max_examples=80, deadline=None)
@given(ROWS, PHRASE, st.integers(-2, 2), st.integers(-2, 2))
def test_no_other_run_of_ranks_is_verified(
    texts: list[str], phrase: list[str], low: int, high: int
) -> None:
    index = committed(texts)
    proof = prove_count(index, key(phrase))
    (true,) = proof.segments
    moved = (true.low + low, true.high + high)
    part = index.segments[0]
    ranks = sorted({r for m in moved for r in (m - 1, m) if 0 <= r < true.segment.words})
    borders = tuple(
        SuffixOpening(at, part.open_text(at.position, len(proof.phrase) + 1))
        for at in map(part.open_rank, ranks)
    )
    forged = replace(true, low=moved[0], high=moved[1], borders=borders)
    accepted = verify_count(index.root, replace(proof, segments=(forged,)))
    assert accepted == (moved == (true.low, true.high))


def test_a_version_of_several_segments_is_counted_whole(tmp_path: Path) -> None:
    index = CommittedIndex(in_three(tmp_path, TEXTS))
    proof = prove_count(index, HEAP, holders=True)
    assert [part.high - part.low for part in proof.segments] == [1, 2, 0]
    assert verify_first_committer(index.root, proof)
    assert proof.first_committer == (0, owner(0))
    for number in range(3):
        rest = proof.segments[:number] + proof.segments[number + 1 :]
        assert not verify_count(index.root, replace(proof, segments=rest))
    twice = (proof.segments[1], *proof.segments[1:])
    assert not verify_count(index.root, replace(proof, segments=twice))


def first(proof: CountProof) -> SegmentCount:
    return proof.segments[0]


def with_border(proof: CountProof, change: Callable[[SuffixOpening], SuffixOpening]) -> CountProof:
    part = first(proof)
    return replace(
        proof,
        segments=(replace(part, borders=(change(part.borders[0]), *part.borders[1:])),),
    )


FORGERIES: dict[str, Callable[[CountProof], CountProof]] = {
    "phrase": lambda p: replace(p, phrase=b"the heap"),
    "no phrase": lambda p: replace(p, phrase=b""),
    "newline": lambda p: replace(p, phrase=b"the\nheap"),
    "rank": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, rank=b.at.rank + 1))),
    "position": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, position=0))),
    "negative": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, position=-1))),
    "owner": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, contributor=owner(9)))),
    "sequence": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, sequence=9))),
    "path": lambda p: with_border(p, lambda b: replace(b, at=replace(b.at, path=()))),
    "chunks": lambda p: with_border(p, lambda b: replace(b, chunks=())),
    "chunk": lambda p: with_border(
        p, lambda b: replace(b, chunks=tuple(replace(c, data=c.data[::-1]) for c in b.chunks))
    ),
    "chunk number": lambda p: with_border(
        p, lambda b: replace(b, chunks=tuple(replace(c, number=c.number + 1) for c in b.chunks))
    ),
    "border": lambda p: replace(p, segments=(replace(first(p), borders=first(p).borders[1:]),)),
    "words": lambda p: replace(
        p, segments=(replace(first(p), segment=replace(first(p).segment, words=9)),)
    ),
    "text bytes": lambda p: replace(
        p, segments=(replace(first(p), segment=replace(first(p).segment, text_bytes=9)),)
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_part_of_a_proof_is_noticed(name: str) -> None:
    index = committed(TEXTS)
    proof = prove_count(index, HEAP)
    assert verify_count(index.root, proof)
    assert not verify_count(index.root, FORGERIES[name](proof))
    assert not verify_count(bytes(32), proof)


def test_a_first_committer_is_not_shown_without_every_holder() -> None:
    index = committed(TEXTS)
    proof = prove_count(index, HEAP, holders=True)
    assert verify_first_committer(index.root, proof)
    without = replace(first(proof), holders=first(proof).holders[1:])
    assert not verify_first_committer(index.root, replace(proof, segments=(without,)))
    assert not verify_first_committer(index.root, prove_count(index, HEAP))
    late = tuple(replace(h, sequence=h.sequence + 1) for h in first(proof).holders)
    forged = replace(first(proof), holders=late)
    assert not verify_first_committer(index.root, replace(proof, segments=(forged,)))


def test_suffixes_committed_in_the_wrong_order_can_be_shown() -> None:
    index = index_in_memory(Corpus(1, 1, rows_of(TEXTS)))
    honest = CommittedIndex(index).segments[0]
    openings = [
        SuffixOpening(at, honest.open_text(at.position, 40)) for at in map(honest.open_rank, (3, 4))
    ]
    assert not shows_disorder(honest.commitment, openings[0], openings[1])
    assert not shows_disorder(honest.commitment, openings[1], openings[0])
    order = index.segments[0].suffixes.order
    order[3], order[4] = order[4], order[3]
    forged = CommittedIndex(index).segments[0]
    openings = [
        SuffixOpening(at, forged.open_text(at.position, 40)) for at in map(forged.open_rank, (3, 4))
    ]
    assert shows_disorder(forged.commitment, openings[0], openings[1])
    assert not shows_disorder(honest.commitment, openings[0], openings[1])


@pytest.mark.parametrize("phrase", [[], [b""], [b"two words", b""], [b"a\nb"]])
def test_what_is_no_phrase_is_refused(phrase: list[bytes]) -> None:
    with pytest.raises(InvalidInputError, match="canonical word"):
        prove_count(committed(TEXTS), phrase)


def test_a_proof_opens_at_most_four_suffixes_a_segment_however_long_the_text() -> None:
    for size in (10, 1_000):
        texts = [" ".join(f"w{i * j % 97}" for j in range(1, 40)) for i in range(size)]
        proof = prove_count(committed(texts), [b"w1", b"w2"])
        assert proof.count == sum(stands(text, ["w1", "w2"]) for text in texts)
        assert len(first(proof).borders) <= 4
        assert all(len(border.chunks) <= 2 for border in first(proof).borders)
