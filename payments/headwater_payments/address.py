"""Ethereum addresses: one checksummed text form everywhere, parsed strictly at the edges."""

from functools import lru_cache
from typing import NewType

from eth_utils.address import is_hex_address, to_checksum_address

from headwater_payments.errors import InvalidInputError

Address = NewType("Address", str)
"""An EIP-55 checksummed address, `0x` and 40 hex digits."""

ZERO_ADDRESS = Address("0x" + "00" * 20)


def parse_address(text: object) -> Address:
    """Read an address in any letter case and give it back checksummed.

    Mixed-case input must carry a correct EIP-55 checksum, so that a mistyped address is refused.

    Raises:
        InvalidInputError: not 20 bytes of hex, or a wrong checksum.
    """
    if not isinstance(text, str):
        raise _no_address(text)
    return _parsed(text)


@lru_cache(maxsize=65_536)
def _parsed(text: str) -> Address:
    if not text.startswith("0x") or not is_hex_address(text):
        raise _no_address(text)
    checksummed = to_checksum_address(text)
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != checksummed:
        raise InvalidInputError(
            f"The address {text} fails its EIP-55 checksum: a letter or digit is mistyped.",
            value=text,
        )
    return Address(checksummed)


def _no_address(value: object) -> InvalidInputError:
    shown = str(value)[:80]
    return InvalidInputError(
        f"{shown!r} is not an address: give 0x and 40 hexadecimal digits.", value=shown
    )


def address_word(address: str) -> bytes:
    """The address as a 32-byte ABI word."""
    return bytes(12) + bytes.fromhex(address[2:])
