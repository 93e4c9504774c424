"""What a transaction offers for its place in a block, and how much more when it gets none.

Source: EIP-1559. A node takes another transaction with the same nonce only where both fees are a
tenth higher (go-ethereum's `--txpool.pricebump`).
"""

from dataclasses import dataclass
from typing import Any, Final

from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

LEAST_BUMP_PERCENT: Final = 10
"""What nodes ask of a replacement."""
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per unit of gas: the most in all, and the part of it that is the miner's."""

    max_wei: int
    priority_wei: int

    def raised(self, percent: int) -> "Fees":
        """Both raised by `percent`, rounded up, by at least one wei each."""
        return Fees(_raised(self.max_wei, percent), _raised(self.priority_wei, percent))

    def at_least(self, other: "Fees") -> "Fees":
        """The higher of each."""
        return Fees(max(self.max_wei, other.max_wei), max(self.priority_wei, other.priority_wei))


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How a transaction that is not mined is replaced by one that offers more.

    Args:
        bump_after_s: seconds to wait for a receipt before it is replaced.
        bump_percent: how much more both fees are then, at least.
        most_bumps: replacements while one call of `send` waits.
        most_wei: wei per unit of gas that no replacement exceeds.
    """

    bump_after_s: float = 30
    bump_percent: int = 25
    most_bumps: int = 3
    most_wei: int = 500 * 10**9

    def __post_init__(self) -> None:
        if self.bump_percent < LEAST_BUMP_PERCENT:
            raise InvalidInputError(
                f"Nodes take no replacement that offers less than {LEAST_BUMP_PERCENT} % more."
            )
        if self.bump_after_s <= 0 or self.most_bumps < 0 or self.most_wei <= 0:
            raise InvalidInputError("A fee policy has positive times and fees.")

    def next(self, offered: Fees, market: Fees) -> Fees | None:
        """What a replacement offers; None where that would be too much.

        Args:
            offered: by the transaction to be replaced.
            market: what a new transaction would offer now.
        """
        wanted = offered.raised(self.bump_percent).at_least(market)
        if wanted.max_wei <= self.most_wei:
            return wanted
        # The last one may go as far as the bound, where a node would still take it.
        least = offered.raised(LEAST_BUMP_PERCENT)
        if least.max_wei > self.most_wei:
            return None
        return Fees(self.most_wei, min(wanted.priority_wei, self.most_wei))


def read_transaction(raw: bytes) -> dict[str, Any]:
    """The fields of a signed transaction of EIP-1559, without its signature.

    Raises:
        InvalidInputError: it is none.
    """
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    try:
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    except (ValueError, TypeError) as exc:
        raise InvalidInputError("The transaction cannot be read.") from exc
    names = ("type", "chainId", "nonce", "to", "data", "value", "gas")
    fees = ("maxFeePerGas", "maxPriorityFeePerGas")
    if fields.get("type") != 2 or any(name not in fields for name in fees):
        raise InvalidInputError("The transaction is of another type than EIP-1559's.")
    return {name: fields[name] for name in (*names, *fees)}


def sender_of(raw: bytes) -> Address:
    """The account that signed a transaction.

    Raises:
        InvalidInputError: none did.
    """
    from eth_account import Account

    try:
        return parse_address(Account.recover_transaction(raw))
    except Exception as exc:
        raise InvalidInputError("The transaction bears no signature that holds.") from exc


def fees_of(fields: dict[str, Any]) -> Fees:
    """What a transaction offers."""
    return Fees(int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"]))


def _raised(wei: int, percent: int) -> int:
    return wei + max(1, -(-wei * percent // _HUNDRED))
