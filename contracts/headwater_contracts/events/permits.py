"""What Permit2 and x402's proxies for it record."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from headwater_contracts.events.event import Event
from headwater_payments.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class UnorderedNonceInvalidation(Event):
    """An owner cancelled the nonces of `mask` in a word of 256."""

    owner: Address
    word: int
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettled(Event):
    """A payment was settled; who paid whom is in the token's transfer of the same transaction."""

    event_name: ClassVar[str] = "Settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettledWithPermit(Event):
    """The same, after the payer's EIP-2612 permit for Permit2."""

    event_name: ClassVar[str] = "SettledWithPermit"


ProxyEvent: TypeAlias = ProxySettled | ProxySettledWithPermit
PERMIT2_EVENTS: tuple[type[UnorderedNonceInvalidation], ...] = (UnorderedNonceInvalidation,)
PROXY_EVENTS: tuple[type[ProxyEvent], ...] = (ProxySettled, ProxySettledWithPermit)
