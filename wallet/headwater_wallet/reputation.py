"""What others know of a payee, asked before policy decides, where a rule looks at it.

Where reputations come from is the application's choice: a registry on chain such as ERC-8004's, a
marketplace, an auditor's list. One of whom nothing is known has no reputation, which is less than
the least.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

BEST: Final = 100


class ReputationSource(Protocol):
    """Tells reputations from 0 to 100."""

    async def reputation(self, payee: Address, origin: str) -> int | None:
        """The reputation of a payee that sells at an origin; None where nothing is known.

        Raises:
            HeadwaterError: it cannot be told now; the payment is not made.
        """
        ...


class ListedReputations:
    """Reputations from a list, such as somebody published.

    Args:
        listed: from 0 to 100, by payee.

    Raises:
        InvalidInputError: one is out of range, or of no address.
    """

    def __init__(self, listed: Mapping[str, int]) -> None:
        wrong = next((value for value in listed.values() if not 0 <= value <= BEST), None)
        if wrong is not None:
            raise InvalidInputError(f"A reputation lies between 0 and {BEST}, not at {wrong}.")
        self._listed = {parse_address(payee): value for payee, value in listed.items()}

    async def reputation(self, payee: Address, origin: str) -> int | None:
        """As it is listed."""
        del origin
        return self._listed.get(parse_address(payee))
