"""What an identity hands in at once, and what was refused before, keeps its rows back, for a time.

Thresholds are swept over two honest corpora: the library's docstrings by module, and the language
reference by topic, each author handing in over three rounds.
"""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest
from attribution.desk_key import Key
from attribution.help_topics import help_topics
from attribution.standard_library import standard_library

from headwater_attribution.admission import (
    AdmissionDesk,
    AdmissionParameters,
    ConsentTerms,
    Contribution,
    Verdict,
    admit,
)
from headwater_attribution.admission.consent import sign_consent
from headwater_attribution.admission.record import IdentityRecord
from headwater_attribution.admission.signed import (
    FIRST,
    SignedVerdicts,
    replay_faults,
    review_and_sign,
)
from headwater_payments.hexadecimal import to_hex

CHAIN = 84_532
TERMS = ConsentTerms(3, CHAIN, "0x" + "7e" * 32)
ALICE, BOB, DESK = Key(1), Key(2), Key(9)
RECORD, BURST = "identity-record/1", "identity-burst/1"
SMALL = AdmissionParameters(record_rows=4, record_rounds=2, burst_rows=3)
GOOD = (
    "A heap is a tree whose parents never exceed their children, by any comparison.",
    "A queue hands out first what came first, and a stack hands out what came last.",
    "The parser reads one token after another and keeps a table of the names it met.",
    "Locks are released in the opposite order from the one they were taken in.",
    "Each thread has a stack of its own, whose size is set when the thread starts.",
)
BAD = ("No.", "Too short.", "Nothing.", "Also not.")


def signed(number: int, rows: tuple[str, ...], key: Key = ALICE) -> Contribution:
    plain = Contribution(number, key.address, "MIT", rows)
    given = anyio.run(sign_consent, plain, TERMS, key)
    return replace(plain, consent=given.model_dump_json())


def desk(parameters: AdmissionParameters = SMALL) -> AdmissionDesk:
    return AdmissionDesk(parameters, consent=TERMS)


def rules(verdicts: list[Verdict]) -> list[str]:
    return [each.rule for each in verdicts]


def spoiled() -> AdmissionDesk:
    """Alice handed in four worthless rows in the first two rounds."""
    judge = desk()
    judge.review(signed(1, BAD[:3]), 1)
    judge.review(signed(2, BAD[3:]), 2)
    return judge


def test_rows_beyond_the_bound_of_a_round_are_kept_back_and_the_next_round_is_new() -> None:
    judge = desk()
    assert rules(judge.review(signed(1, GOOD[:2]), 1)) == ["accepted/1"] * 2
    assert rules(judge.review(signed(2, GOOD[2:]), 1)) == ["accepted/1", BURST, BURST]
    assert rules(judge.review(signed(3, GOOD[3:4]), 1)) == [BURST]
    assert rules(judge.review(signed(4, GOOD[3:4], BOB), 1)) == ["accepted/1"]
    assert rules(judge.review(signed(5, GOOD[4:]), 2)) == ["accepted/1"]


def test_whose_rows_were_mostly_refused_in_earlier_rounds_waits_and_is_judged_again() -> None:
    judge = spoiled()
    (verdict,) = judge.review(signed(3, GOOD[:1]), 3)
    assert verdict.rule == RECORD
    assert "of the 4 rows" in verdict.reason
    assert "rounds 1 to 2, 4 were refused" in verdict.reason
    assert rules(judge.review(signed(4, GOOD[:1], BOB), 3)) == ["accepted/1"]
    # In round 4 only rounds 2 and 3 count, and what was kept back is no part of the record.
    assert rules(judge.review(signed(5, GOOD[1:2]), 4)) == ["accepted/1"]


def test_the_present_round_is_no_part_of_a_record() -> None:
    judge = desk(replace(SMALL, burst_rows=100))
    judge.review(signed(1, BAD), 1)
    assert rules(judge.review(signed(2, GOOD[:1]), 1)) == ["accepted/1"]
    assert rules(judge.review(signed(3, GOOD[1:2]), 2)) == [RECORD]


def test_nobody_spoils_anothers_record() -> None:
    judge = desk()
    mine = signed(1, (BAD[0], *GOOD[:2]))
    judge.review(mine, 1)
    for number in range(2, 8):
        # Mallory shows again what Alice signed, and rubbish under her name without a signature.
        judge.review(replace(mine, contribution_id=number), 1)
        judge.review(Contribution(number + 10, ALICE.address, "MIT", BAD), 1)
    assert rules(judge.review(signed(20, GOOD[2:4]), 2)) == ["accepted/1"] * 2


def test_without_consent_or_rounds_there_is_no_record() -> None:
    free = AdmissionDesk(SMALL)
    free.review(Contribution(1, ALICE.address, "MIT", BAD), 1)
    assert rules(free.review(Contribution(2, ALICE.address, "MIT", GOOD), 2)) == ["accepted/1"] * 5
    judge = desk()
    judge.review(signed(1, BAD))
    assert rules(judge.review(signed(2, GOOD))) == ["accepted/1"] * 5


def test_a_preview_says_what_a_review_would_and_counts_nothing() -> None:
    judge = spoiled()
    each = signed(3, GOOD[:1])
    assert judge.preview(each, 3) == judge.preview(each, 3) == judge.review(each, 3)


def test_records_replay_from_the_signed_verdicts() -> None:
    handed_in = [signed(n, rows) for n, rows in enumerate((BAD[:3], BAD[3:], GOOD[:1]), start=1)]

    async def reviewed() -> list[SignedVerdicts]:
        judge, before, found = desk(), FIRST, []
        for number, each in enumerate(handed_in, start=1):
            found.append(await review_and_sign(judge, each, before, DESK, CHAIN, number=number))
            before = to_hex(found[-1].hash())
        return found

    history = list(zip(handed_in, anyio.run(reviewed), strict=True))
    assert history[-1][1].verdicts[0].rule == RECORD
    assert replay_faults(history, desk(), DESK.address, CHAIN) == ()
    looser = desk(replace(SMALL, record_refused_bps=10_001))
    assert any(RECORD in fault for fault in replay_faults(history, looser, DESK.address, CHAIN))


@pytest.mark.parametrize("corpus", [standard_library, help_topics])
def test_honest_authors_are_kept_back_by_no_record_and_no_burst(
    corpus: Callable[[], tuple[Contribution, ...]],
) -> None:
    contributions = corpus()
    verdicts = admit(contributions)
    of: dict[int, list[Verdict]] = {each.contribution_id: [] for each in contributions}
    for verdict in verdicts:
        of[verdict.ref.contribution_id].append(verdict)
    kept_back = {}
    for share in (1_000, AdmissionParameters().record_refused_bps):
        record, held = IdentityRecord(AdmissionParameters(record_refused_bps=share)), 0
        for number in (1, 2, 3):
            for each in contributions:
                part = replace(each, rows=each.rows[number - 1 :: 3])
                objections = record.objections(part, number)
                held += sum(objection is not None for objection in objections)
                record.take(part, number, of[each.contribution_id][number - 1 :: 3])
        kept_back[share] = held
    assert len(verdicts) > 1_400
    assert kept_back[1_000] > 0  # some rows are refused, so the sweep can tell
    assert kept_back[AdmissionParameters().record_refused_bps] == 0
