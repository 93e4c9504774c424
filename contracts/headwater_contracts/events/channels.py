"""What payment channels record. Amounts are atomic units of the channel's token."""

from dataclasses import dataclass
from typing import ClassVar

from headwater_contracts.clients.channel_config import config_from_tuple
from headwater_contracts.events.event import Event
from headwater_payments.address import Address
from headwater_payments.structs import ChannelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent(Event):
    """An event of one channel."""

    channel_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCreated(ChannelEvent):
    """A channel received its first deposit."""

    structs: ClassVar = {"config": config_from_tuple}

    config: ChannelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelClosed(ChannelEvent):
    """Nothing is left to claim, refund or withdraw; a further deposit reopens it."""

    structs: ClassVar = {"config": config_from_tuple}

    config: ChannelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited(ChannelEvent):
    """Units arrived; `new_balance` counts what was claimed too."""

    sender: Address
    amount: int
    new_balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(ChannelEvent):
    """A voucher was booked: `claim_amount` more, `new_total_claimed` in all."""

    sender: Address
    claim_amount: int
    new_total_claimed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded(ChannelEvent):
    """Unclaimed units went back to the payer; `sender` asked for it."""

    sender: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawInitiated(ChannelEvent):
    """The payer's way out began; `finalize_after` in unix seconds."""

    amount: int
    finalize_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawFinalized(ChannelEvent):
    """The payer took out what was left unclaimed of the amount that it had asked for."""

    sender: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Event):
    """A receiver was sent what had been claimed for it in one token."""

    receiver: Address
    token: Address
    sender: Address
    amount: int


SettlementEvent = (
    ChannelCreated
    | ChannelClosed
    | Deposited
    | Claimed
    | Refunded
    | WithdrawInitiated
    | WithdrawFinalized
    | Settled
)
SETTLEMENT_EVENTS: tuple[type[SettlementEvent], ...] = (
    ChannelCreated,
    ChannelClosed,
    Deposited,
    Claimed,
    Refunded,
    WithdrawInitiated,
    WithdrawFinalized,
    Settled,
)
