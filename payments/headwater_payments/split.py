"""Dividing money so that nothing is lost to rounding."""

from collections.abc import Sequence

from headwater_payments.errors import InvalidInputError

PARTS = 100_000_000
"""Shares are parts per 10^8: `PARTS` is the whole."""


def split_amount(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide `amount` in proportion to `weights` and hand out every last unit.

    Each part differs from its exact value by less than one unit. Units left over after rounding
    down go to the largest remainders, equal remainders in order of position, so the result depends
    on nothing but the arguments.

    Args:
        amount: atomic units, at least 0, of any size.
        weights: `[shares]` non-negative integers with a positive sum.

    Returns:
        `[shares]` atomic units that sum to `amount`.

    Raises:
        InvalidInputError: a negative amount or weight, or weights that sum to zero.

    Source:
        Largest-remainder (Hamilton) apportionment: Balinski and Young, "Fair Representation", 1982.
    """
    whole = sum(weights)
    if amount < 0 or whole <= 0 or min(weights, default=0) < 0:
        raise InvalidInputError(
            "A split needs an amount of at least 0 and non-negative weights with a positive sum.",
            amount=str(amount),
        )
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts


def portion(amount: int, parts: int) -> int:
    """`amount` × `parts` / 10^8, rounded down: the payer of a share keeps the fraction."""
    return amount * parts // PARTS
