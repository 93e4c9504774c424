"""Shares in a world under attack are those of the methods that run in production."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.columns import NO_ACCOUNT
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.evidence import (
    Ablation,
    AnswerSpan,
    Evidence,
    RetrievedPassage,
    RowId,
    text_sha256,
)
from headwater_attribution.methods import RetrievalLeaveOneOut
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import to_hex
from headwater_simulations.adversary.evidence import (
    COPY,
    ORIGINAL,
    RIVAL,
    SECOND,
    SLOTS,
    Passages,
    taken_out,
)

TOPICS = ["heap", "queue", "socket", "thread", "decimal"]
TEXTS = [f"The {t} keeps {t}alpha and {t}beta sorted while {t}gamma pushes {t}s." for t in TOPICS]


def owner(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


def quoted(there: set[int], scores: list[int], follows: bool, new: list[bool]) -> set[int]:
    """Which of the slots an answer quotes, as production's backend would."""
    led = ORIGINAL in there
    silent = {COPY} if follows else set()
    silent |= {slot for slot, says_more in zip((RIVAL, SECOND), new, strict=True) if not says_more}
    own = sorted(there - (silent if led else set()), key=lambda slot: (-scores[slot], slot))
    return {slot for slot in own[:2] if 2 * scores[slot] >= scores[own[0]]}


def production(
    scores: list[int], accounts: list[int], follows: bool, new: list[bool]
) -> dict[int, int]:
    """Share by contribution, one a slot, as production finds it from the same evidence."""
    corpus = Corpus(
        1,
        1,
        [CorpusRow(i, owner(a), "MIT", i, TEXTS[i]) for i, a in enumerate(accounts)],
    )
    there = {slot for slot in range(SLOTS) if scores[slot]}
    silent = {COPY} if follows else set()
    silent |= {slot for slot, says_more in zip((RIVAL, SECOND), new, strict=True) if not says_more}
    following = silent if ORIGINAL in there else set()
    answered = quoted(there, scores, follows, new)
    passages = [
        RetrievedPassage(
            RowId(1, 1, i),
            i,
            owner(accounts[i]),
            scores[i] * 1_000,
            text_sha256(TEXTS[i]),
            (AnswerSpan(i, i + 1, i, i + 1),) if i in answered else (),
            RowId(1, 1, ORIGINAL) if i in following else None,
        )
        for i in sorted(there)
    ]

    def score(slots: set[int]) -> int:
        return 1_000 * sum(scores[slot] for slot in quoted(slots, scores, follows, new))

    def said_by(account: int) -> set[int]:
        return {i for i in there if accounts[ORIGINAL if i in following else i] == account}

    def without(account: int) -> set[int]:
        return {i for i in there - said_by(account) if accounts[i] != account}

    ablations = [
        Ablation(
            tuple(RowId(1, 1, i) for i in sorted(said_by(account))),
            min(score(there), score(without(account))),
        )
        for account in sorted({accounts[i] for i in answered})
    ]
    evidence = Evidence(
        "plain/1",
        to_hex(corpus.root),
        "what is asked",
        "what is answered",
        score(there),
        tuple(passages),
        tuple(ablations),
    )
    found = RetrievalLeaveOneOut(corpus).attribute(evidence)
    return {share.contribution_id: share.parts for share in found.shares}


@given(
    scores=st.lists(st.integers(0, 1_000), min_size=SLOTS, max_size=SLOTS),
    accounts=st.lists(st.integers(0, 3), min_size=SLOTS, max_size=SLOTS),
    follows=st.booleans(),
    new=st.lists(st.booleans(), min_size=2, max_size=2),
)
def test_leave_one_out_gives_what_production_gives(
    scores: list[int], accounts: list[int], follows: bool, new: list[bool]
) -> None:
    named = [a if s else NO_ACCOUNT for a, s in zip(accounts, scores, strict=True)]
    mine = taken_out(
        Passages(
            np.array(named, dtype=np.int64).reshape(SLOTS, 1, 1),
            np.array(scores, dtype=np.int64).reshape(SLOTS, 1, 1),
            np.array([[False]]),
            np.array([[follows]]),
            np.array(new).reshape(2, 1, 1),
            np.array([[0]], dtype=np.int64),
        )
    )[:, 0, 0]
    theirs = production(scores, accounts, follows, new)
    for account in set(accounts):
        slots = [slot for slot in range(SLOTS) if accounts[slot] == account]
        paid = sum(int(mine[slot]) for slot in slots)
        # Production hands out the units that rounding leaves; here they stay unattributed.
        assert 0 <= sum(theirs.get(slot, 0) for slot in slots) - paid <= SLOTS
