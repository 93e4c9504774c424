"""Bytes as `0x` text, read strictly."""

from headwater_payments.errors import InvalidInputError


def to_hex(data: bytes) -> str:
    """`0x` and two digits a byte."""
    return "0x" + data.hex()


def parse_hex(text: object, *, length: int | None = None) -> bytes:
    """Read `0x` text.

    Args:
        text: `0x` and an even number of hexadecimal digits.
        length: bytes expected, or None for any number.

    Raises:
        InvalidInputError: malformed, or of another length.
    """
    if isinstance(text, str) and text.startswith("0x"):
        try:
            data = bytes.fromhex(text[2:])
        except ValueError:
            data = None
        if data is not None and (length is None or len(data) == length):
            return data
    wanted = "bytes" if length is None else f"{length} bytes"
    raise InvalidInputError(f"{str(text)[:80]!r} is not {wanted} of 0x hexadecimal.")
