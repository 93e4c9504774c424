"""What the escrow of jobs records. Amounts are atomic units, times unix seconds."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from headwater_contracts.events.court import Credited, Withdrawn
from headwater_contracts.events.event import Event
from headwater_payments.address import Address


class JobStatus(IntEnum):
    """How far a job is."""

    OPEN = 0
    FUNDED = 1
    SUBMITTED = 2
    COMPLETED = 3
    REJECTED = 4
    EXPIRED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCreated(Event):
    """A job came to be; the provider is zero where it is named later."""

    job_id: int
    client: Address
    provider: Address
    evaluator: Address
    expired_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSet(Event):
    """The client named a provider."""

    job_id: int
    provider: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSet(Event):
    """Client or provider proposed a price."""

    job_id: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFunded(Event):
    """The client paid the budget in."""

    job_id: int
    client: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitted(Event):
    """The provider handed in its work."""

    job_id: int
    provider: Address
    deliverable: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCompleted(Event):
    """The evaluator accepted the work."""

    job_id: int
    evaluator: Address
    reason: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRejected(Event):
    """The evaluator rejected the work, or the client its open job."""

    job_id: int
    rejector: Address
    reason: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExpired(Event):
    """Nobody ended the job in time."""

    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReleased(Event):
    """The provider was paid, or credited where the token refused."""

    job_id: int
    provider: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRefunded(Event):
    """The client was refunded, or credited where the token refused."""

    event_name: ClassVar[str] = "Refunded"

    job_id: int
    client: Address
    amount: int


JobEvent = (
    JobCreated
    | ProviderSet
    | BudgetSet
    | JobFunded
    | JobSubmitted
    | JobCompleted
    | JobRejected
    | JobExpired
    | PaymentReleased
    | JobRefunded
    | Credited
    | Withdrawn
)
JOB_EVENTS: tuple[type[JobEvent], ...] = (
    JobCreated,
    ProviderSet,
    BudgetSet,
    JobFunded,
    JobSubmitted,
    JobCompleted,
    JobRejected,
    JobExpired,
    PaymentReleased,
    JobRefunded,
    Credited,
    Withdrawn,
)
