"""What each contributor of a vault has earned so far, as the tree that the vault verifies.

leaf = keccak256(0x00 ‖ chainid:32 ‖ vault:20 ‖ token:20 ‖ position:4 ‖ account:20 ‖ cumulative:16 ‖
detailRoot:32). The detail root is a sum tree over what each receipt of the epoch paid the position,
sorted by receipt id, with leaf = keccak256(0x02 ‖ receipt id:32 ‖ amount:16), so that one
contributor's increment can be opened receipt by receipt; it is zero where the epoch added nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from headwater_attribution.sumtree import SumNode, SumProof, SumTree, opens
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

MAX_VAULT_SUM = 2**96 - 1
"""A vault keeps 96 bits of what a position claimed, so no root may promise more."""


@dataclass(frozen=True, slots=True)
class VaultDomain:
    """Which vault: a leaf of one vault, token or chain is worth nothing elsewhere."""

    chain_id: int
    vault: Address
    token: Address


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One leaf: everything `account` has earned at `position`, in atomic units."""

    position: int
    account: Address
    cumulative: int
    detail_root: bytes

    def node(self, domain: VaultDomain) -> SumNode:
        """The leaf's node in the tree of `domain`."""
        packed = b"".join(
            (
                b"\x00",
                domain.chain_id.to_bytes(32, "big"),
                bytes.fromhex(domain.vault[2:]),
                bytes.fromhex(domain.token[2:]),
                self.position.to_bytes(4, "big"),
                bytes.fromhex(self.account[2:]),
                self.cumulative.to_bytes(16, "big"),
                self.detail_root,
            )
        )
        return SumNode(keccak(packed), self.cumulative)


class EntitlementTree:
    """The tree over one vault's entitlements, one leaf for each position.

    Args:
        domain: the vault.
        entitlements: one for each position that ever earned.
        min_depth: the depth of the last root; the vault accepts no shallower one.

    Raises:
        InvalidInputError: two leaves at one position, or a sum of 2^96 or more.
    """

    def __init__(
        self, domain: VaultDomain, entitlements: Iterable[Entitlement], *, min_depth: int = 0
    ) -> None:
        self.domain = domain
        self.entitlements: dict[int, Entitlement] = {}
        for leaf in entitlements:
            if leaf.position in self.entitlements:
                raise InvalidInputError(
                    f"Position {leaf.position} has two leaves.", position=leaf.position
                )
            self.entitlements[leaf.position] = leaf
        nodes = {position: leaf.node(domain) for position, leaf in self.entitlements.items()}
        self._tree = SumTree(nodes, min_depth=min_depth)
        if self.sum > MAX_VAULT_SUM:
            raise InvalidInputError("The entitlements of a vault sum to less than 2^96.")

    @property
    def root(self) -> bytes:
        """32 bytes, as `postRoot` takes them."""
        return self._tree.root.hash

    @property
    def sum(self) -> int:
        """All cumulative entitlements, atomic units."""
        return self._tree.root.sum

    @property
    def depth(self) -> int:
        """Levels between a leaf and the root."""
        return self._tree.depth

    def prove(self, position: int) -> SumProof:
        """The proof with which the account of `position` claims."""
        return self._tree.prove(position)


def entitlement_opens(
    domain: VaultDomain,
    root: SumNode,
    depth: int,
    leaf: Entitlement,
    proof: SumProof,
) -> bool:
    """Whether the vault would accept `leaf` with `proof` under `root`: the contract's own check."""
    return opens(root, depth, leaf.position, leaf.node(domain), proof)


def detail_root(amounts: Mapping[bytes, int]) -> bytes:
    """The root over `amounts` by receipt id (32 bytes each); zero when there are none."""
    return _detail_tree(amounts).root.hash if amounts else bytes(32)


def prove_detail(amounts: Mapping[bytes, int], receipt_id: bytes) -> tuple[int, SumProof]:
    """Where `receipt_id` stands among the sorted receipts, and the proof of its amount.

    Raises:
        InvalidInputError: the receipt is not among them.
    """
    order = sorted(amounts)
    if receipt_id not in amounts:
        raise InvalidInputError("That receipt paid this position nothing.", receipt_id=receipt_id)
    position = order.index(receipt_id)
    return position, _detail_tree(amounts).prove(position)


def detail_node(receipt_id: bytes, amount: int) -> SumNode:
    """The leaf node of one receipt's amount."""
    return SumNode(keccak(b"\x02" + receipt_id + amount.to_bytes(16, "big")), amount)


def _detail_tree(amounts: Mapping[bytes, int]) -> SumTree:
    order: Sequence[bytes] = sorted(amounts)
    return SumTree({i: detail_node(key, amounts[key]) for i, key in enumerate(order)})
