"""An offer's terms as buyers are told them, with what only the seller's facilitator knows.

Source: x402 `upto` on EVM: its terms name the account that may settle.
"""

from collections.abc import Callable, Sequence
from typing import Final

from headwater_marketplace.facilitator import Facilitator
from headwater_marketplace.seller.offers import Offer
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_payments.permit2_payload import UPTO
from headwater_payments.x402 import X402_VERSION, PaymentRequirements, SupportedResponse

TRUST_S: Final = 300
"""How long a facilitator's account is taken for known."""


class OfferedTerms:
    """Makes offers into payment requirements for one seller.

    Args:
        authorizer: the account that signs the seller's claims and receipts.
        facilitator: settles; it is asked for its account where an offer takes `upto`.
        now: Unix time in seconds.
    """

    def __init__(
        self, authorizer: Address, facilitator: Facilitator, now: Callable[[], int]
    ) -> None:
        self._authorizer, self._facilitator, self._now = authorizer, facilitator, now
        self._accounts: dict[str, Address] = {}
        self._made: dict[tuple[int, Address | None], tuple[Offer, list[PaymentRequirements]]] = {}
        self._asked_at: int | None = None

    async def of(self, offer: Offer) -> Sequence[PaymentRequirements]:
        """The offer's terms, best first; `upto` is left out while its facilitator is not known.

        Raises:
            UnavailableError: nothing is left: the facilitator does not say who settles.
        """
        if UPTO not in offer.schemes:
            return self._terms(offer, None)
        account = await self._account(offer.price.asset.network)
        terms = self._terms(offer, account)
        if not terms:
            raise UnavailableError("The facilitator does not say which account settles `upto`.")
        return terms

    def _terms(self, offer: Offer, account: Address | None) -> list[PaymentRequirements]:
        """Made once for each offer and account; the offer is kept, so that its id stays its own."""
        made = self._made.get((id(offer), account))
        if made is None:
            made = offer, offer.requirements(self._authorizer, account)
            self._made[id(offer), account] = made
        return made[1]

    async def _account(self, network: str) -> Address | None:
        fresh = self._asked_at is not None and self._now() - self._asked_at < TRUST_S
        if not fresh or network not in self._accounts:
            try:
                self._accounts = _settling(await self._facilitator.supported())
            except HeadwaterError:
                # What it said last is better than nothing: a wrong account is refused, not paid.
                return self._accounts.get(network)
            self._asked_at = self._now()
        return self._accounts.get(network)


def _settling(supported: SupportedResponse) -> dict[str, Address]:
    return {
        kind.network: parse_address(str((kind.extra or {}).get("facilitatorAddress", "")))
        for kind in supported.kinds
        if kind.scheme == UPTO and kind.x402_version == X402_VERSION
    }
