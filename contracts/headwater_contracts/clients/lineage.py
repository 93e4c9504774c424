"""What assets are and what they were made from, as the registry and its events have it."""

from dataclasses import dataclass
from enum import IntEnum

from headwater_contracts.clients.base import as_address, as_int, as_tuple
from headwater_payments.address import ZERO_ADDRESS, Address

WHOLE = 100_000_000
"""The whole of an amount: shares and royalties are parts per 10^8."""


class AssetKind(IntEnum):
    """What an asset is."""

    DATANET = 0
    DATASET = 1
    MODEL = 2
    ADAPTER = 3
    SERVICE = 4


@dataclass(frozen=True, slots=True)
class ParentLink:
    """An edge of the lineage, or an ancestor with an absolute royalty.

    Attributes:
        royalty: parts per 10^8 of the child's gross revenue, or of its first sales where it is owed
            to an ancestor absolutely.
        payee: the parent's or ancestor's vault; None where nothing is due.
    """

    parent_id: int
    royalty: int
    payee: Address | None = None


def asset_kind(value: object) -> AssetKind:
    """From the decoded number."""
    return AssetKind(as_int(value))


def parent_links(value: object) -> tuple[ParentLink, ...]:
    """From the decoded structs, in their order."""
    rows = (as_tuple(row) for row in as_tuple(value))
    return tuple(
        ParentLink(as_int(parent), as_int(royalty), optional_address(payee))
        for parent, royalty, payee in rows
    )


def optional_address(value: object) -> Address | None:
    """A decoded address; None for the zero address, which stands for nobody."""
    address = as_address(value)
    return None if address == ZERO_ADDRESS else address
