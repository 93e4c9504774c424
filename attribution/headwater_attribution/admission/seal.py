"""Hiding commitments: who hands in rows fixes their place before anybody else can read them.

Words can't show who wrote them. Whoever sees rows before they are committed (an operator, a reader
of the mempool) may commit their words first, and then a desk sees just what it would see if the
thief were the author. So a contributor commits a *seal* first, a hash of rows and a random salt
that tells nothing about them, and shows the rows when the seal has its place: as the `contentRoot`
of `ContributionBond.submit` it has one in a block. Contributions are judged in the order of their
seals.

Whoever makes rows of others' rows has to have seen them, so the seal of the copy comes later. That
ends where rows were known before they were sealed: what has been public may be sealed by anybody.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from headwater_attribution.admission.verdict import Contribution
from headwater_attribution.errors import SealBrokenError
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

SALT: Final = 32
"""Bytes of a salt: fewer could be tried out, where the rows can be guessed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A contribution with the salt that its seal was made with; its number is the seal's place."""

    contribution: Contribution
    salt: bytes


def seal(opening: Opening) -> bytes:
    """The 32 bytes to commit: of contributor, licence, rows and salt, and not of the number.

    The number is given by who takes the seal. The contributor is in it, so that another can't
    commit the same seal and open it as its own.

    Raises:
        InvalidInputError: the salt is not `SALT` bytes.
    """
    if len(opening.salt) != SALT:
        raise InvalidInputError(f"A seal takes a salt of {SALT} random bytes.")
    shown = opening.contribution
    body = json.dumps([shown.contributor, shown.licence_id, shown.rows], separators=(",", ":"))
    return hashlib.sha256(b"headwater/seal/1\n" + opening.salt + body.encode()).digest()


def unsealed(
    seals: Mapping[int, bytes],
    openings: Iterable[Opening],
    *,
    submitters: Mapping[int, Address] | None = None,
) -> list[Contribution]:
    """The contributions that were shown, in the order of their seals; to be judged in that order.

    What was sealed and not shown is left out: its place holds nobody up.

    A seal read in the mempool can be copied under a lower number. Without `submitters` anybody may
    then open the author's contribution in that place, too, once it is shown. It stays the author's,
    so nothing is gained; but its rows are judged there, and in the author's place refused as rows
    that were handed in before.

    Args:
        seals: by the contribution's number what was committed; lower numbers came first.
        openings: what was shown, in any order.
        submitters: by the contribution's number who committed the seal, as `ContributionBond`
            names its contributor; nobody opens a contribution in a place that isn't its own.

    Raises:
        SealBrokenError: a contribution was never sealed, is not what was, is shown twice, or was
            sealed in that place by another than its contributor.
    """
    shown: dict[int, Contribution] = {}
    for opening in openings:
        number = opening.contribution.contribution_id
        if seals.get(number) != seal(opening) or number in shown:
            raise SealBrokenError(
                f"Contribution {number} is not what was sealed as {number}, or is shown twice.",
                contribution_id=number,
            )
        if submitters is not None and submitters.get(number) != opening.contribution.contributor:
            raise SealBrokenError(
                f"Contribution {number} was sealed by another than who contributed it: "
                "show it under the number of its own seal.",
                contribution_id=number,
            )
        shown[number] = opening.contribution
    return [shown[number] for number in sorted(shown)]
