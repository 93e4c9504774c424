"""Whom a payment would really go to: not into a private network, unless that is allowed.

A name is whatever its owner lets it resolve to, and what a model was told to fetch may stand inside
the network that the wallet runs in. So the address that counts is the one which the connection that
asked for the payment has reached, where it can be told; a name is not resolved a second time.
"""

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from headwater_wallet.errors import PrivateAddressError

ANY_HOST: Final = "*"
"""Allows every private address."""


def peer_of(extensions: Mapping[str, Any]) -> str | None:
    """The address that an answer came from, by its transport's extensions; None where not told."""
    stream = extensions.get("network_stream")
    ask = getattr(stream, "get_extra_info", None)
    told = None if ask is None else ask("server_addr")
    return str(told[0]) if isinstance(told, tuple | list) and told else None


def refuse_private(origin: str, peer: str | None, allowed: Collection[str]) -> None:
    """Refuse to pay a seller inside a private network.

    This machine itself, by its loopback addresses, is none: what runs there is one's own.

    Args:
        origin: the seller's.
        peer: the address that its answer came from. With a proxy between it is the proxy's.
        allowed: hosts that may be private, as origins name them; `*` for all.

    Raises:
        PrivateAddressError: it is private, and not allowed; nothing was signed.
    """
    host = urlsplit(origin).hostname or ""
    if ANY_HOST in allowed or host in {each.lower() for each in allowed}:
        return
    for address in (_address(peer or ""), _address(host)):
        if address is not None and not (address.is_global or address.is_loopback):
            raise PrivateAddressError(
                f"{origin} is at {address}, which is in no public network: nothing was paid. Allow "
                "its host in the policy's private_hosts, if that is meant.",
                host=host,
                address=str(address),
            )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
