"""Licence statements that contradict each other are refused with what contradicts, and replay."""

from dataclasses import replace

import anyio
import pytest
from attribution.desk_key import Key

from headwater_attribution.admission import AdmissionDesk, Contribution, LicenceTerms
from headwater_attribution.admission.licence_families import conflict, duties, stated_in
from headwater_attribution.admission.signed import FIRST, replay_faults, review_and_sign

ALICE, BOB, DESK = Key(1), Key(2), Key(9)
CHAIN = 84_532
HEAP = "A heap is a tree whose parents never exceed their children, by any comparison."
PART = (
    "Whoever sorts may start from this: a heap is a tree whose parents never exceed their "
    "children, by any comparison, and so the root of the whole is always the least of all entries "
    "that stand below."
)
CONFLICT = "licence-conflict/1"


def judged(desk: AdmissionDesk, each: Contribution) -> tuple[str, str]:
    (verdict,) = desk.review(each)
    return verdict.rule, verdict.reason


def row(text: str, licence: str, *sources: str, key: Key = ALICE, number: int = 1) -> Contribution:
    return Contribution(number, key.address, licence, (text,), sources=sources)


@pytest.mark.parametrize(
    ("source", "stated", "why"),
    [
        ("MIT", "MIT", None),
        ("CC0-1.0", "MIT", None),
        ("CC0-1.0", "Unheard-Of-1.0", None),
        ("MIT", "GPL-3.0-only", None),
        ("MIT", "CC0-1.0", "author's name"),
        ("CC-BY-SA-4.0", "CC-BY-4.0", "same licence"),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", None),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", "same licence"),
        ("CC-BY-SA-4.0", "GPL-3.0-or-later", None),
        ("GPL-2.0-only", "GPL-3.0-only", "same licence"),
        ("GPL-2.0-or-later", "GPL-3.0-only", None),
        ("CC-BY-NC-4.0", "CC-BY-4.0", "be sold"),
        ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", None),
        ("CC-BY-ND-4.0", "CC-BY-4.0", "no other licence"),
        ("Unheard-Of-1.0", "MIT", "not known"),
        ("MIT OR GPL-3.0-only", "Apache-2.0", None),
        ("MIT AND GPL-3.0-only", "Apache-2.0", "same licence"),
        ("GPL-3.0-only", "GPL-3.0-only OR MIT", "same licence"),
        ("MIT", "MIT OR " * 100 + "MIT", "256 characters"),
    ],
)
def test_what_a_licence_lets_text_go_under(source: str, stated: str, why: str | None) -> None:
    found = conflict(source, stated)
    assert (found is None) == (why is None)
    assert why is None or (found is not None and why in found)


def test_every_licence_that_names_its_like_lets_text_stay_under_it() -> None:
    for licence in ("CC-BY-NC-SA-2.5", "AGPL-3.0-or-later", "CC-BY-ND-4.0", "PSF-2.0", "0BSD"):
        assert duties(licence) is not None
        assert conflict(licence, licence) is None
        assert conflict(licence, f"{licence} AND {licence}") is None or "ND" in licence
    assert duties("CC-BY-ND-SA-4.0") is None


def test_sources_that_forbid_the_licence_stated_are_named() -> None:
    assert judged(AdmissionDesk(), row(HEAP, "MIT", "CC0-1.0", "BSD-3-Clause"))[0] == "accepted/1"
    rule, reason = judged(AdmissionDesk(), row(HEAP, "MIT", "CC0-1.0", "CC-BY-SA-4.0"))
    assert rule == CONFLICT
    assert "CC-BY-SA-4.0 asks for the same licence, and MIT is another" in reason


@pytest.mark.parametrize(
    ("licence", "sources", "terms", "why"),
    [
        ("CC-BY-NC-4.0", (), LicenceTerms(), "does not let it be sold"),
        ("CC-BY-NC-4.0", (), LicenceTerms(sold=False), None),
        ("CC-BY-NC-4.0", ("CC-BY-NC-4.0",), LicenceTerms(sold=False), None),
        ("CC-BY-ND-4.0", (), LicenceTerms(sold=False), "does not let it be changed"),
        ("CC-BY-SA-4.0", (), LicenceTerms(), None),
        ("CC-BY-SA-4.0", (), LicenceTerms("MIT"), "can't give it out"),
        ("CC-BY-SA-4.0", (), LicenceTerms("CC-BY-SA-4.0"), None),
        ("MIT OR CC-BY-NC-4.0", (), LicenceTerms(), None),
    ],
)
def test_what_a_datanet_does_with_rows_is_held_against_their_licence(
    licence: str, sources: tuple[str, ...], terms: LicenceTerms, why: str | None
) -> None:
    rule, reason = judged(AdmissionDesk(licence_terms=terms), row(HEAP, licence, *sources))
    assert (rule, why is None or why in reason) == (CONFLICT if why else "accepted/1", True)
    assert judged(AdmissionDesk(), row(HEAP, licence, *sources))[0] == "accepted/1"


@pytest.mark.parametrize(
    ("beside", "licence"),
    [
        ("SPDX-License-Identifier: GPL-3.0-only", "GPL-3.0-only"),
        ("SPDX-License-Identifier: MIT OR GPL-3.0-only", "MIT OR GPL-3.0-only"),
        ("See https://creativecommons.org/licenses/by-nc-sa/4.0/.", "CC-BY-NC-SA-4.0"),
        ("See http://creativecommons.org/publicdomain/zero/1.0/.", "CC0-1.0"),
        ("A licence is a text, and a creativecommons.org/ address is none.", None),
    ],
)
def test_a_row_is_held_to_the_licence_that_it_states_of_itself(
    beside: str, licence: str | None
) -> None:
    text = f"{HEAP} {beside}"
    assert stated_in(text) == licence
    refused = licence in ("GPL-3.0-only", "CC-BY-NC-SA-4.0")
    rule, reason = judged(AdmissionDesk(), row(text, "Apache-2.0"))
    assert (rule == CONFLICT) == refused
    assert not refused or f"{licence}" in reason
    assert judged(AdmissionDesk(), row(text, licence or "MIT"))[0] == "accepted/1"


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ("CC-BY-SA-4.0", "MIT", CONFLICT),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", "accepted/1"),
        ("MIT", "CC-BY-SA-4.0", "accepted/1"),
    ],
)
def test_part_of_anothers_row_brings_its_licence_along(first: str, second: str, rule: str) -> None:
    desk = AdmissionDesk()
    assert judged(desk, row(HEAP, first))[0] == "accepted/1"
    # Five rows, so that each is held to be a copy only where it is one by more than half.
    rest = (
        "A queue hands out first what came first in.",
        "The parser reads one token after another and keeps a table of names.",
        "Locks are released in the opposite order from the one they were taken in.",
        "Each thread has a stack of its own, whose size is set when it starts.",
    )
    taken = replace(row(PART, second, key=BOB, number=2), rows=(PART, *rest))
    verdict, *others = desk.review(taken)
    assert verdict.rule == rule
    assert all(each.accepted for each in others)
    if rule == CONFLICT:
        assert verdict.similar_to is not None
        assert (verdict.similar_to.contribution_id, verdict.similar_to.row) == (1, 0)
        assert 2_500 <= (verdict.similarity_bps or 0) < 6_000
    # What is one's own may be licensed twice.
    mine = replace(taken, contributor=ALICE.address, contribution_id=3)
    fresh = AdmissionDesk()
    fresh.review(row(HEAP, first))
    assert fresh.review(mine)[0].accepted


def test_a_conflict_replays_and_is_missed_by_who_knows_other_terms() -> None:
    each, terms = row(HEAP, "CC-BY-NC-4.0", "CC-BY-NC-4.0"), LicenceTerms()
    signed = anyio.run(
        review_and_sign, AdmissionDesk(licence_terms=terms), each, FIRST, DESK, CHAIN
    )
    assert signed.verdicts[0].rule == CONFLICT
    history, by = [(each, signed)], DESK.address
    assert replay_faults(history, AdmissionDesk(licence_terms=terms), by, CHAIN) == ()
    faults = replay_faults(history, AdmissionDesk(), by, CHAIN)
    assert any("other thresholds or knowledge" in fault for fault in faults)
    unsaid = [(replace(each, sources=()), signed)]
    faults = replay_faults(unsaid, AdmissionDesk(licence_terms=terms), by, CHAIN)
    assert any("about other rows" in fault for fault in faults)
