"""Money as integers: an asset, and amounts of it in atomic units."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final, Self

from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError

UINT128_MAX = 2**128 - 1

_EXACT: Final = Context(prec=120, traps=[Inexact, InvalidOperation])
"""Wide enough for any uint256 at any number of decimals; it refuses what it would have to round."""

_PLAIN: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""`Decimal` also reads blanks, underscores and the digits of every script."""

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Asset:
    """An ERC-20 token on one chain.

    `name` and `version` are those of the token's EIP-712 domain, which differ between deployments
    of the same currency ("USD Coin" on Base, "USDC" on Base Sepolia).
    """

    chain_id: int
    address: Address
    symbol: str
    decimals: int
    name: str
    version: str

    @property
    def network(self) -> str:
        """The CAIP-2 name of the chain, such as `eip155:84532`."""
        return f"eip155:{self.chain_id}"

    def amount(self, text: str | int | Decimal) -> "Amount":
        """Read a whole-unit quantity such as `"0.25"`, exactly.

        Raises:
            InvalidInputError: not a finite non-negative number, or finer than one atomic unit.
        """
        shown = str(text)[:_SHOWN]
        value = self._number(text, shown)
        if value < 0 or value.adjusted() > 60:
            raise InvalidInputError(
                f"An amount of {self.symbol} lies between 0 and 10^60, unlike {shown}."
            )
        try:
            scaled = value.scaleb(self.decimals, _EXACT)
            whole = scaled == scaled.to_integral_value()
        except Inexact:
            whole = False
        if not whole:
            raise InvalidInputError(
                f"{shown} {self.symbol} is finer than one atomic unit ({self.decimals} decimals).",
                value=shown,
                decimals=self.decimals,
            )
        return Amount(int(scaled), self)

    def _number(self, text: str | int | Decimal, shown: str) -> Decimal:
        try:
            if not isinstance(text, str) or _PLAIN.fullmatch(text):
                value = Decimal(text)
                if value.is_finite():
                    return value
        except (InvalidOperation, ValueError, TypeError):
            pass
        raise InvalidInputError(
            f"{shown!r} is not an amount of {self.symbol}: give a plain decimal number.",
            value=shown,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """A non-negative number of atomic units of one asset.

    Arithmetic between different assets raises `InvalidInputError`, and so does a subtraction that
    would fall below zero: money that is not there cannot be taken.
    """

    atomic: int
    asset: Asset

    def __post_init__(self) -> None:
        if isinstance(self.atomic, bool) or not isinstance(self.atomic, int):
            raise InvalidInputError("An amount counts whole atomic units: pass an int.")
        if not 0 <= self.atomic <= UINT128_MAX:
            raise InvalidInputError(
                f"An amount lies between 0 and 2^128-1 atomic units, not {self.atomic}.",
                atomic=str(self.atomic),
            )

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units, exact, for display and parsing only."""
        return Decimal(self.atomic).scaleb(-self.asset.decimals, _EXACT)

    def __add__(self, other: Self) -> "Amount":
        return Amount(self.atomic + self._same_asset(other), self.asset)

    def __sub__(self, other: Self) -> "Amount":
        return Amount(self.atomic - self._same_asset(other), self.asset)

    def __lt__(self, other: Self) -> bool:
        return self.atomic < self._same_asset(other)

    def __le__(self, other: Self) -> bool:
        return self.atomic <= self._same_asset(other)

    def __gt__(self, other: Self) -> bool:
        return self.atomic > self._same_asset(other)

    def __ge__(self, other: Self) -> bool:
        return self.atomic >= self._same_asset(other)

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.asset.symbol}"

    def _same_asset(self, other: "Amount") -> int:
        if other.asset != self.asset:
            raise InvalidInputError(
                f"{self.asset.symbol} on chain {self.asset.chain_id} and {other.asset.symbol} on "
                f"chain {other.asset.chain_id} are different assets.",
            )
        return other.atomic


def total(amounts: Iterable[Amount], asset: Asset) -> Amount:
    """The sum of amounts of one asset; zero for none."""
    result = Amount(0, asset)
    for amount in amounts:
        result = result + amount
    return result


def parse_atomic(text: object, *, maximum: int = UINT128_MAX) -> int:
    """Read atomic units from their wire form, a string of decimal digits.

    Raises:
        InvalidInputError: anything but digits, or more than `maximum`.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 78:
        raise InvalidInputError(
            f"{str(text)[:80]!r} is not an amount in atomic units: give decimal digits."
        )
    value = int(text)
    if value > maximum:
        raise InvalidInputError(f"{text} atomic units is more than the {maximum} allowed here.")
    return value
