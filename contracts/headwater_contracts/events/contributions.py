"""What the bond of contributions records. Amounts are atomic units, times unix seconds."""

from dataclasses import dataclass
from enum import IntEnum

from headwater_contracts.events.court import Credited, Withdrawn
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


class CaseState(IntEnum):
    """How far a case is."""

    NONE = 0
    OPEN = 1
    DECIDED = 2
    APPEALED = 3
    FINAL = 4
    REMEDIED = 5
    CLOSED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAdopted(Event):
    """An asset takes contributions under these rules from now on."""

    asset_id: int
    rules_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted(Event):
    """A contribution is bonded, and consented to."""

    contribution_id: int
    asset_id: int
    contributor: Address
    rules_id: int
    content_root: bytes
    bond: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """No version from now on may hold the contribution."""

    contribution_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequested(Event):
    """A contributor asked for its bond."""

    contribution_id: int
    release_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionReleased(Event):
    """What was left of a bond was returned."""

    contribution_id: int
    bond: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accused(Event):
    """A case against a contribution; nobody votes before `vote_from` unless it is answered."""

    case_id: int
    contribution_id: int
    challenger: Address
    alleged: int
    version_id: int
    fraction: int
    evidence_hash: bytes
    vote_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """The contributor answered: arbiters may vote."""

    case_id: int
    evidence_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseVoted(Event):
    """An arbiter voted for a row of the table; 0 for none."""

    case_id: int
    hearing: int
    arbiter: Address
    grade: int
    reason_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Event):
    """A hearing ended; `heard` is false when no quorum voted."""

    case_id: int
    hearing: int
    found: int
    heard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Appealed(Event):
    """Who lost appealed to the other panel."""

    case_id: int
    appellant: Address
    evidence_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyStated(Event):
    """The contributor says how it put an error right."""

    case_id: int
    remedy_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(Event):
    """A case has ended, and this is what it took from the bond."""

    case_id: int
    found: int
    remedied: bool
    penalty: int
    to_challenger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Event):
    """A part of a version's royalties is frozen; `source` is another tag where it was inherited."""

    tag_id: int
    version_id: int
    source: int
    fraction: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDropped(Event):
    """A decision made no tag, since its version has as many active ones as it may."""

    version_id: int
    case_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLifted(Event):
    """A tag freezes nothing any more, nor do those inherited from it."""

    tag_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRenewed(Event):
    """Arbiters prolonged a tag."""

    tag_id: int
    expires_at: int


ContributionEvent = (
    RulesAdopted
    | Submitted
    | ConsentWithdrawn
    | ReleaseRequested
    | ContributionReleased
    | Accused
    | Answered
    | CaseVoted
    | Decided
    | Appealed
    | RemedyStated
    | CaseClosed
    | Tagged
    | TagDropped
    | TagLifted
    | TagRenewed
    | Credited
    | Withdrawn
)
CONTRIBUTION_EVENTS: tuple[type[ContributionEvent], ...] = (
    RulesAdopted,
    Submitted,
    ConsentWithdrawn,
    ReleaseRequested,
    ContributionReleased,
    Accused,
    Answered,
    CaseVoted,
    Decided,
    Appealed,
    RemedyStated,
    CaseClosed,
    Tagged,
    TagDropped,
    TagLifted,
    TagRenewed,
    Credited,
    Withdrawn,
)
