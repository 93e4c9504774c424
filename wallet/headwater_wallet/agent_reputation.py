"""Reputations from ERC-8004's registries: what reviewers that the wallet's owner trusts have said.

Anybody can register an agent and praise it, so two things are taken from the owner and not from the
chain: which agent sells at an origin, and whose feedback counts. The registry itself refuses to sum
up what nobody is named for. Source: ERC-8004, "Reputation Registry" and "Identity Registry".
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from headwater_contracts.clients.identity_registry import IdentityRegistryClient
from headwater_contracts.clients.reputation_registry import ReputationRegistryClient
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.web_url import require_web_url
from headwater_wallet.reputation import BEST
from headwater_wallet.terms import origin_of

MAX_AGE_S: Final = 300
"""Seconds for which what was read holds."""


class RegisteredReputations:
    """The average of trusted reviewers' feedback for the agent that sells at an origin.

    An agent's reputation is told for the account that the registry names as its wallet, and for
    that alone: a payee that only claims the agent's name has none. An average outside of 0 to 100,
    the range of ERC-8004's `starred`, counts as the end that it lies beyond; it is rounded down.

    Args:
        identities: the registry of agents.
        reputations: the registry of their feedback.
        agents: agent ids by origin, as `https://api.example.com`.
        reviewers: whose feedback counts.
        now: seconds on any clock that runs on.
        tag: what feedback must be about, such as `starred`; empty for any.
        least_reviews: fewer than this tell nothing.
        max_age_s: seconds for which what was read holds.

    Raises:
        InvalidInputError: no reviewer is named, or an origin is none.
    """

    def __init__(
        self,
        identities: IdentityRegistryClient,
        reputations: ReputationRegistryClient,
        agents: Mapping[str, int],
        reviewers: Sequence[Address],
        now: Callable[[], float],
        *,
        tag: str = "starred",
        least_reviews: int = 1,
        max_age_s: float = MAX_AGE_S,
    ) -> None:
        if not reviewers:
            raise InvalidInputError("Name the reviewers whose feedback counts.")
        self._identities, self._reputations, self._now = identities, reputations, now
        self._agents = {origin_of(require_web_url(at)): agent for at, agent in agents.items()}
        self._reviewers = [parse_address(reviewer) for reviewer in reviewers]
        self._tag, self._least, self._max_age_s = tag, max(1, least_reviews), max_age_s
        self._read: dict[int, tuple[float, Address | None, int | None]] = {}

    async def reputation(self, payee: Address, origin: str) -> int | None:
        """The reputation of a payee that sells at an origin; None where nothing is known.

        Raises:
            HeadwaterError: the chain cannot be read now.
        """
        agent = self._agents.get(origin_of(origin))
        if agent is None:
            return None
        at, wallet, score = self._read.get(agent, (None, None, None))
        if at is None or self._now() - at > self._max_age_s:
            at, wallet, score = self._now(), *await self._look_up(agent)
            self._read[agent] = (at, wallet, score)
        return score if wallet == parse_address(payee) else None

    async def _look_up(self, agent: int) -> tuple[Address | None, int | None]:
        wallet = await self._identities.wallet(agent)
        if wallet is None:
            return None, None
        told = await self._reputations.summary(agent, self._reviewers, self._tag)
        if told.count < self._least:
            return wallet, None
        within = min(max(told.average, Decimal(0)), Decimal(BEST))
        return wallet, int(within.to_integral_value(ROUND_FLOOR))
