"""Answers with what their gradients say: the backend gives evidence, and the method pays by it."""

from dataclasses import replace

import numpy as np
import pytest

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.influence.basis import span_of
from headwater_attribution.influence.committed import commit_influence
from headwater_attribution.methods import AdapterInfluence
from headwater_models.backend import EvidenceKind
from headwater_models.conformance import check_backend
from headwater_models.echo import EchoBackend
from headwater_models.influenced import InfluencedBackend, ObservedAnswer
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio

ADAPTER = "0x" + "0a" * 32
VECTORS = np.random.default_rng(3).standard_normal((3, 12))
CORPUS = Corpus(
    1,
    1,
    [CorpusRow(n, parse_address(f"0x{n + 1:040x}"), "MIT", n, f"Row {n}.") for n in range(3)],
)


def taught_by(contributor: int) -> ObservedAnswer:
    """An answer whose loss that contributor's rows, and nobody else's, brought down."""
    outside = np.linalg.svd(np.delete(VECTORS, contributor, 0))[2][2:]
    towards = outside.T @ (outside @ VECTORS[contributor])
    return ObservedAnswer(towards, base_loss=5.0, adapted_loss=3.0)


async def test_an_answer_is_credited_to_whose_gradients_point_to_it() -> None:
    basis = span_of(VECTORS)
    committed = commit_influence(basis, (0, 1, 2), ADAPTER)

    def observe(prompt: str, answer: str) -> ObservedAnswer:
        assert answer in prompt
        return taught_by(1)

    def make() -> InfluencedBackend:
        return InfluencedBackend(EchoBackend(), committed, basis, observe)

    assert make().capabilities().evidence == {EvidenceKind.INFLUENCE}
    _, finish = await check_backend(make)
    evidence = finish.evidence
    assert evidence.influence is not None
    assert (evidence.influence.base_loss_micro, evidence.influence.adapted_loss_micro) == (
        5_000_000,
        3_000_000,
    )
    named = replace(evidence, corpus_root="0x" + CORPUS.root.hex())
    shares = AdapterInfluence(CORPUS, committed).attribute(named).shares
    assert [share.contribution_id for share in shares if share.parts > 1_000] == [1]


async def test_vectors_of_another_basis_are_refused() -> None:
    committed = commit_influence(span_of(VECTORS), (0, 1, 2), ADAPTER)
    with pytest.raises(InvalidInputError, match="another basis"):
        InfluencedBackend(EchoBackend(), committed, span_of(VECTORS + 1.0), lambda *_: taught_by(1))
