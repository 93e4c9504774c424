"""Recomputing an epoch bundle, and saying of every leaf whether it holds.

Recomputation proves what the method makes of the evidence. It can't prove that the evidence is
true: for that a second party has to run the requests again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from headwater_attribution.bundle import EpochBundle, LeafPart, ReceiptPart
from headwater_attribution.corpus import Corpus
from headwater_attribution.entitlement import Entitlement, EntitlementTree, entitlement_opens
from headwater_attribution.epoch import Standing, entitlement_tree, receipts_root, settle
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.registry import method_from
from headwater_attribution.rules import RewardRule, RuleParameters, rule_named
from headwater_attribution.sumtree import SumNode
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError
from headwater_payments.hexadecimal import parse_hex, to_hex


@dataclass(frozen=True, slots=True)
class LeafVerdict:
    """Whether one leaf holds.

    Attributes:
        position: the leaf's.
        account: whose it is, as the bundle says.
        claimed: its cumulative amount in the bundle, or None when the bundle lacks the leaf.
        recomputed: what it should be, or None when there should be no such leaf.
        fault: what is wrong in one sentence, or None when it holds.
    """

    position: int
    account: Address
    claimed: int | None
    recomputed: int | None
    fault: str | None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.fault is None


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """The outcome for a whole bundle: faults of its other parts first, then leaf by leaf."""

    faults: tuple[str, ...]
    leaves: tuple[LeafVerdict, ...]

    @property
    def holds(self) -> bool:
        """Whether every part and every leaf holds."""
        return not self.faults and all(leaf.holds for leaf in self.leaves)


def verify_bundle(bundle: EpochBundle) -> BundleVerdict:
    """Recompute corpus root, attributions, payouts and tree from the inputs in `bundle`.

    The evidence, charges, rows and previous standing are taken as given; every result is recomputed
    from them, never from the bundle's own results.

    Raises:
        UnknownMethodError: the bundle names a method or rule that is not installed here.
        InvalidInputError: its inputs don't make a corpus or an epoch at all.
    """
    corpus = bundle.corpus.corpus()
    method = method_from(bundle.method.id, bundle.method.parameters, corpus)
    rule = _rule(bundle)
    faults: list[str] = []
    if to_hex(corpus.root) != bundle.corpus.root:
        faults.append(
            f"The rows hash to the content root {to_hex(corpus.root)}, "
            f"not to the {bundle.corpus.root} stated."
        )
    receipts = []
    for receipt in bundle.receipts:
        recomputed, fault = _recompute(receipt, method)
        receipts.append(recomputed)
        faults += [fault] if fault else []
    tree, unattributed = _tree(bundle, receipts, corpus, rule)
    faults += _root_faults(bundle, tree, unattributed)
    return BundleVerdict(tuple(faults), tuple(_leaves(bundle, tree)))


def _rule(bundle: EpochBundle) -> RewardRule:
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


def _tree(
    bundle: EpochBundle, receipts: list[ReceiptPart], corpus: Corpus, rule: RewardRule
) -> tuple[EntitlementTree, int]:
    earnings = settle(receipts, corpus, rule, bundle.contributors_share)
    standing = Standing(
        tuple(parse_address(account) for account in bundle.previous.accounts),
        bundle.previous.cumulative,
        bundle.previous.depth,
    )
    return entitlement_tree(bundle.vault.domain(), standing, earnings), earnings.unattributed


def _root_faults(bundle: EpochBundle, tree: EntitlementTree, unattributed: int) -> list[str]:
    compared = (
        ("receipts root", bundle.receipts_root, to_hex(receipts_root(bundle.receipts))),
        ("entitlement root", bundle.root, to_hex(tree.root)),
        ("sum", bundle.sum, tree.sum),
        ("depth", bundle.depth, tree.depth),
        ("unattributed amount", bundle.unattributed, unattributed),
    )
    return [
        f"The {name} is stated as {stated} and recomputes to {found}."
        for name, stated, found in compared
        if stated != found
    ]


def _leaves(bundle: EpochBundle, tree: EntitlementTree) -> Iterator[LeafVerdict]:
    stated = {leaf.position: leaf for leaf in bundle.leaves}
    for position in sorted(stated.keys() | tree.entitlements.keys()):
        leaf, found = stated.get(position), tree.entitlements.get(position)
        account = parse_address(leaf.account) if leaf else tree.entitlements[position].account
        yield LeafVerdict(
            position,
            account,
            leaf.cumulative if leaf else None,
            found.cumulative if found else None,
            _leaf_fault(bundle, leaf, found),
        )


def _leaf_fault(
    bundle: EpochBundle, leaf: LeafPart | None, found: Entitlement | None
) -> str | None:
    if leaf is None:
        return "The bundle lacks this leaf."
    if found is None:
        return "Nobody earned anything at this position."
    if leaf.account != found.account:
        return f"The position belongs to {found.account}."
    if leaf.cumulative != found.cumulative:
        return f"It states {leaf.cumulative} and recomputes to {found.cumulative} atomic units."
    if leaf.detail_root != to_hex(found.detail_root):
        return "The receipts behind it are others than stated."
    root = SumNode(parse_hex(bundle.root, length=32), bundle.sum)
    domain = bundle.vault.domain()
    if not entitlement_opens(domain, root, bundle.depth, leaf.entitlement(), leaf.sum_proof()):
        return "Its proof doesn't open under the root stated."
    return None
