"""Rows are sealed, then shown, then judged in the order of their seals; and bundles show it."""

from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest
from attribution.desk_key import Key
from attribution.small_epoch import small_epoch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headwater_attribution.admission import AdmissionDesk, Contribution
from headwater_attribution.admission.priority import RoundPart, round_part
from headwater_attribution.admission.rounds import in_order, review_round
from headwater_attribution.admission.seal import Opening, row_hash, row_salt, seal
from headwater_attribution.admission.seal_log import (
    CommittedOnChain,
    SealLog,
    contradicts,
    sign_log,
    sign_place,
)
from headwater_attribution.admission.signed import FIRST, SignedVerdicts, replay_faults
from headwater_attribution.bundle import EpochBundle
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import SealBrokenError
from headwater_attribution.verify import verify_bundle
from headwater_contracts.clients.row_commitments import HiddenRow, HiddenRows
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import to_hex

CHAIN = 84_532
ALICE, BOB = (parse_address("0x" + digits * 20) for digits in ("a1", "b0"))
TEXT = "A heap is a tree whose parents never exceed their children, by any comparison."


def opening(
    number: int, contributor: Address, *rows: str, licence: str = "MIT", salt: bytes = b"s" * 32
) -> Opening:
    return Opening(Contribution(number, contributor, licence, rows or (TEXT,)), salt)


def log_of(*openings: Opening, number: int = 1) -> SealLog:
    return SealLog(datanet_id=1, round=number, seals=tuple(to_hex(seal(each)) for each in openings))


def test_whoever_copies_rows_that_were_shown_comes_after_their_author() -> None:
    author = opening(7, ALICE)
    log = log_of(author)
    # Bob hands the rows in first; he read them, so he has no seal of this round.
    copied = opening(3, BOB, salt=b"b" * 32)
    placed = in_order(log, [copied, author])
    assert [(each.contribution.contributor, each.place) for each in placed] == [
        (ALICE, 0),
        (BOB, None),
    ]
    signed = anyio.run(review_round, AdmissionDesk(), placed, FIRST, Key(), CHAIN)
    assert [each.verdicts[0].rule for each in signed] == ["accepted/1", "same-text/1"]
    assert [(each.round, each.place) for each in signed] == [(1, 0), (1, None)]


@settings(max_examples=40)
@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(0, 6))
def test_the_order_of_judging_is_that_of_the_seals_whoever_shows_when(
    sealed: Sequence[int], shown: Sequence[int], left_out: int
) -> None:
    each = [opening(n, ALICE, f"Row {n} of the {n} that were sealed.") for n in range(6)]
    log = log_of(*(each[n] for n in sealed))
    placed = in_order(log, [each[n] for n in shown if n != left_out])
    found = [one.contribution.contribution_id for one in placed]
    assert found == [n for n in sealed if n != left_out]


def test_a_seal_tells_nothing_and_opens_for_nobody_else() -> None:
    author = opening(1, ALICE)
    log = log_of(author)
    assert seal(author) == seal(opening(9, ALICE))
    for other in (
        opening(1, BOB),
        opening(1, ALICE, "A heap is a bush."),
        opening(1, ALICE, licence="CC0-1.0"),
        opening(1, ALICE, TEXT, TEXT),
        opening(1, ALICE, salt=b"t" * 32),
    ):
        assert [each.place for each in in_order(log, [other])] == [None]
    for twice in ([author, opening(2, ALICE)], [author, opening(1, BOB)]):
        with pytest.raises(SealBrokenError, match="one number"):
            in_order(log, twice)
    with pytest.raises(InvalidInputError, match="32"):
        opening(1, ALICE, salt=b"")
    with pytest.raises(InvalidInputError, match="one row"):
        Opening(Contribution(1, ALICE, "MIT", ()), b"s" * 32)


def test_a_copied_seal_gives_its_author_the_earlier_place() -> None:
    author, other = opening(5, ALICE), opening(6, BOB, "The one of somebody else, sealed later.")
    log = SealLog(datanet_id=1, round=1, seals=())
    for each in (author, other, author):
        log = log.with_seal(seal(each))
    assert len(log.seals) == 2
    assert in_order(log, [other, author])[0].contribution.contributor == ALICE


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_a_seal_is_the_root_that_the_contract_opens_row_by_row(rows: int) -> None:
    one = opening(1, ALICE, *(f"Row {n} of this contribution." for n in range(rows)))
    hidden = HiddenRows(
        [
            HiddenRow(row_hash("MIT", n, text), ALICE, row_salt(one.salt, n))
            for n, text in enumerate(one.contribution.rows)
        ]
    )
    assert seal(one) == hidden.root


def test_seals_of_one_block_keep_their_order_and_none_is_later_than_the_round() -> None:
    seals = tuple("0x" + f"{n:064x}" for n in range(3))

    def on_chain(*blocks: int, opened: int) -> SealLog:
        chain = CommittedOnChain(
            chain_id=CHAIN, contract="0x" + "22" * 20, opened=opened, blocks=blocks
        )
        return SealLog(datanet_id=1, round=1, seals=seals, chain=chain)

    assert on_chain(4, 4, 9, opened=9).seals == seals
    for blocks, opened in (((4, 3, 9), 9), ((4, 4, 9), 8), ((4, 4), 9)):
        with pytest.raises(ValidationError):
            on_chain(*blocks, opened=opened)
    with pytest.raises(ValidationError, match="one place"):
        SealLog(datanet_id=1, round=1, seals=(seals[0], seals[0]))


def test_a_desk_that_puts_a_seal_in_afterwards_contradicts_what_it_signed() -> None:
    mine, other = opening(1, ALICE), opening(2, BOB, "A row that came in later than the other.")

    async def signed() -> tuple[bool, bool, bool]:
        before = log_of(mine)
        given = await sign_place(before, 0, Key(), CHAIN)
        honest = await sign_log(log_of(mine, other), Key(), CHAIN)
        squatted = await sign_log(log_of(other, mine), Key(), CHAIN)
        left_out = await sign_log(log_of(), Key(), CHAIN)
        with pytest.raises(InvalidInputError, match="two desks"):
            contradicts(given, await sign_log(log_of(mine), Key(9), CHAIN), CHAIN)
        with pytest.raises(InvalidInputError, match="no place"):
            await sign_place(before, 1, Key(), CHAIN)
        return (
            contradicts(given, honest, CHAIN),
            contradicts(given, squatted, CHAIN),
            contradicts(given, left_out, CHAIN),
        )

    assert anyio.run(signed) == (False, True, True)


def test_verdicts_out_of_the_order_of_the_seals_are_named() -> None:
    shown = [
        opening(1, ALICE, "A queue hands out first what came first, and a stack what came last."),
        opening(2, BOB, "Whoever reads the index before the book knows where to look for it."),
    ]
    log = log_of(*shown)

    def history(order: Sequence[Opening]) -> list[tuple[Contribution, SignedVerdicts]]:
        placed = [in_order(log, [each])[0] for each in order]
        signed = anyio.run(review_round, AdmissionDesk(), placed, FIRST, Key(), CHAIN)
        return [(each.contribution, one) for each, one in zip(order, signed, strict=True)]

    def faults(kept: list[tuple[Contribution, SignedVerdicts]]) -> tuple[str, ...]:
        return replay_faults(kept, AdmissionDesk(), Key().address, CHAIN, [log])

    assert faults(history(shown)) == ()
    [told] = faults(history(shown[::-1]))
    assert told == "The verdicts on contribution 1 were given out of the order of the seals."
    (first, signed), second = history(shown)
    moved = signed.model_copy(update={"place": 1})
    assert any("another seal" in each for each in faults([(first, moved), second]))


def sealed_bundle(log: SealLog | None = None) -> EpochBundle:
    """An epoch whose rows came in with seals."""
    bundle = small_epoch(epoch=1)
    shown = openings_of(bundle.corpus.corpus())
    closed = anyio.run(sign_log, log or log_of(*shown), Key(), CHAIN)
    part = round_part(closed, in_order(closed, shown), bundle.corpus.corpus())
    return bundle.model_copy(update={"rounds": (part,)})


def openings_of(corpus: Corpus) -> list[Opening]:
    """Of each contribution one refused row before those that are in."""
    return [
        Opening(
            Contribution(
                number,
                next(r.contributor for r in corpus.rows if r.contribution_id == number),
                "MIT",
                ("refused", *(r.text for r in corpus.rows if r.contribution_id == number)),
            ),
            bytes([number]) * 32,
        )
        for number in sorted({row.contribution_id for row in corpus.rows})
    ]


def faults_of(bundle: EpochBundle, part: RoundPart, desk: Address | None = None) -> str:
    return " ".join(verify_bundle(bundle.model_copy(update={"rounds": (part,)}), desk=desk).faults)


def test_a_bundle_shows_who_had_its_rows_first_and_tells_no_refused_row() -> None:
    bundle = sealed_bundle()
    again = EpochBundle.model_validate_json(bundle.model_dump_json())
    verdict = verify_bundle(again, desk=Key().address)
    assert verdict.holds
    assert verdict.taken_as_given == ()
    assert "refused" not in bundle.model_dump_json()
    unsealed = verify_bundle(small_epoch(epoch=1))
    assert unsealed.holds
    assert "no seals" in unsealed.taken_as_given[0]
    assert not verify_bundle(small_epoch(epoch=1), desk=Key().address).holds


def test_each_change_of_an_order_is_named() -> None:
    bundle = sealed_bundle()
    part = bundle.rounds[0]
    [first, second] = part.shown
    shown = openings_of(bundle.corpus.corpus())
    turned = anyio.run(sign_log, log_of(*shown[::-1]), Key(), CHAIN)
    other_order = part.model_copy(
        update={
            "log": turned,
            "shown": (
                second.model_copy(update={"place": 0}),
                first.model_copy(update={"place": 1}),
            ),
        }
    )
    assert "was sealed before row 1" in faults_of(bundle, other_order)
    backwards = part.model_copy(update={"shown": part.shown[::-1]})
    assert "not stated in the order" in faults_of(bundle, backwards)
    assert "is in no round" in faults_of(bundle, part.model_copy(update={"shown": (first,)}))

    dated = first.model_copy(update={"place": None})
    demoted = part.model_copy(update={"shown": (second, dated)})
    assert "was sealed before row" in faults_of(bundle, demoted)
    claimed = dated.model_copy(update={"place": 1})
    assert "is not what was sealed at place 1" in faults_of(
        bundle, part.model_copy(update={"shown": (claimed, second)})
    )
    resalted = first.rows[0].model_copy(update={"salt": "0x" + "77" * 32})
    forged = first.model_copy(update={"rows": (resalted, *first.rows[1:])})
    assert "is not what contribution 0 sealed as its row 1" in faults_of(
        bundle, part.model_copy(update={"shown": (forged, second)})
    )
    text = replace(bundle.corpus.corpus().rows[0], text="Words that nobody sealed.")
    rows = (bundle.corpus.rows[0].model_copy(update={"text": text.text}), *bundle.corpus.rows[1:])
    corpus = bundle.corpus.model_copy(update={"rows": rows})
    assert "sealed as its row 1" in faults_of(bundle.model_copy(update={"corpus": corpus}), part)


def test_a_log_of_another_desk_round_or_datanet_is_named() -> None:
    bundle = sealed_bundle()
    part = bundle.rounds[0]
    assert "is signed by" in faults_of(bundle, part, BOB)
    unsigned = part.model_copy(update={"log": part.log.model_copy(update={"signature": ""})})
    assert "is not signed" in faults_of(bundle, unsigned)
    for change in ({"before": "0x" + "01" * 32}, {"datanet_id": 2}):
        moved = part.log.model_copy(update=change)
        assert "does not follow" in faults_of(bundle, part.model_copy(update={"log": moved}))
