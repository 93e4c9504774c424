"""What a split is measured against: the same work unsplit, judged and answered for anew."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest

from headwater.demo.contributions import SPLIT, Submission, joined, submissions
from headwater.demo.datanet import Datanet, build_datanet, serve_from
from headwater.demo.parties import Parties, create_parties
from headwater.demo.questions import chat_request
from headwater.demo.settling import RULE
from headwater.demo.twin import Economy, RememberingBackend, handed_in_whole, under_one_owner
from headwater_attribution.apportion import Int64s, apportion
from headwater_attribution.bundle import ReceiptPart
from headwater_attribution.columns import RuleColumns
from headwater_attribution.epoch import PaidAnswer, settle
from headwater_attribution.methods.registry import default_method
from headwater_attribution.receipt import attribute_answer
from headwater_attribution.rules import RewardRule, RuleParameters
from headwater_models.backend import Finish

CHARGE = 10_000
SHARE = 50_000_000


@pytest.fixture(scope="module")
def handed_in() -> list[Submission]:
    """A few honest contributions, a split one among them, and filler."""
    every = submissions(7)
    split = [each for each in every if each.kind == SPLIT]
    honest = [each for each in every if each.kind == "honest"][: split[0].identity]
    filler = [each for each in every if each.kind == "filler"]
    return [*honest[:12], *split, *filler]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return create_parties(Path(tmp_path_factory.mktemp("seed")), len(submissions(7)))


def traded(datanet: Datanet, parties: Parties, rule: RewardRule = RULE) -> Economy:
    """One paid answer about each row of the split contribution that entered."""
    backend = RememberingBackend(serve_from(datanet))
    questions = [
        f"What about {submission.rows[number][0]}? {submission.rows[number][1][:120]}"
        for submission, number in datanet.kept
        if submission.kind == SPLIT
    ]

    async def ask(question: str) -> Finish:
        events = [event async for event in backend.stream(chat_request(question))]
        assert isinstance(events[-1], Finish)
        return events[-1]

    answers = [
        PaidAnswer(f"0x{number:064x}", CHARGE, anyio.run(ask, question).evidence)
        for number, question in enumerate(questions)
    ]
    return Economy(datanet, parties, True, answers, backend.asked, rule, SHARE)


def earned_by_parts(economy: Economy) -> int:
    method = default_method(economy.datanet.corpus)
    receipts = [
        ReceiptPart(
            receipt_id=answer.receipt_id,
            charge=answer.charge,
            evidence=answer.evidence,
            attribution=attribute_answer(answer.receipt_id, answer.evidence, method).attribution,
        )
        for answer in economy.answers
    ]
    earnings = settle(receipts, economy.datanet.corpus, economy.rule, SHARE)
    owners = {
        economy.parties.contributors[each.identity].address
        for each in economy.datanet.submissions
        if each.kind == SPLIT
    }
    return sum(sum(earnings.by_account.get(owner, {}).values()) for owner in owners)


def test_parts_joined_are_the_rows_as_they_were_dealt_out(
    handed_in: Sequence[Submission],
) -> None:
    parts = [each for each in handed_in if each.kind == SPLIT]
    whole = [each for each in joined(handed_in) if each.kind == SPLIT]
    assert len(whole) == 1
    assert whole[0].identity == parts[0].identity
    assert [whole[0].rows[number :: len(parts)] for number in range(len(parts))] == [
        part.rows for part in parts
    ]
    assert [each for each in joined(handed_in) if each.kind != SPLIT] == [
        each for each in handed_in if each.kind != SPLIT
    ]


def test_the_shipped_rule_pays_ten_owners_no_more_than_one(
    handed_in: list[Submission], parties: Parties
) -> None:
    economy = traded(build_datanet(handed_in, parties, version=1, admission=True), parties)
    assert 0 < earned_by_parts(economy) <= under_one_owner(economy)
    assert earned_by_parts(economy) <= 1.02 * anyio.run(handed_in_whole, economy)


def test_a_rule_that_is_concave_in_an_owners_causes_is_seen_to_pay_for_splitting(
    handed_in: list[Submission], parties: Parties
) -> None:
    concave = RewardRule("roots/1", "by the root of what each caused", True, pay_roots)
    datanet = build_datanet(handed_in, parties, version=1, admission=True)
    economy = traded(datanet, parties, concave)
    assert earned_by_parts(economy) > 1.02 * under_one_owner(economy)


def test_rows_that_only_splitting_got_in_are_seen_against_the_whole(
    handed_in: list[Submission], parties: Parties
) -> None:
    parts = [each for each in handed_in if each.kind == SPLIT]
    filler = next(each for each in handed_in if each.kind == "filler")
    rows = [filler.rows[number :: len(parts)] for number in range(len(parts))]
    fooled = {
        part.identity: replace(part, rows=taken) for part, taken in zip(parts, rows, strict=True)
    }
    submitted = [fooled.get(each.identity, each) for each in handed_in if each is not filler]
    let_in = build_datanet(submitted, parties, version=1, admission=False)
    economy = traded(let_in, parties)
    assert earned_by_parts(economy) > 0
    assert anyio.run(handed_in_whole, economy) == 0


def pay_roots(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """Each receipt's money by the square root of what each contribution caused of it."""
    return apportion(columns.charges, np.maximum(np.sqrt(columns.parts).astype(np.int64), 1))
