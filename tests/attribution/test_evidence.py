from dataclasses import replace

import pytest

from headwater_attribution.evidence import (
    Ablation,
    AnswerSpan,
    Evidence,
    RetrievedPassage,
    RowId,
    text_sha256,
)
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError

ALICE = parse_address("0x" + "a1" * 20)
ROW = RowId(1, 1, 0)
PASSAGE = RetrievedPassage(
    ROW, 7, ALICE, 2_500_000, text_sha256("Return a copy."), (AnswerSpan(0, 14, 0, 3),)
)
EVIDENCE = Evidence(
    "test/1",
    "0x" + "00" * 32,
    "what?",
    "Return a copy.",
    2_500_000,
    (PASSAGE,),
    (Ablation((ROW,), 0),),
)


def test_every_field_is_bound_by_the_commitment() -> None:
    changed = [
        replace(EVIDENCE, prompt="what"),
        replace(EVIDENCE, answer="Return a copy. "),
        replace(EVIDENCE, backend="test/2"),
        replace(EVIDENCE, corpus_root="0x" + "01" * 32),
        replace(EVIDENCE, answer_score_micro=1),
        replace(EVIDENCE, ablations=(Ablation((ROW,), 1),)),
        replace(EVIDENCE, passages=(replace(PASSAGE, contribution_id=8),)),
        replace(EVIDENCE, passages=(replace(PASSAGE, spans=()),)),
        replace(EVIDENCE, passages=(replace(PASSAGE, follows=ROW),)),
    ]
    commitments = {item.commitment() for item in [EVIDENCE, *changed]}
    assert len(commitments) == len(changed) + 1


def test_a_row_standing_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="stands once"):
        replace(EVIDENCE, passages=(PASSAGE, PASSAGE))


def test_an_ablation_of_an_uncited_row_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cites"):
        replace(EVIDENCE, ablations=(Ablation((RowId(1, 1, 9),), 0),))


def test_a_span_past_the_answer_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="past the end"):
        replace(EVIDENCE, answer="Return")


def test_an_empty_or_negative_span_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        AnswerSpan(3, 3, 0, 1)
    with pytest.raises(InvalidInputError):
        AnswerSpan(-1, 3, 0, 1)


def test_negative_scores_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 0"):
        replace(EVIDENCE, answer_score_micro=-1)
