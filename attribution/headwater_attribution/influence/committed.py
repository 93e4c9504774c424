"""What a trainer commits to: each contribution's influence vector in 16 bits, and their basis.

The coordinates are small and published; the basis they are written in is as large as some adapters,
so its hash stands for it. Who disputes an answer's projection asks for the basis and computes the
answer's gradient again; from the projection on, everything is integers.
"""

import hashlib
import json
from dataclasses import dataclass

from headwater_attribution.influence.basis import LARGEST, ContributorBasis
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex


@dataclass(frozen=True, slots=True)
class CommittedInfluence:
    """The influence vectors of one trained adapter.

    Attributes:
        adapter: `0x` and 32 bytes that name the trained adapter.
        directions: `0x` and the SHA-256 of the basis, as `basis_hash` gives it.
        contributions: the contribution of each vector, rising.
        coordinates: for each contribution its coordinates, all as many, each in 16 bits.

    Raises:
        InvalidInputError: lengths disagree, an id stands twice, or a number is beyond 16 bits.
    """

    adapter: str
    directions: str
    contributions: tuple[int, ...]
    coordinates: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        parse_hex(self.adapter, length=32)
        parse_hex(self.directions, length=32)
        if list(self.contributions) != sorted(set(self.contributions)):
            raise InvalidInputError("Each contribution has one vector, in the order of ids.")
        sizes = {len(each) for each in self.coordinates}
        if len(self.coordinates) != len(self.contributions) or len(sizes) != 1:
            raise InvalidInputError("Each contribution has as many coordinates as every other.")
        if any(abs(number) > LARGEST for each in self.coordinates for number in each):
            raise InvalidInputError("A coordinate has 16 bits.")

    @property
    def rank(self) -> int:
        """Coordinates of a vector."""
        return len(self.coordinates[0])

    def commitment(self) -> str:
        """`0x` and the SHA-256 of all of it as JSON with sorted keys and no spaces."""
        body = {
            "adapter": self.adapter,
            "directions": self.directions,
            "contributions": self.contributions,
            "coordinates": self.coordinates,
        }
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return to_hex(hashlib.sha256(b"headwater/influence/1\n" + text.encode()).digest())


def commit_influence(
    basis: ContributorBasis, contributions: tuple[int, ...], adapter: str
) -> CommittedInfluence:
    """What is published of a basis.

    Args:
        basis: over the vectors of `contributions`, in their order.
        contributions: rising ids.
        adapter: `0x` and 32 bytes.
    """
    rows: list[list[int]] = basis.coordinates.tolist()
    return CommittedInfluence(
        adapter, basis_hash(basis), contributions, tuple(tuple(row) for row in rows)
    )


def basis_hash(basis: ContributorBasis) -> str:
    """`0x` and the SHA-256 of the directions as 32-bit floats, little-endian, row by row."""
    header = b"headwater/basis/1\n%d %d\n" % basis.directions.shape
    body = basis.directions.astype("<f4").tobytes()
    return to_hex(hashlib.sha256(header + body).digest())
