"""What is shown of a vault's trees on chain: leaves, the receipts behind them, and their proofs.

The encodings are those of `SumTree.sol`, `Openings.sol` and `ReceiptTree.sol`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import require_bytes32, require_uint
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address

SumProof = Sequence[tuple[bytes, int]]
"""Neighbours from leaf to root, each its hash and its sum."""

ZERO_WORD = bytes(32)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A leaf: everything that `account` at `position` has earned so far, atomic units."""

    position: int
    account: Address
    cumulative: int
    detail_root: bytes

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return (
            require_uint("position", self.position, 32),
            parse_address(self.account),
            require_uint("cumulative", self.cumulative, 128),
            require_bytes32("detail_root", self.detail_root),
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """A leaf and its proof."""

    leaf: Entitlement
    proof: SumProof

    @classmethod
    def never(cls, position: int) -> "Opening":
        """What a position that the last tree had no slot for is opened as."""
        return cls(Entitlement(position, ZERO_ADDRESS, 0, ZERO_WORD), ())

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return self.leaf.as_tuple(), sum_proof(self.proof)


@dataclass(frozen=True, slots=True)
class DetailTop:
    """What a detail root is the hash of: one receipt with its amount, or two children.

    Attributes:
        single: whether `left` is a receipt's id and amount.
        left, right: hash and sum of each child; `right` is zero for a single receipt.
    """

    single: bool
    left: tuple[bytes, int]
    right: tuple[bytes, int]

    @classmethod
    def nothing(cls) -> "DetailTop":
        """For a detail root of zeros: the epoch added nothing."""
        return cls(False, (ZERO_WORD, 0), (ZERO_WORD, 0))

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return self.single, sum_node(self.left), sum_node(self.right)


@dataclass(frozen=True, slots=True)
class DetailOpening:
    """One receipt's amount in a position's detail tree."""

    index: int
    receipt_id: bytes
    amount: int
    proof: SumProof

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return (
            require_uint("index", self.index, 32),
            require_bytes32("receipt_id", self.receipt_id),
            require_uint("amount", self.amount, 128),
            sum_proof(self.proof),
        )


@dataclass(frozen=True, slots=True)
class ReceiptOpening:
    """A receipt in the epoch's commitment: where it stands among `size`, and the proof of it."""

    receipt_id: bytes
    charge: int
    evidence: bytes
    index: int
    size: int
    proof: Sequence[bytes]

    @classmethod
    def none(cls) -> "ReceiptOpening":
        """No receipt: what stands before the first one and beyond the last."""
        return cls(ZERO_WORD, 0, ZERO_WORD, 0, 0, ())

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return (
            (
                require_bytes32("receipt_id", self.receipt_id),
                require_uint("charge", self.charge, 128),
                require_bytes32("evidence", self.evidence),
            ),
            require_uint("index", self.index, 64),
            require_uint("size", self.size, 64),
            [require_bytes32("receipt proof", neighbour) for neighbour in self.proof],
        )


def sum_proof(proof: SumProof) -> bytes:
    """A proof as the contracts take it: hash:32 ‖ sum:16 for each neighbour, from the leaf up.

    Raises:
        InvalidInputError: a hash is not 32 bytes, or a sum has more than 128 bits.
    """
    return b"".join(
        hash_ + total.to_bytes(16, "big") for hash_, total in (sum_node(each) for each in proof)
    )


def sum_node(node: tuple[bytes, int]) -> tuple[bytes, int]:
    """One node as the ABI takes it.

    Raises:
        InvalidInputError: the hash is not 32 bytes, or the sum has more than 128 bits.
    """
    hash_, total = node
    return require_bytes32("proof hash", hash_), require_uint("proof sum", total, 128)
