"""A datanet version: its accepted rows in commit order, and the root that commits to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from headwater_attribution.canonical import canonical_text
from headwater_attribution.evidence import RowId
from headwater_attribution.merkle import MerkleTree, Proof
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

_ROW = b"headwater/row/1"


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One accepted row.

    Attributes:
        contribution_id: the contribution it came in with.
        contributor: whose it is.
        licence_id: the SPDX id of its licence.
        sequence: its place in the order of commitments; the lower one was there first.
        text: the row as submitted.
    """

    contribution_id: int
    contributor: Address
    licence_id: str
    sequence: int
    text: str

    def leaf(self) -> bytes:
        """What the content root hashes: tag, contributor, licence, sequence, canonical text."""
        licence = self.licence_id.encode()
        return b"".join(
            (
                _ROW,
                bytes.fromhex(self.contributor[2:]),
                len(licence).to_bytes(2, "big"),
                licence,
                self.sequence.to_bytes(8, "big"),
                canonical_text(self.text).encode(),
            )
        )


class Corpus:
    """The rows of one immutable datanet version, ordered by sequence.

    Raises:
        InvalidInputError: no rows, or two rows with one sequence number.
    """

    def __init__(self, datanet_id: int, version: int, rows: Iterable[CorpusRow]) -> None:
        self.datanet_id = datanet_id
        self.version = version
        self.rows = tuple(sorted(rows, key=lambda row: row.sequence))
        if len({row.sequence for row in self.rows}) != len(self.rows) or not self.rows:
            raise InvalidInputError(
                "A datanet version needs at least one row, and a sequence number for each.",
                rows=len(self.rows),
            )

    @cached_property
    def tree(self) -> MerkleTree:
        """The Merkle tree over the rows."""
        return MerkleTree([row.leaf() for row in self.rows])

    @property
    def root(self) -> bytes:
        """The content root: 32 bytes."""
        return self.tree.root

    def row_id(self, index: int) -> RowId:
        """The identity of the row at `index`."""
        return RowId(self.datanet_id, self.version, index)

    def row(self, row_id: RowId) -> CorpusRow:
        """The row that `row_id` names.

        Raises:
            InvalidInputError: it names another version, or no row of this one.
        """
        here = (row_id.datanet_id, row_id.version) == (self.datanet_id, self.version)
        if not here or not 0 <= row_id.index < len(self.rows):
            raise InvalidInputError(
                f"Datanet {self.datanet_id} version {self.version} has no row {row_id}.",
                index=row_id.index,
            )
        return self.rows[row_id.index]

    def prove(self, index: int) -> Proof:
        """The proof that the row at `index` is in the version."""
        return self.tree.prove(index)
