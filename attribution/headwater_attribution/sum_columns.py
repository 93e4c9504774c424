"""Sum trees over arrays: the trees of `sumtree.py`, a level at a time, for millions of leaves.

Symbols: `n` nodes, in the order of their positions, which run from 0 without a gap.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s
from headwater_attribution.keccak import Bytes, keccak_rows
from headwater_attribution.sumtree import EMPTY, MAX_DEPTH, SumNode, SumProof, join
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class NodeColumns:
    """Nodes side by side: `hashes` `[n, 32]`, `sums` `[n]` atomic units, from 0 to 2^63 - 1."""

    hashes: Bytes
    sums: Int64s

    def __len__(self) -> int:
        return len(self.sums)

    def node(self, index: int) -> SumNode:
        """One of them by itself."""
        return SumNode(self.hashes[index].tobytes(), int(self.sums[index]))


class ColumnTree:
    """The tree over `leaves`, equal to the `SumTree` of the same nodes.

    Args:
        leaves: the nodes of positions 0 to n - 1; their sum is below 2^63.
        min_depth: as in `SumTree`.

    Attributes:
        depth: levels between a leaf and the root.
        root: the top node.

    Raises:
        InvalidInputError: there are too many leaves for the depth that a vault takes.
    """

    def __init__(self, leaves: NodeColumns, *, min_depth: int = 0) -> None:
        self.depth = max(max(len(leaves) - 1, 0).bit_length(), min_depth)
        if self.depth > MAX_DEPTH:
            raise InvalidInputError(
                f"A tree has at most {MAX_DEPTH} levels, unlike {self.depth}.", depth=self.depth
            )
        self._levels, self._empty = [leaves], [EMPTY]
        for _ in range(self.depth):
            self._levels.append(parents(self._levels[-1], self._empty[-1]))
            self._empty.append(join(self._empty[-1], self._empty[-1]))
        self.root = self._node(self.depth, 0)

    def prove(self, position: int) -> SumProof:
        """The neighbours of `position`, from the leaf up.

        Raises:
            InvalidInputError: the tree has no such slot.
        """
        if not 0 <= position < 2**self.depth:
            raise InvalidInputError(
                f"Position {position} is outside a tree of depth {self.depth}.", position=position
            )
        return tuple(self._node(level, (position >> level) ^ 1) for level in range(self.depth))

    def _node(self, level: int, index: int) -> SumNode:
        nodes = self._levels[level]
        return nodes.node(index) if index < len(nodes) else self._empty[level]


def parents(nodes: NodeColumns, empty: SumNode) -> NodeColumns:
    """The level above `nodes`; a last node without a neighbour is joined with `empty`."""
    hashes, sums = nodes.hashes, nodes.sums
    if len(nodes) % 2:
        hashes = np.concatenate([hashes, np.frombuffer(empty.hash, dtype=np.uint8)[None]])
        sums = np.append(sums, empty.sum)
    return joined(NodeColumns(hashes[0::2], sums[0::2]), NodeColumns(hashes[1::2], sums[1::2]))


def joined(left: NodeColumns, right: NodeColumns) -> NodeColumns:
    """The parent of each node in `left` and the one beside it in `right`."""
    columns = (b"\x01", left.hashes, sums_16(left.sums), right.hashes, sums_16(right.sums))
    return NodeColumns(keccak_rows(columns, len(left)), left.sums + right.sums)


def roots_of_segments(leaves: NodeColumns, counts: npt.NDArray[np.int64]) -> Bytes:
    """The roots of many trees at once, of which the leaves stand one after the other.

    Args:
        leaves: of all trees.
        counts: `[s]` how many leaves each tree has; it sums to the number of leaves.

    Returns:
        `[s, 32]`; zero for a tree without leaves.
    """
    roots = np.zeros((len(counts), 32), dtype=np.uint8)
    trees = np.flatnonzero(counts)
    left, nodes, empty = counts[trees], leaves, EMPTY
    while len(trees):
        starts = np.cumsum(left) - left
        single = left == 1
        roots[trees[single]] = nodes.hashes[starts[single]]
        index = np.arange(len(nodes)) - np.repeat(starts, left)
        size = np.repeat(left, left)
        lefts = np.flatnonzero((size > 1) & (index % 2 == 0))
        paired = index[lefts] + 1 < size[lefts]
        beside = np.minimum(lefts + 1, len(nodes) - 1)
        rights = NodeColumns(
            np.where(
                paired[:, None], nodes.hashes[beside], np.frombuffer(empty.hash, dtype=np.uint8)
            ),
            np.where(paired, nodes.sums[beside], 0),
        )
        nodes = joined(NodeColumns(nodes.hashes[lefts], nodes.sums[lefts]), rights)
        trees, left = trees[~single], (left[~single] + 1) // 2
        empty = join(empty, empty)
    return roots


def sums_16(sums: Int64s) -> Bytes:
    """`[n]` sums as `[n, 16]` big-endian bytes."""
    wide = np.zeros((len(sums), 16), dtype=np.uint8)
    wide[:, 8:] = sums.astype(">i8").view(np.uint8).reshape(-1, 8)
    return wide
