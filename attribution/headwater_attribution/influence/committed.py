"""What a trainer commits to: each contribution's influence vector in 16 bits, and their basis.

The coordinates are small and published; the basis they are written in is as large as some adapters,
so its hash stands for it. Who disputes an answer's projection asks for the basis and computes the
answer's gradient again; from the projection on, everything is integers.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from headwater_attribution.influence.basis import LARGEST, ContributorBasis
from headwater_attribution.influence.factors import Floats
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.split import PARTS


@dataclass(frozen=True)
class CommittedInfluence:
    """The influence vectors of one trained adapter.

    Attributes:
        adapter: `0x` and 32 bytes that name the trained adapter.
        directions: `0x` and the SHA-256 of the basis, as `basis_hash` gives it.
        contributions: the contribution of each vector, rising.
        coordinates: for each contribution its coordinates, all as many, each in 16 bits.
        held_out: the gradient of the loss of texts that nobody contributed, in the same basis; what
            doesn't lower that loss earns nothing. Empty where no such texts were kept.

    Raises:
        InvalidInputError: lengths disagree, an id stands twice, or a number is beyond 16 bits.
    """

    adapter: str
    directions: str
    contributions: tuple[int, ...]
    coordinates: tuple[tuple[int, ...], ...]
    held_out: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        parse_hex(self.adapter, length=32)
        parse_hex(self.directions, length=32)
        if list(self.contributions) != sorted(set(self.contributions)):
            raise InvalidInputError("Each contribution has one vector, in the order of ids.")
        sizes = {len(each) for each in self.coordinates}
        if len(self.coordinates) != len(self.contributions) or len(sizes) != 1:
            raise InvalidInputError("Each contribution has as many coordinates as every other.")
        if self.held_out and len(self.held_out) not in sizes:
            raise InvalidInputError("The held-out gradient has as many coordinates as the vectors.")
        everything = (*self.coordinates, self.held_out)
        if any(abs(number) > LARGEST for each in everything for number in each):
            raise InvalidInputError("A coordinate has 16 bits.")

    @property
    def rank(self) -> int:
        """Coordinates of a vector."""
        return len(self.coordinates[0])

    @cached_property
    def standing(self) -> dict[int, int]:
        """By contribution how much it lowers the loss of held-out texts, in no unit; may be < 0.

        The same positive number for everybody where nothing was held out.
        """
        if not self.held_out:
            return dict.fromkeys(self.contributions, 1)
        return {
            contribution: sum(a * b for a, b in zip(vector, self.held_out, strict=True))
            for contribution, vector in zip(self.contributions, self.coordinates, strict=True)
        }

    def harm(self) -> dict[int, int]:
        """What each contribution takes away on held-out texts, in parts per 10^8 of what others do.

        Who hands in what hurts under another name than what helps is paid for the second and not
        charged for the first. This is the charge: of the adapter's earnings, so much is what a bond
        on the contribution has to answer for.
        """
        helps = max(1, sum(max(0, each) for each in self.standing.values()))
        return {
            contribution: min(PARTS, -each * PARTS // helps)
            for contribution, each in self.standing.items()
            if each < 0
        }

    def commitment(self) -> str:
        """`0x` and the SHA-256 of all of it as JSON with sorted keys and no spaces."""
        body = {
            "adapter": self.adapter,
            "directions": self.directions,
            "contributions": self.contributions,
            "coordinates": self.coordinates,
            **({"held_out": self.held_out} if self.held_out else {}),
        }
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return to_hex(hashlib.sha256(b"headwater/influence/1\n" + text.encode()).digest())


def commit_influence(
    basis: ContributorBasis,
    contributions: tuple[int, ...],
    adapter: str,
    held_out: Floats | None = None,
) -> CommittedInfluence:
    """What is published of a basis.

    Args:
        basis: over the vectors of `contributions`, in their order.
        contributions: rising ids.
        adapter: `0x` and 32 bytes.
        held_out: `[W]` the gradient of the loss of held-out texts, summed over them.
    """
    kept: list[list[int]] = [[]] if held_out is None else basis.project(held_out[None])[0].tolist()
    rows: list[list[int]] = basis.coordinates.tolist()
    return CommittedInfluence(
        adapter, basis_hash(basis), contributions, tuple(map(tuple, rows)), tuple(kept[0])
    )


def basis_hash(basis: ContributorBasis) -> str:
    """`0x` and the SHA-256 of the directions as 32-bit floats, little-endian, row by row."""
    header = b"headwater/basis/1\n%d %d\n" % basis.directions.shape
    body = basis.directions.astype("<f4").tobytes()
    return to_hex(hashlib.sha256(header + body).digest())
