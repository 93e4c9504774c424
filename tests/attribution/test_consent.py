"""A row enters with its contributor's consent to the terms, and its refusal replays without."""

from dataclasses import replace

import anyio
import pytest
from attribution.desk_key import Key

from headwater_attribution.admission import AdmissionDesk, ConsentTerms, Contribution
from headwater_attribution.admission.consent import rows_hash, sign_consent, sign_withdrawal
from headwater_attribution.admission.signed import FIRST, replay_faults, review_and_sign
from headwater_payments.errors import InvalidInputError

CHAIN = 84_532
TERMS = ConsentTerms(3, CHAIN, "0x" + "7e" * 32)
ALICE, BOB, DESK = Key(1), Key(2), Key(9)
HEAP = "A heap is a tree whose parents never exceed their children."


def contribution(key: Key = ALICE, *rows: str) -> Contribution:
    return Contribution(1, key.address, "MIT", rows or (HEAP,))


def consented(terms: ConsentTerms = TERMS, key: Key = ALICE, *rows: str) -> Contribution:
    plain = contribution(key, *rows)
    given = anyio.run(sign_consent, plain, terms, key)
    return replace(plain, consent=given.model_dump_json())


def judged(each: Contribution) -> tuple[str, str]:
    (verdict,) = AdmissionDesk(consent=TERMS).review(each)
    return verdict.rule, verdict.reason


def test_a_row_with_its_contributors_consent_enters_under_any_number() -> None:
    assert judged(consented())[0] == "accepted/1"
    assert judged(replace(consented(), contribution_id=7))[0] == "accepted/1"
    assert AdmissionDesk().review(contribution())[0].accepted


@pytest.mark.parametrize(
    ("each", "reason"),
    [
        (contribution(), "is missing"),
        (replace(contribution(), consent="{}"), "no such document"),
        (replace(contribution(), consent="[" * 100_000), "no such document"),
        (consented(replace(TERMS, terms="0x" + "00" * 32)), "other terms"),
        (consented(replace(TERMS, datanet_id=4)), "other terms"),
        (consented(replace(TERMS, chain_id=1)), "not signed by"),
        (replace(consented(), licence_id="CC0-1.0"), "other rows"),
        (replace(consented(), rows=(HEAP, "Another row stands here.")[1:]), "other rows"),
        (replace(consented(), contributor=BOB.address), "other rows"),
        (
            replace(
                contribution(BOB),
                consent=consented().consent.replace(
                    rows_hash(contribution()), rows_hash(contribution(BOB))
                ),
            ),
            "not signed by",
        ),
    ],
)
def test_a_row_without_consent_or_with_anothers_is_refused_with_the_evidence(
    each: Contribution, reason: str
) -> None:
    rule, said = judged(each)
    assert rule == "consent/1"
    assert reason in said
    assert ("0x" in said) == (reason not in ("is missing", "no such document"))


def test_consent_that_was_withdrawn_refuses_and_anothers_withdrawal_does_not() -> None:
    mine = anyio.run(sign_withdrawal, 3, 2, CHAIN, ALICE)
    rule, said = judged(replace(consented(), withdrawal=mine.model_dump_json()))
    assert (rule, "withdrew" in said) == ("consent/1", True)
    bobs = anyio.run(sign_withdrawal, 3, 2, CHAIN, BOB)
    assert judged(replace(consented(), withdrawal=bobs.model_dump_json()))[0] == "accepted/1"
    forged = mine.model_copy(update={"contributor": BOB.address})
    assert not forged.holds(3, CHAIN)
    assert not mine.holds(4, CHAIN)
    assert judged(replace(consented(), withdrawal=forged.model_dump_json()))[0] == "accepted/1"


def test_nobody_consents_for_another() -> None:
    with pytest.raises(InvalidInputError, match="that account's key"):
        anyio.run(sign_consent, contribution(), TERMS, BOB)


def test_verdicts_on_consent_replay_and_a_desk_that_asks_none_differs() -> None:
    history, before, desk = [], FIRST, AdmissionDesk(consent=TERMS)
    withdrawn = anyio.run(sign_withdrawal, 3, 1, CHAIN, BOB).model_dump_json()
    queue = "A queue hands out what came first, and a stack what came last."
    for number, each in enumerate(
        [contribution(), consented(), replace(consented(TERMS, BOB, queue), withdrawal=withdrawn)]
    ):
        numbered = replace(each, contribution_id=number)
        signed = anyio.run(review_and_sign, desk, numbered, before, DESK, CHAIN)
        before = "0x" + signed.hash().hex()
        history.append((numbered, signed))
    rules = [signed.verdicts[0].rule for _, signed in history]
    assert rules == ["consent/1", "accepted/1", "consent/1"]
    again = AdmissionDesk(consent=TERMS)
    assert replay_faults(history, again, DESK.address, CHAIN) == ()
    faults = replay_faults(history, AdmissionDesk(), DESK.address, CHAIN)
    assert any("other thresholds" in each for each in faults)
    hidden = [(replace(c, withdrawal=""), v) for c, v in history]
    faults = replay_faults(hidden, AdmissionDesk(consent=TERMS), DESK.address, CHAIN)
    assert any("about other rows" in each for each in faults)
    assert any("is accepted/1, and consent/1 is stated" in each for each in faults)
