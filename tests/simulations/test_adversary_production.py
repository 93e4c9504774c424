"""Shares in a world under attack are those of the methods that run in production."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.columns import NO_ACCOUNT
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.evidence import (
    Ablation,
    Evidence,
    RetrievedPassage,
    RowId,
    text_sha256,
)
from headwater_attribution.methods import RetrievalLeaveOneOut
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import to_hex
from headwater_simulations.adversary.evidence import SLOTS, Passages, taken_out

TOPICS = ["heap", "queue", "socket", "thread", "decimal"]
TEXTS = [f"The {t} keeps {t}alpha and {t}beta sorted while {t}gamma pushes {t}s." for t in TOPICS]


def owner(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


def production(scores: list[int], accounts: list[int]) -> dict[int, int]:
    """Share by slot, as production finds it from evidence of the same answer."""
    corpus = Corpus(
        1,
        1,
        [CorpusRow(i, owner(a), "MIT", i, TEXTS[i]) for i, a in enumerate(accounts)],
    )
    there = [slot for slot in range(SLOTS) if scores[slot]]
    passages = [
        RetrievedPassage(
            RowId(1, 1, i), i, owner(accounts[i]), scores[i] * 1_000, text_sha256(TEXTS[i])
        )
        for i in there
    ]

    def answer_score(without: int | None) -> int:
        left = (scores[i] for i in there if accounts[i] != without)
        return 1_000 * sum(sorted(left, reverse=True)[:2])

    ablations = [
        Ablation(
            tuple(RowId(1, 1, i) for i in there if accounts[i] == account), answer_score(account)
        )
        for account in sorted({accounts[i] for i in there})
    ]
    evidence = Evidence(
        "plain/1",
        to_hex(corpus.root),
        "what is asked",
        "what is answered",
        answer_score(None),
        tuple(passages),
        tuple(ablations),
    )
    found = RetrievalLeaveOneOut(corpus).attribute(evidence)
    return {share.contribution_id: share.parts for share in found.shares}


@given(
    scores=st.lists(st.integers(0, 1_000), min_size=SLOTS, max_size=SLOTS),
    accounts=st.lists(st.integers(0, 3), min_size=SLOTS, max_size=SLOTS),
)
def test_leave_one_out_gives_what_production_gives(scores: list[int], accounts: list[int]) -> None:
    named = [a if s else NO_ACCOUNT for a, s in zip(accounts, scores, strict=True)]
    mine = taken_out(
        Passages(
            np.array(named, dtype=np.int64).reshape(SLOTS, 1, 1),
            np.array(scores, dtype=np.int64).reshape(SLOTS, 1, 1),
            np.array([[False]]),
            np.array([[0]], dtype=np.int64),
        )
    )[:, 0, 0]
    theirs = production(scores, accounts)
    for slot in range(SLOTS):
        # Production hands out the units that rounding leaves; here they stay unattributed.
        assert 0 <= theirs.get(slot, 0) - mine[slot] <= 1
