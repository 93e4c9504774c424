"""Hiding commitments to rows: who had one first, without showing it.

leaf = keccak256(keccak256(row hash:32 ‖ owner, 32 bytes ‖ salt:32)); a node is keccak256 of its two
children in ascending order, and an odd node moves up unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from headwater_contracts.calls import Call, require_bytes32
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.events.commitments import COMMITMENT_EVENTS, RowsCommitted
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class HiddenRow:
    """A row as it is committed to: its hash, its owner, and 32 secret random bytes."""

    row_hash: bytes
    owner: Address
    salt: bytes

    @property
    def leaf(self) -> bytes:
        """What is committed to."""
        row_hash = require_bytes32("row_hash", self.row_hash)
        salt = require_bytes32("salt", self.salt)
        return keccak(
            keccak(encode(["bytes32", "address", "bytes32"], [row_hash, self.owner, salt]))
        )


class HiddenRows:
    """A tree over rows, of which the root is committed to and each row is opened by itself.

    Args:
        rows: at least one.

    Raises:
        InvalidInputError: there is none.
    """

    def __init__(self, rows: Sequence[HiddenRow]) -> None:
        if not rows:
            raise InvalidInputError("A commitment needs at least one row.")
        self._levels = [[row.leaf for row in rows]]
        while len(self._levels[-1]) > 1:
            level = self._levels[-1]
            pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
            self._levels.append([keccak(b"".join(sorted(p))) if p[1:] else p[0] for p in pairs])

    @property
    def root(self) -> bytes:
        """32 bytes, as `commit` takes them."""
        return self._levels[-1][0]

    def prove(self, index: int) -> list[bytes]:
        """The proof of the row at `index`, from the leaf up.

        Raises:
            InvalidInputError: there is no such row.
        """
        if not 0 <= index < len(self._levels[0]):
            raise InvalidInputError(f"There is no row {index} in this commitment.", index=index)
        proof = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                proof.append(level[index ^ 1])
            index //= 2
        return proof


class RowCommitmentsClient(ContractClient[RowsCommitted]):
    """Anyone commits for anyone: the owner stands inside the hash."""

    contract = "RowCommitments"
    event_kinds = COMMITMENT_EVENTS

    async def priority(self, root: bytes, row: HiddenRow, proof: Sequence[bytes]) -> int | None:
        """The block by which the row's owner had committed to it; None where this shows nothing."""
        found = await self._view_int(
            "priorityOf",
            require_bytes32("root", root),
            require_bytes32("row_hash", row.row_hash),
            parse_address(row.owner),
            require_bytes32("salt", row.salt),
            [require_bytes32("proof", each) for each in proof],
        )
        return found or None

    def commit(self, root: bytes) -> Call:
        """Commit to the rows under a root; the first commitment counts."""
        return self._build("commit to rows", "commit", require_bytes32("root", root))
