"""Hiding commitments: who hands in rows fixes their place before anybody else can read them.

Words can't show who wrote them. Whoever sees rows before they are committed (an operator, a reader
of the mempool) may commit their words first, and then a desk sees just what it would see if the
thief were the author. So a contributor commits a *seal* first, 32 bytes that tell nothing about the
rows, and shows the rows when the seal has its place: in a log that the datanet's desk signs
(`seal_log`), or in a block, by the contract `RowCommitments`.

A seal is the root of that contract's tree over the rows, each with its owner and a salt of its own.
So the place of single rows can be shown, in a bundle or on chain, and nothing is told of the rows
that were refused.

Whoever makes rows of others' rows has to have seen them, so the seal of the copy comes later. That
ends where rows were known before they were sealed: what has been public may be sealed by anybody.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from headwater_attribution.admission.verdict import Contribution
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

SALT: Final = 32
"""Bytes of a salt: fewer could be tried out, where the rows can be guessed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A contribution with the salt that its seal was made with.

    Raises:
        InvalidInputError: there are no rows, or the salt is not `SALT` bytes.
    """

    contribution: Contribution
    salt: bytes

    def __post_init__(self) -> None:
        if len(self.salt) != SALT:
            raise InvalidInputError(f"A seal takes a salt of {SALT} random bytes.")
        if not self.contribution.rows:
            raise InvalidInputError("A seal is made over one row or more.")


def seal(opening: Opening) -> bytes:
    """The 32 bytes to commit: of contributor, licence, rows and salt, and not of the number.

    The number is given by who takes the seal. The contributor is in it, so that whoever copies it
    commits for the contributor.
    """
    return root_of(row_leaves(opening))


def row_leaves(opening: Opening) -> tuple[bytes, ...]:
    """What stands for each row, in order; 32 bytes each, which tell nothing without the salt."""
    shown = opening.contribution
    return tuple(
        row_leaf(shown.contributor, shown.licence_id, number, text, row_salt(opening.salt, number))
        for number, text in enumerate(shown.rows)
    )


def row_salt(salt: bytes, row: int) -> bytes:
    """The salt of one row, which can be shown without the others'."""
    return hashlib.sha256(b"headwater/row-salt/1\n" + salt + row.to_bytes(8, "big")).digest()


def row_leaf(contributor: Address, licence_id: str, row: int, text: str, salt: bytes) -> bytes:
    """What stands for one row: as `RowCommitments.leafOf` of `row_hash`, the owner and the salt."""
    owner = bytes(12) + bytes.fromhex(contributor[2:])
    return bytes(keccak(keccak(row_hash(licence_id, row, text) + owner + salt)))


def row_hash(licence_id: str, row: int, text: str) -> bytes:
    """SHA-256 of a tag, the licence, the row's number in its contribution, and its text."""
    licence = licence_id.encode()
    head = len(licence).to_bytes(2, "big") + licence + row.to_bytes(8, "big")
    body = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(b"headwater/sealed-row/1\n" + head + body).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of leaves in order; a node hashes its children sorted, an odd one moves up.

    Raises:
        InvalidInputError: there are none.
    """
    if not leaves:
        raise InvalidInputError("A seal is made over one row or more.")
    level = list(leaves)
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [bytes(keccak(b"".join(sorted(p)))) if p[1:] else p[0] for p in pairs]
    return level[0]
