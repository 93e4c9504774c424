"""Merkle trees whose nodes commit to the sums of both their children.

node = keccak256(0x01 ‖ hL:32 ‖ sL:16 ‖ hR:32 ‖ sR:16), integers big-endian. An unused slot is
(32 zero bytes, 0) and is hashed like any other. Bit i of a position picks the side at level i: 0 is
left. Both sums stand inside the hash, because hashing only their total lets two leaves of 60 verify
under a root of 60. The Solidity library `SumTree` verifies the same proofs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_utils.crypto import keccak

from headwater_payments.errors import InvalidInputError

MAX_DEPTH = 32
MAX_SUM = 2**128 - 1


@dataclass(frozen=True, slots=True)
class SumNode:
    """A node: 32 bytes, and the sum of everything below it in atomic units."""

    hash: bytes
    sum: int


EMPTY = SumNode(bytes(32), 0)

SumProof = tuple[SumNode, ...]
"""The neighbours from the leaf up, one for each level."""


class SumTree:
    """A tree of `2**depth` slots, of which `nodes` fills some.

    Args:
        nodes: the leaf nodes by position.
        min_depth: a tree may be deeper than its positions need, but never shallower than this.

    Attributes:
        depth: the smallest that has room for the highest position, and at least `min_depth`.
        root: the top node; its sum is the sum of all leaves.

    Raises:
        InvalidInputError: a position needs more than 32 levels, or the sum exceeds 128 bits.
    """

    def __init__(self, nodes: Mapping[int, SumNode], *, min_depth: int = 0) -> None:
        highest = max(nodes, default=0)
        self.depth = max(highest.bit_length(), min_depth)
        if min(nodes, default=0) < 0 or self.depth > MAX_DEPTH:
            raise InvalidInputError(
                f"Positions run from 0 to {2**MAX_DEPTH - 1}.", highest=highest, depth=self.depth
            )
        if sum(node.sum for node in nodes.values()) > MAX_SUM:
            raise InvalidInputError("The sum of a tree is below 2^128.")
        self._levels: list[dict[int, SumNode]] = [dict(nodes)]
        self._empty = [EMPTY]
        for _ in range(self.depth):
            self._levels.append(self._parents())
            self._empty.append(join(self._empty[-1], self._empty[-1]))
        self.root = self._levels[-1].get(0, self._empty[-1])

    @property
    def children(self) -> tuple[SumNode, SumNode]:
        """The two nodes under the root.

        Raises:
            InvalidInputError: the tree is a single leaf.
        """
        if not self.depth:
            raise InvalidInputError("A tree of one slot has no nodes under its root.")
        below, empty = self._levels[-2], self._empty[-2]
        return below.get(0, empty), below.get(1, empty)

    def prove(self, position: int) -> SumProof:
        """The neighbours of `position`, from the leaf up.

        Raises:
            InvalidInputError: the tree has no such slot.
        """
        if not 0 <= position < 2**self.depth:
            raise InvalidInputError(
                f"Position {position} is outside a tree of depth {self.depth}.", position=position
            )
        return tuple(
            self._levels[level].get((position >> level) ^ 1, self._empty[level])
            for level in range(self.depth)
        )

    def _parents(self) -> dict[int, SumNode]:
        level, empty = self._levels[-1], self._empty[-1]
        return {
            index: join(level.get(2 * index, empty), level.get(2 * index + 1, empty))
            for index in {position // 2 for position in level}
        }


def join(left: SumNode, right: SumNode) -> SumNode:
    """The parent of two nodes."""
    hashed = keccak(
        b"\x01"
        + left.hash
        + left.sum.to_bytes(16, "big")
        + right.hash
        + right.sum.to_bytes(16, "big")
    )
    return SumNode(hashed, left.sum + right.sum)


def opens(root: SumNode, depth: int, position: int, leaf: SumNode, proof: SumProof) -> bool:
    """Whether `leaf` stands at `position` under `root`: what the contract computes."""
    if len(proof) != depth or position < 0 or position >> depth:
        return False
    node = leaf
    for level, other in enumerate(proof):
        if len(other.hash) != 32 or not 0 <= other.sum <= MAX_SUM:
            return False
        node = join(other, node) if (position >> level) & 1 else join(node, other)
        if node.sum > MAX_SUM:
            return False
    return node == root
