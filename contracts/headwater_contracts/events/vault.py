"""What a revenue vault records. Amounts are atomic units of the vault's token."""

from dataclasses import dataclass

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced(Event):
    """`inflow` units were booked, `total_in` in all."""

    inflow: int
    total_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformPaid(Event):
    """The platform was paid its share."""

    platform: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPaid(Event):
    """The host was paid its share."""

    host: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerCredited(Event):
    """The owner's share was credited to whoever owned the asset then; nothing moved."""

    owner: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerPaid(Event):
    """An owner, past or present, was paid its credit."""

    owner: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentPaid(Event):
    """The royalty of parent link `index` was paid to the parent's vault."""

    index: int
    payee: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoyaltyPulled(Event):
    """A royalty arrived from a child's vault; `index` counts the child's parent links."""

    child: Address
    index: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochCommitted(Event):
    """An epoch's receipts are fixed; the hash of block `seed_block` will seed its randomness."""

    epoch: int
    committer: Address
    receipts_root: bytes
    cutoff_block: int
    cutoff_hash: bytes
    seed_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecorded(Event):
    """An epoch's seed is known."""

    epoch: int
    seed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMissed(Event):
    """The seed's block was forgotten unrecorded; `new_seed_block` takes its place."""

    epoch: int
    new_seed_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPosted(Event):
    """A root was proposed; `sum` is everything that it entitles to, all epochs together."""

    epoch: int
    posting: int
    root: bytes
    sum: int
    depth: int
    bundle_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFinalized(Event):
    """A root became final."""

    epoch: int
    posting: int
    root: bytes
    sum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCancelled(Event):
    """A pending root was dropped; the court says why."""

    epoch: int
    posting: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionHeld(Event):
    """A position is disputed: until that is resolved it is due no more than `ceiling` in all."""

    position: int
    ceiling: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReleased(Event):
    """A dispute over a position ended; `voided` of its increment is never paid."""

    position: int
    voided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RootScaled(Event):
    """Nobody posted for six epochs: the last root is due `pool` units in all instead of `base`."""

    epoch: int
    pool: int
    base: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementPaid(Event):
    """A contributor was paid."""

    position: int
    account: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementRedirected(Event):
    """A contributor's payment went where it signed for; `fee` of it to the sender."""

    position: int
    recipient: Address
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementRefused(Event):
    """The token refused a contributor; nothing moved and the claim stays open."""

    position: int
    account: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPaid(Event):
    """The pool went to the fallback, for no root was ever final."""

    to: Address
    amount: int


VaultEvent = (
    Synced
    | PlatformPaid
    | HostPaid
    | OwnerCredited
    | OwnerPaid
    | ParentPaid
    | RoyaltyPulled
    | EpochCommitted
    | SeedRecorded
    | SeedMissed
    | RootPosted
    | RootFinalized
    | RootCancelled
    | PositionHeld
    | PositionReleased
    | RootScaled
    | EntitlementPaid
    | EntitlementRedirected
    | EntitlementRefused
    | FallbackPaid
)
VAULT_EVENTS: tuple[type[VaultEvent], ...] = (
    Synced,
    PlatformPaid,
    HostPaid,
    OwnerCredited,
    OwnerPaid,
    ParentPaid,
    RoyaltyPulled,
    EpochCommitted,
    SeedRecorded,
    SeedMissed,
    RootPosted,
    RootFinalized,
    RootCancelled,
    PositionHeld,
    PositionReleased,
    RootScaled,
    EntitlementPaid,
    EntitlementRedirected,
    EntitlementRefused,
    FallbackPaid,
)
