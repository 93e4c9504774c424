"""What a token records. Amounts are atomic units of the token."""

from dataclasses import dataclass

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Event):
    """Units moved; from the zero address they were minted, to it they were burnt."""

    sender: Address
    to: Address
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Event):
    """From now on `spender` may take up to `value` of the owner's units."""

    owner: Address
    spender: Address
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationUsed(Event):
    """An EIP-3009 nonce was spent by a transfer."""

    authorizer: Address
    nonce: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCanceled(Event):
    """An EIP-3009 nonce was spent without moving anything."""

    authorizer: Address
    nonce: bytes


TokenEvent = Transfer | Approval | AuthorizationUsed | AuthorizationCanceled
TOKEN_EVENTS: tuple[type[TokenEvent], ...] = (
    Transfer,
    Approval,
    AuthorizationUsed,
    AuthorizationCanceled,
)
