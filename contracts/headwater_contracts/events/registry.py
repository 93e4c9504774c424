"""What the registry of assets records. Royalties are parts per 10^8 of gross."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.lineage import AssetKind, ParentLink, asset_kind, parent_links
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRegistered(Event):
    """An asset came to be."""

    structs: ClassVar = {"kind": asset_kind}

    asset_id: int
    kind: AssetKind
    owner: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPublished(Event):
    """A version of an asset came to be; what it says never changes."""

    structs: ClassVar = {"parents": parent_links, "ancestors": parent_links}

    version_id: int
    asset_id: int
    number: int
    content_root: bytes
    licence_hash: bytes
    min_royalty: int
    parents: tuple[ParentLink, ...]
    ancestors: tuple[ParentLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeSet(Event):
    """Royalties to a version go to this vault from now on."""

    version_id: int
    vault: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAttached(Event):
    """A transfer of the asset credits the old owner in this vault first."""

    asset_id: int
    vault: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativeApproved(Event):
    """An asset may, or may no longer, derive from a version."""

    version_id: int
    asset_id: int
    approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetTransferred(Event):
    """An asset has another owner; from the zero address it was registered."""

    event_name: ClassVar[str] = "Transfer"

    sender: Address
    to: Address
    token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetApproval(Event):
    """`approved` may transfer one asset."""

    event_name: ClassVar[str] = "Approval"

    owner: Address
    approved: Address
    token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetApprovalForAll(Event):
    """`operator` may, or may no longer, transfer all of an owner's assets."""

    event_name: ClassVar[str] = "ApprovalForAll"

    owner: Address
    operator: Address
    approved: bool


RegistryEvent = (
    AssetRegistered
    | VersionPublished
    | PayeeSet
    | VaultAttached
    | DerivativeApproved
    | AssetTransferred
    | AssetApproval
    | AssetApprovalForAll
)
REGISTRY_EVENTS: tuple[type[RegistryEvent], ...] = (
    AssetRegistered,
    VersionPublished,
    PayeeSet,
    VaultAttached,
    DerivativeApproved,
    AssetTransferred,
    AssetApproval,
    AssetApprovalForAll,
)
