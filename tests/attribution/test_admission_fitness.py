"""What may not enter though it is new; verdicts that replay; and the known ways of farming."""

import random
from dataclasses import replace

import anyio
import pytest
from attribution.desk_key import Key
from attribution.standard_library import standard_library

from headwater_attribution.admission import (
    AdmissionDesk,
    AdmissionParameters,
    Contribution,
    RegisteredBenchmarks,
    admit,
)
from headwater_attribution.admission import order as order_module
from headwater_attribution.admission.fingerprint import fingerprint
from headwater_attribution.admission.lexicon import FUNCTION_WORDS
from headwater_attribution.admission.order import OrderGain, WordOrder
from headwater_attribution.admission.private import private_objection
from headwater_attribution.admission.signed import (
    FIRST,
    SignedVerdicts,
    ground_hash,
    parameters_hash,
    replay_faults,
    review_and_sign,
)
from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import to_hex

CHAIN = 84_532
ALICE = parse_address("0x" + "a1" * 20)
HONEST = standard_library()[:12]


# Joined here, so that no file holds a whole one.
SECRETS = {
    "a private key": "Use -----BEGIN RSA PRIVATE" + " KEY----- for it.",
    "an access key of a cloud": "The key AKIA" + "IOSFODNN7EXAMPL2 opens it.",
    "a token of a code host": "Clone with ghp_" + "a1B2" * 9 + " as usual.",
    "an API key": "Call it with sk-" + "proj-" + "Zz9" * 8 + " in front.",
    "a chat token": "Post with xoxb-" + "123456789012-abcdef" + " there.",
    "a signed web token": "Send eyJ" + "hbGciOiJI.eyJ" + "zdWIiOiIx.c2lnbmF0dXJl now.",
    "a password in an address": "Open postgres" + "://admin:hunter22@db.internal/x first.",
}
PERSONAL = {
    "somebody's e-mail address": "Ask jane.doe" + "@mail-host.org about the queue.",
    "the number of a payment card": "Pay with 4111 1111" + " 1111 1111 if you like.",
    "the number of a bank account": "Send it to DE89 3704 0044" + " 0532 0130 00 please.",
    "a telephone number": "Call +49 30 901820" + " 11 in the morning.",
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_refused_and_not_repeated(what: str) -> None:
    assert private_objection(SECRETS[what]) == (
        "secret/1",
        f"It holds what looks like {what}: take it out, and replace the key.",
    )


@pytest.mark.parametrize("what", PERSONAL)
def test_a_personal_number_is_refused_and_not_repeated(what: str) -> None:
    found = private_objection(PERSONAL[what])
    assert found == ("personal-data/1", f"It holds what looks like {what}: take it out.")


@pytest.mark.parametrize(
    "text",
    [
        "Write to user@example.com or to root@localhost.",
        "The number 4111 1111 1111 1112 fails its check digit.",
        "The number 0000 0000 0000 0000 is no card.",
        "DE00 3704 0044 0532 0130 00 has the wrong remainder.",
        "Version 1.2.3.4 of 2026-11-21 18:30 has 10,000,000,000,000 rows.",
        "Connect to postgres" + "://user:<password>@host/name as it says.",
        "Pi is about 3.14159265358979323846, as 4111111111111111.5 is not.",
    ],
)
def test_what_only_looks_so_passes(text: str) -> None:
    assert private_objection(text) is None


def test_a_row_with_a_secret_leaves_the_others_in() -> None:
    rows = ("A heap is a tree whose parents never exceed their children.", SECRETS["an API key"])
    verdicts = admit([Contribution(1, ALICE, "MIT", rows)])
    assert [each.rule for each in verdicts] == ["accepted/1", "secret/1"]


QUESTION = (
    "If a train leaves the station at nine and another at ten, when does the faster one arrive "
    "at the bridge that both of them have to cross?"
)


def test_a_benchmarks_question_is_quarantined_in_any_spelling_and_any_company() -> None:
    known = RegisteredBenchmarks({"trains": [QUESTION], "short": ["Who wrote the book of songs?"]})
    rows = (
        "Consider this: " + QUESTION.upper().replace("E", "\u0415") + " It is a riddle for us.",
        "Somebody asked who wrote the book of songs, and nobody in the room could say it.",
        "If a train leaves the station at nine it is usually on time at the bridge.",
    )
    verdicts = AdmissionDesk(benchmarks=known).review(Contribution(1, ALICE, "MIT", rows))
    assert [each.rule for each in verdicts] == ["benchmark/1", "benchmark/1", "accepted/1"]
    assert "trains" in verdicts[0].reason
    assert all(each.accepted for each in admit([Contribution(1, ALICE, "MIT", rows[2:])]))


async def _history() -> list[tuple[Contribution, SignedVerdicts]]:
    desk, before, found = AdmissionDesk(), FIRST, []
    for contribution in HONEST[:4]:
        signed = await review_and_sign(desk, contribution, before, Key(), CHAIN)
        before = to_hex(signed.hash())
        found.append((contribution, signed))
    return found


def replayed(history: list[tuple[Contribution, SignedVerdicts]]) -> tuple[str, ...]:
    return replay_faults(history, AdmissionDesk(), Key().address, CHAIN)


def test_signed_verdicts_replay_and_each_change_is_named() -> None:
    history = anyio.run(_history)
    assert replayed(history) == ()
    again = [
        (each, SignedVerdicts.model_validate_json(signed.model_dump_json()))
        for each, signed in history
    ]
    assert replayed(again) == ()

    contribution, signed = history[1]
    lies = list(signed.verdicts)
    lies[0] = replace(lies[0], rule="letters/1", reason="I do not like it.")
    forged = signed.model_copy(update={"verdicts": tuple(lies)})
    told = replayed([history[0], (contribution, forged)])
    number = contribution.contribution_id
    assert f"Row 0 of contribution {number} is accepted/1, and letters/1 is stated." in told
    assert any("not signed by" in fault for fault in told)

    rows = (*contribution.rows[1:], "Something else altogether was handed in here instead of it.")
    told = replayed([history[0], (replace(contribution, rows=rows), signed)])
    assert f"The verdicts on contribution {number} are about other rows." in told

    told = replayed(history[1:])
    assert any("do not follow the ones before them" in fault for fault in told)

    cut = signed.model_copy(update={"verdicts": signed.verdicts[:-1]})
    assert any("leave out rows" in fault for fault in replayed([history[0], (contribution, cut)]))

    stricter = AdmissionDesk(AdmissionParameters(min_words=9))
    told = replay_faults(history, stricter, Key().address, CHAIN)
    assert any("other thresholds" in fault for fault in told)
    assert parameters_hash(stricter.parameters) != parameters_hash(AdmissionParameters())


def entered(rows: list[str], contributions: int = 1) -> float:
    """The share of rows that enter after honest ones, handed in by so many identities."""
    desk = AdmissionDesk()
    for each in HONEST:
        desk.review(each)
    parts = [rows[number::contributions] for number in range(contributions)]
    verdicts = [
        verdict
        for number, part in enumerate(parts)
        for verdict in desk.review(
            Contribution(5_000 + number, parse_address(f"0x{number + 9:040x}"), "MIT", tuple(part))
        )
    ]
    return sum(each.accepted for each in verdicts) / len(verdicts)


def test_empty_rows_and_padding_earn_nothing() -> None:
    draw = random.Random(1)
    padding = [" ".join(f"{draw.getrandbits(64):016x}" for _ in range(20)) for _ in range(30)]
    assert entered(["", "   ", "\u200b\u200b", "...", "-- --"] * 4) == 0
    assert entered(padding) == 0
    assert entered(padding, contributions=30) == 0


def test_the_same_row_many_times_in_one_contribution_enters_once() -> None:
    row = "Whoever keeps bees in the city has to ask the neighbours before the swarm does."
    assert entered([row] * 20) <= 1 / 20


def test_a_cluster_of_164_identities_with_one_template_gets_hardly_anything_in() -> None:
    draw = random.Random(2)
    towns = ["Lyon", "Turin", "Basel", "Ghent", "Porto", "Malmo", "Graz", "Split"]
    rows = [
        f"The weather in {draw.choice(towns)} was fine at {number} o'clock and people went for a "
        f"walk along the river number {draw.randrange(1_000)} there."
        for number in range(164)
    ]
    assert entered(rows, contributions=164) < 0.05


def test_good_rows_first_do_not_carry_rubbish_behind_them() -> None:
    good = list(standard_library()[14].rows[:6])
    rubbish = ["buy cheap best top free " * 6] * 30
    desk = AdmissionDesk()
    verdicts = desk.review(Contribution(1, ALICE, "MIT", (*good, *rubbish)))
    assert not any(each.accepted for each in verdicts[len(good) :])


def test_rows_said_to_be_ones_own_are_the_first_committers() -> None:
    fabricated = [row.replace("a", "\u0430") for row in HONEST[3].rows]
    assert entered(fabricated) == 0


def test_who_comes_first_with_words_in_any_order_is_refused_where_public_text_is_known() -> None:
    rows = [text for own in standard_library() for text in own.rows]
    public, said = rows[::2], rows[1::2][:40]
    draw = random.Random(3)
    grammar = sorted(FUNCTION_WORDS)
    listed = [
        " ".join(f"{draw.choice(grammar)} {word}" for word in list(fingerprint(text).bag)[:8])
        for text in said
    ]
    first = Contribution(1, ALICE, "MIT", tuple(listed))
    author = Contribution(2, parse_address("0x" + "b0" * 20), "MIT", tuple(said))

    def entered(*, reference: list[str]) -> dict[int, int]:
        verdicts = admit([first, author], reference=reference)
        return {n: sum(v.accepted for v in verdicts if v.ref.contribution_id == n) for n in (1, 2)}

    unknowing, knowing = entered(reference=[]), entered(reference=public)
    assert unknowing[1] > 20
    assert unknowing[2] < 15
    assert knowing[1] == 0
    assert knowing[2] > 30


def test_rows_enter_under_the_licences_that_a_datanet_takes() -> None:
    text = "A heap is a tree whose parents never exceed their children, by any comparison."
    desk = AdmissionDesk(licences=("MIT", "CC0-1.0"))
    for licence, rule in (("GPL-3.0", "licence/1"), ("", "licence/1"), ("MIT", "accepted/1")):
        [verdict] = desk.review(Contribution(1, ALICE, licence, (text,)))
        assert verdict.rule == rule
        assert rule == "accepted/1" or "taken are CC0-1.0, MIT" in verdict.reason
    [refused] = AdmissionDesk(licences=()).review(Contribution(1, ALICE, "MIT", (text,)))
    assert refused.reason.endswith("taken are none.")


def test_signed_verdicts_name_all_that_a_desk_knew() -> None:
    asked = {"quiz": ["Which tree never lets a parent exceed its children?"]}
    knowing = [
        {"licences": ("MIT",)},
        {"reference": ("A queue is first in, first out.",)},
        {"reference": ("A stack is last in, first out.",)},
        {"benchmarks": RegisteredBenchmarks(asked)},
    ]
    grounds = {ground_hash(AdmissionDesk(**each)) for each in knowing}  # type: ignore[arg-type]
    assert len(grounds) == 4
    assert ground_hash(AdmissionDesk()) == parameters_hash(AdmissionParameters())
    assert ground_hash(AdmissionDesk()) not in grounds

    text = "A heap is a tree whose parents never exceed their children, by any comparison."
    contribution, key = Contribution(1, ALICE, "MIT", (text,)), Key()
    desk = AdmissionDesk(reference=("A queue is first in, first out.",))
    signed = anyio.run(review_and_sign, desk, contribution, FIRST, key, CHAIN)
    history = [(contribution, signed)]
    again = AdmissionDesk(reference=("A queue is first in, first out.",))
    assert replay_faults(history, again, key.address, CHAIN) == ()
    [fault] = replay_faults(history, AdmissionDesk(), key.address, CHAIN)
    assert "other thresholds or knowledge" in fault


def test_pairs_of_many_classes_are_counted_as_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [list(fingerprint(text).words) for own in HONEST[:6] for text in own.rows]

    def gains() -> list[OrderGain]:
        order = WordOrder()
        for words in rows:
            order.learn(words)
        return order.gains(rows)

    whole = gains()
    assert len(set(whole)) > 20
    # Most classes are then beyond the table.
    monkeypatch.setattr(order_module, "_NEAR", 8)
    assert gains() == whole
