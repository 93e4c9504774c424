"""A form filled in piece by piece is refused, and honest authors are not taken for forms."""

from attribution.help_topics import help_topics
from attribution.standard_library import standard_library

from headwater_attribution.admission import AdmissionDesk, AdmissionParameters, Contribution
from headwater_attribution.admission.fingerprint import fingerprint
from headwater_attribution.admission.habits import Habits
from headwater_payments.address import parse_address

ALICE, BOB = (parse_address("0x" + digits * 20) for digits in ("a1", "b0"))
OTHERS = {"small_alike_bps": 10_001, "small_copied_bps": 10_001, "alike_medium_bps": 10_001}
FORM = "The capital of the old province of {0} is the town of {1} on the river {2} in the north."


def form(number: int) -> str:
    names = ("ar", "bel", "cor", "dun", "esk", "fal", "gor", "hal", "ith", "jur", "kel", "lor")
    one, two, three = (names[(number * step) % 12] + names[number % 11] for step in (1, 5, 7))
    return FORM.format(one + "ia", two + "ton", three + "a")


def refused(desk: AdmissionDesk, numbers: range, who: str = ALICE) -> list[int]:
    found = []
    for number in numbers:
        each = Contribution(number, parse_address(who), "MIT", (form(number),))
        (verdict,) = desk.review(each)
        found += [number] * (verdict.rule == "identity-template/1")
    return found


def lenient() -> AdmissionDesk:
    """A desk whose other rules let the form pass, so that this one is seen."""
    return AdmissionDesk(
        AdmissionParameters(
            **OTHERS, alike_long_bps=10_001, alike_short_bps=10_001, habit_template_bps=5_000
        )
    )


def test_a_form_that_comes_in_row_by_row_is_refused_from_the_ninth_row_on() -> None:
    assert refused(lenient(), range(20)) == list(range(8, 20))


def test_another_identity_and_refused_rows_are_not_held_against_anybody() -> None:
    desk = lenient()
    refused(desk, range(12))
    assert refused(desk, range(12, 16), BOB) == []
    assert refused(desk, range(16, 18)) == [16, 17]


def test_verdicts_on_forms_come_out_the_same_when_judged_again() -> None:
    assert refused(lenient(), range(20)) == refused(lenient(), range(20))


def test_authors_of_documentation_who_hand_in_row_by_row_are_not_taken_for_forms() -> None:
    refused_at = {}
    for share in (4_000, AdmissionParameters().habit_bps, 8_000):
        parameters = AdmissionParameters(habit_bps=share)
        habits, judged, taken = Habits(parameters), 0, 0
        for contribution in standard_library():
            for text in contribution.rows:
                row = fingerprint(text)
                stock_bps = habits.stock_bps(contribution.contributor, row)
                habits.take(contribution.contributor, row)
                judged += 1
                taken += stock_bps >= parameters.habit_template_bps
        refused_at[share] = taken * 10_000 // judged
        assert judged > 2_000
    assert refused_at[4_000] > 0  # there are forms in the library, so the sweep can tell
    assert refused_at[AdmissionParameters().habit_bps] <= 10
    assert refused_at[8_000] <= refused_at[AdmissionParameters().habit_bps]


def test_authors_of_the_language_reference_are_not_taken_for_forms_by_far() -> None:
    habits, judged = Habits(AdmissionParameters(habit_bps=3_000)), 0
    for contribution in help_topics():
        for text in contribution.rows:
            row = fingerprint(text)
            assert habits.stock_bps(contribution.contributor, row) < 7_000
            habits.take(contribution.contributor, row)
            judged += 1
    assert judged > 1_400
