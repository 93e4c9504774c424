"""What the registries of agents record. An indexed text is known by its keccak256 only."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.events.event import Event
from headwater_contracts.events.registry import AssetApproval, AssetApprovalForAll, AssetTransferred
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Event):
    """An agent came to be."""

    agent_id: int
    agent_uri: str
    owner: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSet(Event):
    """Something is noted under a key of an agent."""

    agent_id: int
    indexed_metadata_key: bytes
    metadata_key: str
    metadata_value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UriUpdated(Event):
    """An agent's registration file moved."""

    event_name: ClassVar[str] = "URIUpdated"

    agent_id: int
    new_uri: str
    updated_by: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataUpdate(Event):
    """ERC-4906: what is told about a token may have changed."""

    token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeedback(Event):
    """A client gave feedback: value × 10^-value_decimals."""

    agent_id: int
    client_address: Address
    feedback_index: int
    value: int
    value_decimals: int
    indexed_tag1: bytes
    tag1: str
    tag2: str
    endpoint: str
    feedback_uri: str
    feedback_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRevoked(Event):
    """A client took feedback back."""

    agent_id: int
    client_address: Address
    feedback_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseAppended(Event):
    """Somebody answered feedback."""

    agent_id: int
    client_address: Address
    feedback_index: int
    responder: Address
    response_uri: str
    response_hash: bytes


IdentityEvent = (
    Registered
    | MetadataSet
    | UriUpdated
    | MetadataUpdate
    | AssetTransferred
    | AssetApproval
    | AssetApprovalForAll
)
IDENTITY_EVENTS: tuple[type[IdentityEvent], ...] = (
    Registered,
    MetadataSet,
    UriUpdated,
    MetadataUpdate,
    AssetTransferred,
    AssetApproval,
    AssetApprovalForAll,
)
ReputationEvent = NewFeedback | FeedbackRevoked | ResponseAppended
REPUTATION_EVENTS: tuple[type[ReputationEvent], ...] = (
    NewFeedback,
    FeedbackRevoked,
    ResponseAppended,
)
