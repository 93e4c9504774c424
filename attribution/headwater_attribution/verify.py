"""Recomputing an epoch bundle, and saying of every leaf whether it holds.

Recomputation proves what the method makes of the evidence. It can't prove that the evidence is
true: for that a second party has to run the requests again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from headwater_attribution.admission.priority import priority_faults
from headwater_attribution.audit_documents import audited_faults
from headwater_attribution.bundle import EpochBundle, LeafPart
from headwater_attribution.entitlement import Entitlement, EntitlementTree, entitlement_opens
from headwater_attribution.epoch import receipts_root, standing_after
from headwater_attribution.methods.audited import Audited
from headwater_attribution.recompute import bundle_method, recompute_epoch
from headwater_attribution.sumtree import SumNode
from headwater_payments.address import Address, parse_address
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
    """The outcome for a whole bundle: faults of its other parts first, then leaf by leaf.

    `taken_as_given` says what could not be checked from it, a sentence each.
    """

    faults: tuple[str, ...]
    leaves: tuple[LeafVerdict, ...]
    taken_as_given: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every part and every leaf holds."""
        return not self.faults and all(leaf.holds for leaf in self.leaves)


def verify_bundle(
    bundle: EpochBundle,
    previous: EpochBundle | None = None,
    *,
    desk: Address | None = None,
    auditors: Collection[Address] = (),
) -> BundleVerdict:
    """Recompute corpus root, order, attributions, payouts and tree from the inputs in `bundle`.

    The evidence, charges, rows and parameters are taken as given; every result is recomputed from
    them, never from the bundle's own results. Without `previous` the number of the epoch and where
    its contributors stood before are taken as given too, as far as they agree with each other: no
    hash in a bundle commits to them.

    Args:
        bundle: the one to judge.
        previous: the bundle of the epoch before, which pins the number and the standing.
        desk: who has to have signed the logs of seals; whoever did, where None.
        auditors: who may have signed audits; whoever did, where there are none.

    Raises:
        UnknownMethodError: the bundle names a method or rule that is not installed here.
        InvalidInputError: its inputs don't make a corpus or an epoch at all.
    """
    found = recompute_epoch(bundle)
    faults = list(found.faults)
    faults += _standing_faults(bundle, previous)
    faults += _root_faults(bundle, found.tree, found.unattributed)
    given = []
    if bundle.rounds or desk is not None:
        corpus, chain_id = bundle.corpus.corpus(), bundle.vault.chain_id
        faults += priority_faults(corpus, bundle.rounds, chain_id, desk)
    else:
        given.append("The bundle holds no seals: the order of its rows is taken as given.")
    method = bundle_method(bundle)
    if bundle.audits and not isinstance(method, Audited):
        faults.append(f"The bundle holds audits, and {method.method_id} pays by none.")
    elif isinstance(method, Audited) and (bundle.audits or auditors):
        faults += audited_faults(method, bundle.audits, bundle.vault.chain_id, auditors)
    elif isinstance(method, Audited):
        given.append("The bundle holds no audits: the parts they confirm are taken as given.")
    return BundleVerdict(tuple(faults), tuple(_leaves(bundle, found.tree)), tuple(given))


def _standing_faults(bundle: EpochBundle, previous: EpochBundle | None) -> list[str]:
    faults = []
    before = bundle.previous
    if bundle.epoch == 1 and (before.accounts or before.depth):
        faults.append("The epoch is stated as 1, and nobody stands anywhere before the first.")
    needed = max(len(before.accounts) - 1, 0).bit_length()
    if before.depth < needed or (before.depth and not before.accounts):
        faults.append(
            f"The depth of the previous tree is stated as {before.depth}, "
            f"and {len(before.accounts)} positions need {needed}."
        )
    if len(set(before.accounts)) != len(before.accounts):
        faults.append("An account stands twice among the previous accounts.")
    if previous is None:
        return faults
    after = standing_after(previous)
    compared: tuple[tuple[str, object, object], ...] = (
        ("epoch", bundle.epoch, previous.epoch + 1),
        ("vault", bundle.vault, previous.vault),
        ("previous depth", before.depth, after.depth),
        ("previous accounts", before.accounts, after.accounts),
        ("previous cumulative amounts", before.cumulative, after.cumulative),
    )
    return faults + [
        f"The {name} does not follow from the previous bundle: {stated}, not {found}."
        for name, stated, found in compared
        if stated != found
    ]


def _root_faults(bundle: EpochBundle, tree: EntitlementTree, unattributed: int) -> list[str]:
    compared = (
        ("receipts root", bundle.receipts_root, to_hex(receipts_root(bundle.receipts))),
        ("entitlement root", bundle.root, to_hex(tree.root)),
        ("sum", bundle.sum, tree.sum),
        ("depth", bundle.depth, tree.depth),
        ("unattributed amount", bundle.unattributed, unattributed),
    )
    positions = [leaf.position for leaf in bundle.leaves]
    twice = ["A position has two leaves."] if len(set(positions)) != len(positions) else []
    return twice + [
        f"The {name} is stated as {stated} and recomputes to {found}."
        for name, stated, found in compared
        if stated != found
    ]


def _leaves(bundle: EpochBundle, tree: EntitlementTree) -> Iterator[LeafVerdict]:
    stated = {leaf.position: leaf for leaf in reversed(bundle.leaves)}
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
