"""A call to a contract, built and not sent: what a wallet signs or a reader runs."""

from dataclasses import dataclass

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

UINT128_MAX = 2**128 - 1
UINT256_MAX = 2**256 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be run or to be put into a transaction.

    Args:
        to: the contract or account called.
        data: selector and encoded arguments; empty for a plain transfer.
        value: wei of the chain's own coin sent along.
        description: what it does, in words for logs and confirmations.
    """

    to: Address
    data: bytes
    value: int = 0
    description: str = ""

    def __post_init__(self) -> None:
        require_uint("value", self.value, 256)


def require_uint(name: str, value: object, bits: int) -> int:
    """Give back `value` if it fits in an unsigned integer of so many bits.

    Raises:
        InvalidInputError: negative, too large, or not an integer.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**bits:
        raise InvalidInputError(
            f"{name} must be an integer from 0 to 2^{bits} - 1, not {value!r}.",
            name=name,
            value=str(value)[:80],
        )
    return value


def require_bytes32(name: str, value: object) -> bytes:
    """Give back `value` if it is 32 bytes.

    Raises:
        InvalidInputError: of another length or type.
    """
    if not isinstance(value, bytes) or len(value) != 32:
        length = len(value) if isinstance(value, bytes) else type(value).__name__
        raise InvalidInputError(f"{name} must be 32 bytes, not {length}.", name=name)
    return value
