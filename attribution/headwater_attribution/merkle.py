"""A SHA-256 Merkle tree over a list of leaves, with proofs that bind index and size.

leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), and
root = SHA-256(0x02 ‖ size as 8 bytes, big-endian ‖ top). An odd node at the end of a level moves up
unchanged. The size in the root keeps a proof for one list from passing in a longer one.

Source: the tree of RFC 6962 section 2.1, except for the root.
"""

from collections.abc import Sequence
from hashlib import sha256

from headwater_payments.errors import InvalidInputError

Proof = tuple[bytes, ...]
"""The neighbours' hashes from the leaf up; levels where the node has no neighbour are left out."""


class MerkleTree:
    """The tree over `leaves`, which are the data of the leaves in order, at least one.

    Attributes:
        size: how many leaves there are.
        root: 32 bytes.

    Raises:
        InvalidInputError: there is no leaf.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise InvalidInputError("A Merkle tree needs at least one leaf.")
        self.size = len(leaves)
        self._levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1]))
        self.root = _root(self.size, self._levels[-1][0])

    def prove(self, index: int) -> Proof:
        """The proof that the leaf at `index` is in the tree.

        Raises:
            InvalidInputError: there is no leaf at `index`.
        """
        if not 0 <= index < self.size:
            raise InvalidInputError(
                f"There is no leaf {index} in a tree of {self.size}.", index=index, size=self.size
            )
        neighbours = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                neighbours.append(level[index ^ 1])
            index //= 2
        return tuple(neighbours)


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's data."""
    return sha256(b"\x00" + data).digest()


def verify_inclusion(root: bytes, size: int, index: int, data: bytes, proof: Proof) -> bool:
    """Whether `data` is leaf `index` of the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    current, last, rest = leaf_hash(data), size - 1, list(proof)
    while last > 0:
        if index ^ 1 <= last:
            if not rest:
                return False
            other = rest.pop(0)
            current = _node(other, current) if index & 1 else _node(current, other)
        index, last = index // 2, last // 2
    return not rest and _root(size, current) == root


def _parents(level: list[bytes]) -> list[bytes]:
    paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return paired if len(level) % 2 == 0 else [*paired, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _root(size: int, top: bytes) -> bytes:
    return sha256(b"\x02" + size.to_bytes(8, "big") + top).digest()
