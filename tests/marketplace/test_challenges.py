"""A posted epoch is recomputed, and each false leaf is given its remedy."""

from collections.abc import Sequence

import pytest
from attribution.small_epoch import small_epoch

from headwater_attribution.bundle import EpochBundle, LeafPart, NodePart
from headwater_attribution.entitlement import Entitlement, EntitlementTree
from headwater_attribution.recompute import recompute_epoch
from headwater_marketplace.challenges import Remedy, detail_top, false_leaves, openings
from headwater_payments.address import ZERO_ADDRESS, parse_address
from headwater_payments.hexadecimal import to_hex

STRANGER = parse_address("0x" + "ab" * 20)


def reposted(bundle: EpochBundle, leaves: Sequence[Entitlement]) -> EpochBundle:
    """The bundle with these leaves in a tree of their own, as a lying attributor posts it."""
    tree = EntitlementTree(bundle.vault.domain(), leaves, min_depth=bundle.depth)
    parts = tuple(
        LeafPart(
            position=leaf.position,
            account=leaf.account,
            cumulative=leaf.cumulative,
            detail_root=to_hex(leaf.detail_root),
            proof=tuple(
                NodePart(hash=to_hex(node.hash), sum=node.sum) for node in tree.prove(leaf.position)
            ),
        )
        for leaf in leaves
    )
    return bundle.model_copy(
        update={"leaves": parts, "root": to_hex(tree.root), "sum": tree.sum, "depth": tree.depth}
    )


def changed(bundle: EpochBundle, **update: object) -> EpochBundle:
    """The bundle with its first leaf changed."""
    first, *rest = (leaf.entitlement() for leaf in bundle.leaves)
    fields = {
        "position": first.position,
        "account": first.account,
        "cumulative": first.cumulative,
        "detail_root": first.detail_root,
    }
    return reposted(bundle, [Entitlement(**(fields | update)), *rest])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def epochs() -> tuple[EpochBundle, EpochBundle]:
    first = small_epoch(1)
    return first, small_epoch(2, after=first)


def test_an_honest_epoch_has_no_false_leaf(epochs: tuple[EpochBundle, EpochBundle]) -> None:
    first, second = epochs
    assert false_leaves(first) == []
    assert false_leaves(second, first) == []


def test_what_takes_back_is_a_fault(epochs: tuple[EpochBundle, EpochBundle]) -> None:
    first, second = epochs
    had = first.leaves[0].cumulative
    (less,) = false_leaves(changed(second, cumulative=had - 1), first)
    (other,) = false_leaves(changed(second, account=STRANGER), first)
    assert less.remedy is other.remedy is Remedy.TAKES_BACK
    assert (less.stated, less.recomputed) == (had - 1, second.leaves[0].cumulative)


def test_more_than_the_receipts_is_a_fault(epochs: tuple[EpochBundle, EpochBundle]) -> None:
    first, second = epochs
    more = second.leaves[0].cumulative + 1
    (false,) = false_leaves(changed(second, cumulative=more), first)
    assert (false.remedy, false.stated) == (Remedy.NOT_ITS_RECEIPTS, more)


def test_other_receipts_are_for_arbiters_and_come_last(
    epochs: tuple[EpochBundle, EpochBundle],
) -> None:
    first, second = epochs
    leaves = [leaf.entitlement() for leaf in second.leaves]
    invented = Entitlement(0, leaves[0].account, leaves[0].cumulative + 5, b"\x01" * 32)
    back = Entitlement(1, STRANGER, leaves[1].cumulative, leaves[1].detail_root)
    newcomer = Entitlement(len(leaves), STRANGER, 7, bytes(32))
    found = false_leaves(reposted(second, [invented, back, *leaves[2:], newcomer]), first)
    assert [(leaf.position, leaf.remedy) for leaf in found] == [
        (1, Remedy.TAKES_BACK),
        (newcomer.position, Remedy.NOT_ITS_RECEIPTS),
        (0, Remedy.DISPUTE),
    ]
    assert found[1].recomputed is None


def test_a_standing_that_the_bundle_invents_changes_nothing(
    epochs: tuple[EpochBundle, EpochBundle],
) -> None:
    first, second = epochs
    raised = tuple(amount + 10 for amount in second.previous.cumulative)
    lying = second.model_copy(
        update={"previous": second.previous.model_copy(update={"cumulative": raised})}
    )
    assert false_leaves(lying, first) == []
    assert len(false_leaves(lying)) == len(raised)


def test_openings_name_a_position_that_never_was(epochs: tuple[EpochBundle, EpochBundle]) -> None:
    first, second = epochs
    was, now = openings(0, second, first)
    assert was.leaf.cumulative == first.leaves[0].cumulative
    assert now.leaf.cumulative == second.leaves[0].cumulative
    never, _ = openings(0, first, None)
    assert (never.leaf.account, never.leaf.cumulative, never.proof) == (ZERO_ADDRESS, 0, ())


def test_the_top_of_details_sums_to_the_increment(epochs: tuple[EpochBundle, EpochBundle]) -> None:
    first, _ = epochs
    details = recompute_epoch(first).details
    assert any(len(amounts) > 1 for amounts in details.values())
    for leaf in first.leaves:
        top = detail_top(details[leaf.position])
        assert top.left[1] + top.right[1] == leaf.cumulative
    one = detail_top({b"\x07" * 32: 9})
    assert (one.single, one.left) == (True, (b"\x07" * 32, 9))
    assert detail_top({}).left == (bytes(32), 0)
