"""What admission does the fast way comes to what its definitions say, row by row."""

import random
from collections import Counter

from attribution.standard_library import standard_library
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.admission.fingerprint import Fingerprint, fingerprint
from headwater_attribution.admission.neighbours import Match, NeighbourIndex
from headwater_attribution.admission.order import WordOrder
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.private import private_objection
from headwater_attribution.admission.quality import quality_objection
from headwater_attribution.admission.verdict import RowRef

PARAMETERS = AdmissionParameters()


def library(count: int) -> list[Fingerprint]:
    rows = [fingerprint(text) for each in standard_library()[:60] for text in each.rows]
    return random.Random(5).sample(rows, count)


def by_definition(known: list[Fingerprint], row: Fingerprint, other: Fingerprint) -> int:
    """Shared word weight in parts of the lighter row's; 0 where the lengths can't be compared."""
    rows_with = Counter(word for each in known for word in each.bag)

    def weight(bag: Counter[str]) -> int:
        rarity = {word: (len(known) + 1) // max(1, rows_with[word]) for word in bag}
        return sum(times * (rarity[word] + 1).bit_length() for word, times in bag.items())

    shorter, longer = sorted((row.bag_size, other.bag_size))
    if longer * 10_000 > shorter * PARAMETERS.length_ratio_bps + 20_000:
        return 0
    return weight(row.bag & other.bag) * 10_000 // min(weight(row.bag), weight(other.bag))


def test_likeness_weighed_in_one_go_is_what_its_definition_says() -> None:
    rows = library(500)
    known, asked = rows[:400], rows[380:]  # some stand there already
    index = NeighbourIndex(PARAMETERS)
    for number, row in enumerate(known):
        index.add(RowRef(number, 0), row)
    compared = 0
    for row, matches in zip(asked, index.alike_each(asked, {3, 390}), strict=True):
        assert matches == index.alike(row, {3, 390})
        assert matches == sorted(matches, key=lambda each: (-each.alike_bps, each.ref))
        for match in matches:
            number = match.ref.contribution_id
            assert match.alike_bps == by_definition(known, row, known[number])
            assert number not in {3, 390}
            compared += 1
    assert compared > 30
    assert Match(RowRef(399, 0), 10_000) in index.alike(known[399])


def test_words_learned_together_count_as_learned_one_row_after_the_other() -> None:
    rows = [row.words for row in library(120)]
    together, apart = WordOrder(), WordOrder()
    together.learn_each([*rows[:100], ()])
    for row in rows[:100]:
        apart.learn(row)
    assert together.words == apart.words
    assert together.gains(rows[80:]) == apart.gains(rows[80:])


said = st.lists(
    st.sampled_from(["what", "is", "the", "how", "to", "heap", "of", "a", "queue"]), max_size=60
)


@given(said)
def test_a_row_that_repeats_itself_is_told_by_the_count_of_its_stretches(words: list[str]) -> None:
    loose = AdmissionParameters(min_words=0, min_distinct_bps=0, min_letters_bps=0)
    found = quality_objection(fingerprint(" ".join(words)), loose)
    windows = Counter(zip(words, words[1:], words[2:], strict=False))
    again = sum(times for times in windows.values() if times > 1)
    enough = again * 10_000 >= loose.max_echo_bps * windows.total()
    echoes = len(words) >= loose.echo_from_words and enough
    assert echoes == (found is not None and found[0] == "echo/1")


@given(st.integers(0, 10**10), st.sampled_from(["", " Überweisung", " ٣"]))
def test_an_account_number_is_found_in_any_company(account: int, beside: str) -> None:
    body = f"{account:018d}"
    check = 98 - int(f"{body}131400") % 97  # D is 13, E is 14
    assert private_objection(f"Pay DE{check:02d}{body} today{beside}.") is not None
    assert private_objection(f"Pay DE{(check + 1) % 97:02d}{body} today{beside}.") is None
