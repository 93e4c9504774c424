import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from attribution.reference_backend import answer
from typer.testing import CliRunner

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.cli import app
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.entitlement import VaultDomain, entitlement_opens
from headwater_attribution.epoch import PaidAnswer, Standing, close_epoch, standing_after
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.methods import default_method
from headwater_attribution.receipt import attribute_answer
from headwater_attribution.rules import BY_ROWS, CAUSES, RuleParameters
from headwater_attribution.sumtree import SumNode
from headwater_attribution.verify import verify_bundle
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.split import portion

DOMAIN = VaultDomain(84_532, parse_address("0x" + "11" * 20), parse_address("0x" + "22" * 20))
SHARE = 60_000_000
TOPICS = [f"topic{i}" for i in range(12)]


def owner(number: int) -> Address:
    return parse_address(f"0x{number + 1:040x}")


CORPUS = Corpus(
    1,
    1,
    [
        CorpusRow(
            i // 2,
            owner(i // 2),
            "MIT",
            i,
            f"The {t} keeps {t}alpha and {t}beta sorted while {t}gamma pushes new {t}delta items.",
        )
        for i, t in enumerate(TOPICS)
    ],
)
METHOD = default_method(CORPUS)


def paid(number: int, charge: int = 1_003) -> PaidAnswer:
    topic, next_topic = TOPICS[number % 12], TOPICS[(number + 5) % 12]
    prompt = f"{topic}alpha {topic}gamma {topic}beta {next_topic}alpha"
    return PaidAnswer(f"0x{number:064x}", charge, answer(CORPUS, prompt))


def close(answers: list[PaidAnswer], epoch: int = 1, before: Standing | None = None) -> EpochBundle:
    return close_epoch(
        epoch, DOMAIN, CORPUS, answers, METHOD, CAUSES, contributors_share=SHARE, before=before
    )


@pytest.fixture(scope="module")
def bundle() -> EpochBundle:
    return close([paid(i) for i in range(20)])


def test_money_in_is_money_earned_and_money_unattributed(bundle: EpochBundle) -> None:
    assert bundle.sum > 0
    assert bundle.sum + bundle.unattributed == 20 * portion(1_003, SHARE)
    assert sum(leaf.cumulative for leaf in bundle.leaves) == bundle.sum


def test_every_leaf_opens_under_the_root(bundle: EpochBundle) -> None:
    root = SumNode(parse_hex(bundle.root), bundle.sum)
    for leaf in bundle.leaves:
        assert entitlement_opens(DOMAIN, root, bundle.depth, leaf.entitlement(), leaf.sum_proof())


def test_the_order_of_answers_changes_nothing(bundle: EpochBundle) -> None:
    assert close([paid(i) for i in reversed(range(20))]) == bundle


def test_an_honest_bundle_holds_after_a_round_trip_through_json(bundle: EpochBundle) -> None:
    again = EpochBundle.model_validate_json(bundle.model_dump_json())
    assert again == bundle
    verdict = verify_bundle(again)
    assert verdict.holds
    assert len(verdict.leaves) == len(bundle.leaves) > 3


def test_positions_stay_and_entitlements_only_grow(bundle: EpochBundle) -> None:
    only_two = close([paid(0), paid(1)])
    second = close([paid(i) for i in range(40, 60)], 2, standing_after(only_two))
    assert len(second.leaves) > len(only_two.leaves)
    for before, after in zip(only_two.leaves, second.leaves, strict=False):
        assert (before.position, before.account) == (after.position, after.account)
        assert before.cumulative <= after.cumulative
    assert second.depth >= only_two.depth
    assert second.sum - only_two.sum + second.unattributed == 20 * portion(1_003, SHARE)
    assert verify_bundle(second).holds


def test_an_epoch_without_receipts_keeps_the_standing(bundle: EpochBundle) -> None:
    idle = close([], 2, standing_after(bundle))
    assert (idle.sum, idle.unattributed, idle.depth) == (bundle.sum, 0, bundle.depth)
    assert {leaf.detail_root for leaf in idle.leaves} == {"0x" + "00" * 32}
    assert verify_bundle(idle).holds
    assert close([]).sum == 0


def change_leaf(bundle: EpochBundle, **change: object) -> EpochBundle:
    leaves = (bundle.leaves[0], bundle.leaves[1].model_copy(update=change), *bundle.leaves[2:])
    return bundle.model_copy(update={"leaves": leaves})


def change_receipt(bundle: EpochBundle, **change: object) -> EpochBundle:
    receipts = (bundle.receipts[0].model_copy(update=change), *bundle.receipts[1:])
    return bundle.model_copy(update={"receipts": receipts})


def test_a_raised_leaf_is_named_and_no_other(bundle: EpochBundle) -> None:
    leaf = bundle.leaves[1]
    verdict = verify_bundle(change_leaf(bundle, cumulative=leaf.cumulative + 1))
    assert [v.position for v in verdict.leaves if not v.holds] == [1]
    assert str(leaf.cumulative + 1) in (verdict.leaves[1].fault or "")
    assert not verdict.holds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"account": owner(77)}, "belongs to"),
        ({"detail_root": "0x" + "00" * 32}, "receipts behind it"),
        ({"proof": ()}, "proof"),
        ({"position": 99}, "Nobody earned"),
    ],
)
def test_each_kind_of_false_leaf_is_told_apart(
    bundle: EpochBundle, change: dict[str, object], words: str
) -> None:
    verdict = verify_bundle(change_leaf(bundle, **change))
    assert any(words in (leaf.fault or "") for leaf in verdict.leaves)


def test_a_missing_leaf_is_named(bundle: EpochBundle) -> None:
    verdict = verify_bundle(bundle.model_copy(update={"leaves": bundle.leaves[:-1]}))
    assert [leaf.position for leaf in verdict.leaves if not leaf.holds] == [len(bundle.leaves) - 1]


def test_a_changed_attribution_is_named_with_receipt_and_contribution(bundle: EpochBundle) -> None:
    receipt = bundle.receipts[0]
    share = receipt.attribution.shares[0]
    shares = (replace(share, parts=share.low, high=share.high), *receipt.attribution.shares[1:])
    forged = change_receipt(bundle, attribution=replace(receipt.attribution, shares=shares))
    verdict = verify_bundle(forged)
    assert all(leaf.holds for leaf in verdict.leaves)
    (fault,) = verdict.faults
    assert receipt.receipt_id in fault
    assert f"contribution {share.contribution_id}" in fault


def test_a_raised_charge_shows_in_the_receipts_root_and_in_leaves(bundle: EpochBundle) -> None:
    verdict = verify_bundle(change_receipt(bundle, charge=2_000_000))
    assert any("receipts root" in fault for fault in verdict.faults)
    assert any(not leaf.holds for leaf in verdict.leaves)


def test_forged_evidence_is_named(bundle: EpochBundle) -> None:
    evidence = bundle.receipts[0].evidence
    thief = replace(evidence.passages[0], contributor=owner(77))
    forged = replace(evidence, passages=(thief, *evidence.passages[1:]))
    verdict = verify_bundle(change_receipt(bundle, evidence=forged))
    assert any("another owner" in fault for fault in verdict.faults)


def test_a_changed_row_shows_in_the_content_root(bundle: EpochBundle) -> None:
    row = bundle.corpus.rows[0].model_copy(update={"contributor": owner(77)})
    corpus = bundle.corpus.model_copy(update={"rows": (row, *bundle.corpus.rows[1:])})
    verdict = verify_bundle(bundle.model_copy(update={"corpus": corpus}))
    assert any("content root" in fault for fault in verdict.faults)
    assert not verdict.holds


@pytest.mark.parametrize(
    "change",
    [
        {"root": "0x" + "12" * 32},
        {"sum": 1},
        {"depth": 9},
        {"unattributed": 1},
        {"receipts_root": "0x" + "12" * 32},
        {"contributors_share": SHARE + 10_000_000},
    ],
)
def test_no_part_of_a_bundle_can_be_changed(bundle: EpochBundle, change: dict[str, object]) -> None:
    assert not verify_bundle(bundle.model_copy(update=change)).holds


def test_other_parameters_give_another_result(bundle: EpochBundle) -> None:
    greedy = bundle.rule.model_copy(update={"parameters": {"shrinkage": 0, "cap": 100_000_000}})
    assert not verify_bundle(bundle.model_copy(update={"rule": greedy})).holds
    unknown = bundle.rule.model_copy(update={"parameters": {"luck": 1}})
    with pytest.raises(UnknownMethodError, match="luck"):
        verify_bundle(bundle.model_copy(update={"rule": unknown}))


def test_a_rule_that_does_not_pay_by_receipt_cannot_close_an_epoch() -> None:
    with pytest.raises(InvalidInputError, match="by receipt"):
        close_epoch(1, DOMAIN, CORPUS, [paid(0)], METHOD, BY_ROWS, contributors_share=SHARE)


def test_a_receipt_twice_or_a_charge_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="twice"):
        close([paid(0), paid(0)])
    with pytest.raises(InvalidInputError):
        close([paid(0, charge=2**127)])


def test_stronger_shrinkage_pays_less() -> None:
    sums = []
    for shrinkage in (0, 50_000_000, 100_000_000):
        rule = replace(CAUSES, parameters=RuleParameters(shrinkage=shrinkage))
        answers = [paid(i) for i in range(10)]
        sums.append(
            close_epoch(1, DOMAIN, CORPUS, answers, METHOD, rule, contributors_share=SHARE).sum
        )
    assert sums[0] > sums[1] > sums[2]


def test_splitting_over_ten_identities_earns_no_more_than_one() -> None:
    def earned(identity: Callable[[int], int]) -> int:
        corpus = Corpus(
            1,
            1,
            [
                replace(row, contribution_id=identity(i), contributor=owner(identity(i)))
                for i, row in enumerate(CORPUS.rows)
            ],
        )
        answers = [
            replace(paid(i), evidence=answer(corpus, paid(i).evidence.prompt)) for i in range(24)
        ]
        closed = close_epoch(
            1, DOMAIN, corpus, answers, default_method(corpus), CAUSES, contributors_share=SHARE
        )
        others = {owner(99)}
        return sum(leaf.cumulative for leaf in closed.leaves if leaf.account not in others)

    together = earned(lambda row: 0 if row < 10 else 99)
    apart = earned(lambda row: row if row < 10 else 99)
    assert together * 9 // 10 <= apart <= together
    assert together > 10_000


def test_an_attribution_receipt_binds_every_part() -> None:
    receipt = attribute_answer("0x" + "00" * 32, paid(3).evidence, METHOD)
    changed = [
        replace(receipt, receipt_id="0x" + "01" * 32),
        replace(receipt, method_id="combined/2"),
        replace(receipt, parameters={}),
        replace(receipt, evidence="0x" + "01" * 32),
        replace(receipt, corpus_root="0x" + "01" * 32),
        replace(receipt, attribution=replace(receipt.attribution, shares=())),
    ]
    assert len({each.commitment() for each in [receipt, *changed]}) == 7


def test_a_thousand_receipts_close_in_under_two_seconds() -> None:
    answers = [paid(i) for i in range(12)]
    many = [replace(answers[i % 12], receipt_id=f"0x{i:064x}") for i in range(1_000)]
    started = time.process_time()
    closed = close(many)
    assert time.process_time() - started < 2
    assert len(closed.receipts) == 1_000


@pytest.fixture
def run() -> Callable[..., tuple[int, str, str]]:
    def invoke(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    return invoke


def test_the_command_says_that_an_honest_bundle_holds(
    bundle: EpochBundle, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    path = tmp_path / "epoch.json"
    path.write_text(bundle.model_dump_json())
    code, out, _ = run("verify", str(path))
    assert code == 0
    assert f"All {len(bundle.leaves)} leaves hold." in out
    assert bundle.leaves[0].account not in out
    code, out, _ = run("verify", str(path), "--verbose")
    assert code == 0
    assert all(leaf.account in out for leaf in bundle.leaves)
    assert run("verify", str(path), "--quiet")[:2] == (0, "")


def test_the_command_prints_the_leaves_that_differ_and_how_many_hold(
    bundle: EpochBundle, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    path, forged = tmp_path / "epoch.json", change_leaf(bundle, cumulative=5)
    path.write_text(forged.model_dump_json())
    code, out, _ = run("verify", str(path))
    changed = [a.account for a, b in zip(bundle.leaves, forged.leaves, strict=True) if a != b]
    assert code == 1
    assert [leaf.account for leaf in bundle.leaves if leaf.account in out] == changed
    assert f"{len(bundle.leaves) - 1} of {len(bundle.leaves)} leaves hold." in out


def test_the_command_fails_on_a_forged_bundle_with_one_sentence(
    bundle: EpochBundle, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    path = tmp_path / "epoch.json"
    path.write_text(change_leaf(bundle, cumulative=5).model_dump_json())
    code, out, err = run("verify", str(path), "--quiet")
    assert code == 1
    assert "recomputed" in out
    assert err.startswith("error[bundle_refused]: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", [None, b"{", b"{}", b'{"format": "headwater/epoch/9"}'])
def test_the_command_explains_what_is_no_bundle(
    content: bytes | None, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    path = tmp_path / "epoch.json"
    if content is not None:
        path.write_bytes(content)
    code, _, err = run("verify", str(path))
    assert code == 2
    assert err.startswith("error[invalid_input]: ")
    assert err.count("\n") == 1
