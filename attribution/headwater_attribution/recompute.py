"""Computing an epoch again from a bundle's inputs alone: its tree, and each leaf's receipts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headwater_attribution.bundle import EpochBundle, ReceiptPart
from headwater_attribution.entitlement import EntitlementTree
from headwater_attribution.epoch import Standing, entitlement_tree, settle, standing_after
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.registry import method_from
from headwater_attribution.rules import RewardRule, RuleParameters, rule_named
from headwater_payments.address import parse_address
from headwater_payments.errors import HeadwaterError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.split import PARTS


@dataclass(frozen=True, slots=True)
class RecomputedEpoch:
    """What the inputs of a bundle come to.

    Attributes:
        tree: every entitlement.
        details: what each receipt (32 bytes) paid each position in this epoch, atomic units.
        unattributed: what the receipts left in the pool.
        faults: where rows or attributions differ from those stated, a sentence each.
    """

    tree: EntitlementTree
    details: Mapping[int, Mapping[bytes, int]]
    unattributed: int
    faults: tuple[str, ...]


def recompute_epoch(bundle: EpochBundle, previous: EpochBundle | None = None) -> RecomputedEpoch:
    """Recompute an epoch from rows, evidence, charges and parameters.

    Args:
        bundle: the epoch.
        previous: the bundle of the last final root, to start from instead of the standing that
            `bundle` states.

    Raises:
        UnknownMethodError: the bundle names a method or rule that is not installed here.
        InvalidInputError: its inputs don't make a corpus or an epoch at all.
    """
    corpus, method = bundle.corpus.corpus(), bundle_method(bundle)
    rule = rule_of(bundle)
    faults: list[str] = []
    if to_hex(corpus.root) != bundle.corpus.root:
        faults.append(
            f"The rows hash to the content root {to_hex(corpus.root)}, "
            f"not to the {bundle.corpus.root} stated."
        )
    faults += _calibration_faults(bundle)
    receipts = []
    for receipt in bundle.receipts:
        recomputed, fault = _recompute(receipt, method)
        receipts.append(recomputed)
        faults += [fault] if fault else []
    earnings = settle(receipts, corpus, rule, bundle.contributors_share)
    standing = _stated_standing(bundle) if previous is None else standing_after(previous)
    tree = entitlement_tree(bundle.vault.domain(), standing, earnings)
    details = {
        position: {
            parse_hex(receipt): amount
            for receipt, amount in earnings.by_account.get(leaf.account, {}).items()
        }
        for position, leaf in tree.entitlements.items()
    }
    return RecomputedEpoch(tree, details, earnings.unattributed, tuple(faults))


def bundle_method(bundle: EpochBundle) -> AttributionMethod:
    """The method that a bundle names, with its parameters, over its corpus.

    Raises:
        UnknownMethodError: it is not installed here, or takes no such parameters.
    """
    committed = None if bundle.influence is None else bundle.influence.committed()
    named = bundle.method
    return method_from(named.id, named.parameters, bundle.corpus.corpus(), committed)


def _stated_standing(bundle: EpochBundle) -> Standing:
    return Standing(
        tuple(parse_address(account) for account in bundle.previous.accounts),
        bundle.previous.cumulative,
        bundle.previous.depth,
    )


def _calibration_faults(bundle: EpochBundle) -> list[str]:
    """Where the rule pays with another confidence than the card has, or with one from nowhere."""
    stated = bundle.rule.parameters.get("confidence", PARTS)
    if bundle.calibration is None:
        confident = PARTS
        source = "without a calibration card it is"
    else:
        confident = bundle.calibration.confidence(bundle.method.id)
        source = f"the calibration card has {bundle.method.id} at"
    if stated == confident:
        return []
    return [f"The rule pays with a confidence of {stated} parts, and {source} {confident}."]


def rule_of(bundle: EpochBundle) -> RewardRule:
    """The rule that a bundle names, with its parameters.

    Raises:
        UnknownMethodError: it is not installed here, or takes no such parameters.
    """
    try:
        parameters = RuleParameters(**bundle.rule.parameters)
    except TypeError as exc:
        raise UnknownMethodError(
            f"The rule {bundle.rule.id} does not take the parameters "
            f"{sorted(bundle.rule.parameters)}.",
            rule_id=bundle.rule.id,
        ) from exc
    return replace(rule_named(bundle.rule.id), parameters=parameters)


def _recompute(receipt: ReceiptPart, method: AttributionMethod) -> tuple[ReceiptPart, str | None]:
    try:
        attribution = method.attribute(receipt.evidence)
    except HeadwaterError as error:
        return receipt, f"Receipt {receipt.receipt_id}: {error.message}"
    if attribution == receipt.attribution:
        return receipt, None
    stated = {share.contribution_id: share for share in receipt.attribution.shares}
    found = {share.contribution_id: share for share in attribution.shares}
    other = sorted(key for key in stated | found if stated.get(key) != found.get(key))
    fault = (
        f"Receipt {receipt.receipt_id}: the evidence gives other shares than stated to "
        f"contribution {', '.join(map(str, other))}."
    )
    return receipt.model_copy(update={"attribution": attribution}), fault
