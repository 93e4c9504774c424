"""Proofs about text: what Python proves, the chain finds, and nothing changed of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.spans.commitment import CommittedIndex
from headwater_attribution.spans.count_proof import (
    CountProof,
    SegmentCount,
    SuffixOpening,
    prove_count,
    verify_count,
)
from headwater_attribution.spans.index import index_in_memory
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.phrase_proofs import Holder, PhraseProofsClient, SegmentPlace
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import parse_address

pytestmark = pytest.mark.anyio

ROWS = [
    "the heap keeps the smallest item at the root and the heap is a tree",
    "nobody said that the heap is a tree before the heap is a tree was said",
    "words without any likeness " + " ".join(f"filler{number}" for number in range(200)),
]
OWNERS = [parse_address(f"0x{number + 1:040x}") for number in range(len(ROWS))]
PHRASES = ["the heap is a tree", "the", "filler1", "filler199", "heap was", "aardvark", "zebra"]


@cache
def committed() -> CommittedIndex:
    rows = [
        CorpusRow(number, OWNERS[number], "MIT", number, text) for number, text in enumerate(ROWS)
    ]
    return CommittedIndex(index_in_memory(Corpus(1, 1, rows)))


def proof_of(index: CommittedIndex, phrase: str) -> CountProof:
    return prove_count(index, phrase.encode().split())


async def test_the_chain_finds_what_the_reference_proves_and_refuses_what_it_refuses(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    client, index = PhraseProofsClient(chain.reader, deployment.phrase_proofs), committed()
    for phrase in PHRASES:
        proof = proof_of(index, phrase)
        assert await client.count_of(index.root, proof) == proof.count
        assert proof.count == sum(_times(phrase, row) for row in ROWS)
        for name, forge in FORGERIES.items():
            forged = replace(proof, segments=(forge(proof.segments[0]),))
            assert not verify_count(index.root, forged), (phrase, name)
            with pytest.raises(ContractRevertError):
                await client.count_of(index.root, forged)
    with pytest.raises(ContractRevertError) as refused:
        await client.count_of(bytes(32), proof_of(index, "the"))
    assert refused.value.name == "SegmentNotOfRoot"
    await _check_spans(client, index)


async def _check_spans(client: PhraseProofsClient, index: CommittedIndex) -> None:
    proof = proof_of(index, "the heap is a tree")
    part = proof.segments[0]
    place = SegmentPlace(part.segment, 0, 1, part.path)
    below, first, last, _ = part.borders
    for border in (first, last):
        found = await client.span_at(index.root, proof.phrase, place, border)
        assert found == Holder(OWNERS[found.sequence], border.at.sequence)
        assert "the heap is a tree" in ROWS[found.sequence]
    for wrong, name in (
        (below, "PhraseNotThere"),
        (replace(first, at=replace(first.at, contributor=OWNERS[2])), "SuffixNotOfSegment"),
        (replace(first, chunks=()), "TextNotOfSegment"),
    ):
        with pytest.raises(ContractRevertError) as refused:
            await client.span_at(index.root, proof.phrase, place, wrong)
        assert refused.value.name == name
    assert not await client.shows_disorder(index.root, place, below, first, 4)


def _times(phrase: str, row: str) -> int:
    """How often the words stand in the row, which may overlap."""
    said, wanted = row.split(), phrase.split()
    return sum(said[i : i + len(wanted)] == wanted for i in range(len(said)))


def _borders(part: SegmentCount, *borders: SuffixOpening) -> SegmentCount:
    return replace(part, borders=borders)


def _text(part: SegmentCount) -> SegmentCount:
    border = part.borders[0]
    chunk = border.chunks[0]
    changed = replace(chunk, data=bytes([chunk.data[0] ^ 1]) + chunk.data[1:])
    return _borders(part, replace(border, chunks=(changed, *border.chunks[1:])), *part.borders[1:])


FORGERIES: dict[str, Callable[[SegmentCount], SegmentCount]] = {
    "one more": lambda part: replace(part, high=part.high + 1),
    "one fewer": lambda part: replace(part, low=part.low + 1),
    "a border left out": lambda part: _borders(part, *part.borders[1:]),
    "a border twice": lambda part: _borders(part, part.borders[0], *part.borders),
    "other text": _text,
    "another owner": lambda part: _borders(
        part,
        replace(part.borders[0], at=replace(part.borders[0].at, sequence=77)),
        *part.borders[1:],
    ),
    "another segment": lambda part: replace(
        part, segment=replace(part.segment, words=part.segment.words + 1)
    ),
}
