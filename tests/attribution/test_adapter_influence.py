"""Influence as a channel: from a trained adapter to shares, money, and a bundle that holds."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from attribution.small_epoch import DOMAIN, owner
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.calibration.card import CalibrationCard, card_from
from headwater_attribution.calibration.measured import MeasuredWorld
from headwater_attribution.calibration.methods import Explained
from headwater_attribution.calibration.metrics import Estimate, payouts
from headwater_attribution.calibration.tiny_model import TinyShape
from headwater_attribution.calibration.tiny_trainer import TinyTrainer
from headwater_attribution.calibration.worlds import World, WorldSize, make_world
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.epoch import PaidAnswer, close_epoch
from headwater_attribution.errors import EvidenceMismatchError, UnknownMethodError
from headwater_attribution.evidence import Evidence, InfluenceObservation
from headwater_attribution.influence.basis import span_of
from headwater_attribution.influence.committed import CommittedInfluence, commit_influence
from headwater_attribution.influence.contributors import contributor_vectors, query_vectors
from headwater_attribution.influence.curvature import EkFac
from headwater_attribution.influence.factors import gradients
from headwater_attribution.methods import AdapterInfluence, calibrated_method, method_from
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

WORD = "0x" + "00" * 32
TOPICS = ("heap", "queue", "graph", "stack")
CORPUS = Corpus(
    1,
    1,
    [
        CorpusRow(number, owner(number), "MIT", number, f"The {topic} keeps its {topic} items.")
        for number, topic in enumerate(TOPICS)
    ],
)


def committed(*vectors: tuple[int, ...]) -> CommittedInfluence:
    return CommittedInfluence(WORD, WORD, tuple(range(len(vectors))), vectors)


def observed(
    vectors: CommittedInfluence, *projected: int, base: int = 4_000_000, adapted: int = 1_000_000
) -> Evidence:
    seen = InfluenceObservation(vectors.commitment(), projected, base, adapted)
    return Evidence("trained/1", "0x" + CORPUS.root.hex(), "What?", "That.", 0, influence=seen)


def test_shares_are_parts_of_what_the_adapter_brought() -> None:
    vectors = committed((3, 0), (1, 0), (-5, 1), (0, 2))
    found = AdapterInfluence(CORPUS, vectors).attribute(observed(vectors, 10, 0))
    assert [(s.contribution_id, s.parts) for s in found.shares] == [
        (0, PARTS * 3 // 4 * 3 // 4),
        (1, PARTS * 3 // 4 // 4),
    ]
    assert found.unattributed == PARTS // 4
    assert all(s.low == s.parts // 2 for s in found.shares)


def test_an_adapter_that_made_the_answer_no_likelier_earns_nothing() -> None:
    vectors = committed((3, 0), (1, 0))
    for adapted in (4_000_000, 9_000_000):
        evidence = observed(vectors, 10, 0, adapted=adapted)
        assert AdapterInfluence(CORPUS, vectors).attribute(evidence).unattributed == PARTS


def test_an_answer_without_gradients_is_unattributed_here() -> None:
    vectors = committed((3, 0), (1, 0))
    evidence = replace(observed(vectors, 1, 1), influence=None)
    assert AdapterInfluence(CORPUS, vectors).attribute(evidence).shares == ()


small = st.integers(-300, 300)


@settings(max_examples=80, deadline=None)
@given(
    halves=st.lists(st.tuples(small, small), min_size=2, max_size=2),
    others=st.tuples(small, small),
    projected=st.tuples(small, small),
)
def test_who_splits_alike_rows_in_two_is_paid_no_more(
    halves: list[tuple[int, int]], others: tuple[int, int], projected: tuple[int, int]
) -> None:
    def helps(vector: tuple[int, ...]) -> int:
        return sum(a * b for a, b in zip(vector, projected, strict=True))

    one, two = halves
    both = (one[0] + two[0], one[1] + two[1])
    whole, split = committed(both, others), committed(one, others, two)
    alone = AdapterInfluence(CORPUS, whole).attribute(observed(whole, *projected))
    apart = AdapterInfluence(CORPUS, split).attribute(observed(split, *projected))
    together = sum(s.parts for s in alone.shares if s.contribution_id == 0)
    in_parts = sum(s.parts for s in apart.shares if s.contribution_id in (0, 2))
    if helps(one) * helps(two) >= 0:
        assert in_parts <= together
    elif helps(both) > 0:
        # Whoever parts what helps from what hurts is paid for the first alone;
        assert in_parts >= together - 2
    assert sum(s.parts for s in apart.shares) <= PARTS * 3 // 4


@settings(max_examples=80, deadline=None)
@given(
    halves=st.lists(st.tuples(small, small), min_size=2, max_size=2),
    others=st.tuples(small, small),
    held_out=st.tuples(small, small).filter(any),
)
def test_what_hurts_under_another_name_earns_nothing_and_is_charged_what_parting_it_gains(
    halves: list[tuple[int, int]], others: tuple[int, int], held_out: tuple[int, int]
) -> None:
    one, two = halves
    both = (one[0] + two[0], one[1] + two[1])
    whole = replace(committed(both, others), held_out=held_out)
    split = replace(committed(one, others, two), held_out=held_out)

    def pay(vectors: CommittedInfluence, numbers: tuple[int, ...]) -> int:
        """On answers like the texts that were held out, less what bonds answer for."""
        shares = AdapterInfluence(CORPUS, vectors).attribute(observed(vectors, *held_out)).shares
        harm = vectors.harm()
        earned = {share.contribution_id: share.parts for share in shares}
        assert earned.keys().isdisjoint(harm)
        return sum(earned.get(n, 0) - harm.get(n, 0) for n in numbers)

    assert pay(split, (0, 2)) <= max(0, pay(whole, (0,))) + 4


def test_noise_that_helps_an_answer_by_chance_earns_nothing() -> None:
    vectors = replace(committed((30, 0), (1, 5), (1, -5)), held_out=(10, -3))
    method = AdapterInfluence(CORPUS, vectors)
    assert [s.contribution_id for s in method.attribute(observed(vectors, 10, 3)).shares] == [0]
    assert vectors.standing == {0: 300, 1: -5, 2: 25}
    assert vectors.harm() == {1: 5 * PARTS // 325}
    assert vectors.commitment() != replace(vectors, held_out=()).commitment()
    with pytest.raises(InvalidInputError, match="as many coordinates"):
        replace(vectors, held_out=(1,))


def test_what_was_projected_on_other_vectors_is_refused() -> None:
    vectors, others = committed((3, 0), (1, 0)), committed((3, 0), (1, 1))
    method = AdapterInfluence(CORPUS, vectors)
    with pytest.raises(EvidenceMismatchError, match="other influence vectors"):
        method.attribute(observed(others, 1, 1))
    with pytest.raises(EvidenceMismatchError, match="other influence vectors"):
        method.attribute(observed(vectors, 1))
    with pytest.raises(InvalidInputError, match="contributions in the corpus"):
        AdapterInfluence(CORPUS, CommittedInfluence(WORD, WORD, (77,), ((1,),)))
    with pytest.raises(InvalidInputError, match="16 bits"):
        observed(vectors, 2**15)
    with pytest.raises(InvalidInputError, match="16 bits"):
        committed((2**15,))
    with pytest.raises(UnknownMethodError):
        method_from(AdapterInfluence.method_id, {}, CORPUS)


def test_evidence_without_gradients_commits_to_what_it_always_did() -> None:
    vectors = committed((3, 0), (1, 0))
    with_it = observed(vectors, 1, 1)
    without = replace(with_it, influence=None)
    assert with_it.commitment() != without.commitment()
    body = asdict(without)
    del body["influence"], body["quoted"]
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    known = hashlib.sha256(b"headwater/evidence/1\n" + text.encode()).hexdigest()
    assert without.commitment() == "0x" + known


def card(**confidence: float) -> CalibrationCard:
    methods = {
        name: {"paid_rightly": Estimate(value, value, value)}
        for name, value in {
            "retrieval-loo/3": 0.9,
            "span-match/2": 0.8,
            "ek-fac-16-bit": 0.7,
            "combined/1": 0.6,
            **confidence,
        }.items()
    }
    worlds = [MeasuredWorld("mixed", 1, 8, methods, {})]
    return card_from(worlds, software="test", issued_at=1)


def trained_epoch() -> EpochBundle:
    """Twelve contributors' adapter, four paid answers, all the way to a root."""
    size = WorldSize(topics=3, queries=4, base_documents=400, base_topics=20, fresh=24)
    data = make_world(World.PARAPHRASE, 5, size)
    shape = TinyShape(steps=60, checkpoints=4, base_steps=300)
    trainer = TinyTrainer(data.vocabulary, data.base, 5, shape)
    world = Explained(data, trainer.train(data.documents, 5))
    pairs = list(zip(map(EkFac, world.sampled), world.row_gradients, strict=True))
    basis = span_of(contributor_vectors(pairs, data.owners, data.contributors))
    projected, _ = basis.project(query_vectors(world.query_gradients))
    held_out = query_vectors([gradients(f) for f in world.trained.factors(data.fresh)]).sum(0)
    vectors = commit_influence(basis, tuple(range(data.contributors)), WORD, held_out)
    rows = [
        CorpusRow(int(who), owner(int(who)), "MIT", number, " ".join(f"w{w}" for w in text))
        for number, (who, text) in enumerate(zip(data.owners, data.documents, strict=True))
    ]
    corpus = Corpus(1, 1, rows)
    answers = [
        PaidAnswer(
            f"0x{number:064x}",
            1_000_000,
            Evidence(
                "trained/1",
                "0x" + corpus.root.hex(),
                "Say something.",
                " ".join(f"v{word}" for word in data.queries[number]),
                0,
                influence=InfluenceObservation(
                    vectors.commitment(), tuple(projected[number].tolist()), 5_000_000, 3_000_000
                ),
            ),
        )
        for number in range(len(data.queries))
    ]
    method = calibrated_method(corpus, card(), vectors)
    shares = AdapterInfluence(corpus, vectors).attribute(answers[0].evidence).shares
    exact = payouts(basis.influence(projected).astype(np.float64))[:, 0]
    assert 0 < len(shares) <= sum(helps > 0 for helps in vectors.standing.values())
    for share in shares:
        assert share.parts == pytest.approx(0.4 * PARTS * exact[share.contribution_id], abs=1e3)
    return close_epoch(
        1,
        DOMAIN,
        corpus,
        answers,
        method,
        CAUSES,
        contributors_share=PARTS // 2,
        card=card(),
        committed=vectors,
    )


def test_an_epoch_paid_by_influence_holds_and_every_change_of_it_is_named() -> None:
    bundle = trained_epoch()
    assert bundle.rule.parameters["confidence"] == 60_000_000
    assert len(bundle.leaves) > 3
    again = EpochBundle.model_validate_json(bundle.model_dump_json())
    assert verify_bundle(again).holds

    assert bundle.influence is not None
    coordinates = [list(each) for each in bundle.influence.coordinates]
    coordinates[2][0] += 1
    other = bundle.influence.model_copy(
        update={"coordinates": tuple(tuple(each) for each in coordinates)}
    )
    told = verify_bundle(bundle.model_copy(update={"influence": other})).faults
    assert any("other influence vectors" in fault for fault in told)

    rule = bundle.rule.model_copy(
        update={"parameters": {**bundle.rule.parameters, "confidence": PARTS}}
    )
    told = verify_bundle(bundle.model_copy(update={"rule": rule})).faults
    assert any("the calibration card has combined/1 at 60000000" in fault for fault in told)

    told = verify_bundle(bundle.model_copy(update={"calibration": None})).faults
    assert any("without a calibration card it is 100000000" in fault for fault in told)


def test_channels_weigh_as_much_as_the_card_trusts_them() -> None:
    vectors = committed((3, 0), (1, 0))
    method = calibrated_method(CORPUS, card(), vectors)
    assert method.weights == (90_000_000, 80_000_000, 70_000_000)
    assert len(calibrated_method(CORPUS, card()).methods) == 2
    with pytest.raises(InvalidInputError, match="positive weight"):
        calibrated_method(CORPUS, card(**{"span-match/2": 0.0}))
    bare = card().model_copy(update={"methods": card().methods[:1]})
    with pytest.raises(UnknownMethodError):
        calibrated_method(CORPUS, bare)
