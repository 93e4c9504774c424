"""What clients say about agents, by ERC-8004."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_address, as_int, as_tuple
from headwater_contracts.events.agents import REPUTATION_EVENTS, NewFeedback, ReputationEvent
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address


@dataclass(frozen=True, slots=True)
class Feedback:
    """One client's feedback; its index counts from 1 for each client and agent."""

    client: Address
    index: int
    value: Decimal
    tag1: str
    tag2: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """How many were counted, and their average."""

    count: int
    average: Decimal


class ReputationRegistryClient(ContractClient[ReputationEvent]):
    """The interface of the canonical deployments.

    A summary is over clients that the reader names: those of others cost nothing to make up.
    """

    contract = "ReputationRegistry"
    event_kinds = REPUTATION_EVENTS

    async def summary(
        self, agent_id: int, clients: Sequence[Address], tag1: str = "", tag2: str = ""
    ) -> FeedbackSummary:
        """The average of the named clients' feedback; an empty tag matches all.

        Raises:
            ContractRevertError: no client is named.
        """
        count, value, decimals = await self._view(
            "getSummary",
            require_uint("agent_id", agent_id, 256),
            [parse_address(client) for client in clients],
            tag1,
            tag2,
        )
        return FeedbackSummary(as_int(count), _decimal(value, decimals))

    async def feedback(
        self,
        agent_id: int,
        clients: Sequence[Address] = (),
        tag1: str = "",
        tag2: str = "",
        *,
        revoked: bool = False,
    ) -> list[Feedback]:
        """Feedback of these clients, of all where none is named; revoked only when asked for."""
        columns = await self._view(
            "readAllFeedback",
            require_uint("agent_id", agent_id, 256),
            [parse_address(client) for client in clients],
            tag1,
            tag2,
            revoked,
        )
        rows = zip(*(as_tuple(column) for column in columns), strict=True)
        return [
            Feedback(
                as_address(client),
                as_int(index),
                _decimal(value, decimals),
                str(first),
                str(second),
                bool(withdrawn),
            )
            for client, index, value, decimals, first, second, withdrawn in rows
        ]

    async def clients(self, agent_id: int) -> list[Address]:
        """Everybody who ever gave an agent feedback."""
        (rows,) = await self._view("getClients", require_uint("agent_id", agent_id, 256))
        return [as_address(row) for row in as_tuple(rows)]

    async def responses(self, agent_id: int, client: Address, index: int) -> int:
        """How often feedback was answered."""
        return await self._view_int(
            "getResponseCount",
            require_uint("agent_id", agent_id, 256),
            parse_address(client),
            require_uint("index", index, 64),
            [],
        )

    def give_feedback(
        self,
        agent_id: int,
        value: Decimal,
        *,
        tag1: str = "",
        tag2: str = "",
        endpoint: str = "",
        feedback_uri: str = "",
        feedback_hash: bytes = bytes(32),
    ) -> Call:
        """Give an agent feedback.

        Args:
            agent_id: which; its own people are refused.
            value: at most 18 decimals, between -10^38 and 10^38.
            tag1: what it is about, as in `starred` or `successRate`.
            tag2: more of that.
            endpoint: which of the agent's endpoints it is about.
            feedback_uri: where the feedback file is.
            feedback_hash: keccak256 of that file.
        """
        exponent = value.as_tuple().exponent
        decimals = max(-exponent, 0) if isinstance(exponent, int) else 0
        return self._build(
            f"give agent {agent_id} feedback of {value}",
            "giveFeedback",
            require_uint("agent_id", agent_id, 256),
            int(value.scaleb(decimals)),
            decimals,
            tag1,
            tag2,
            endpoint,
            feedback_uri,
            require_bytes32("feedback_hash", feedback_hash),
        )

    def revoke_feedback(self, agent_id: int, index: int) -> Call:
        """Take one's own feedback back; it stays readable as revoked."""
        return self._build(
            f"revoke feedback {index} of agent {agent_id}",
            "revokeFeedback",
            require_uint("agent_id", agent_id, 256),
            require_uint("index", index, 64),
        )

    def append_response(
        self, agent_id: int, client: Address, index: int, uri: str, response_hash: bytes
    ) -> Call:
        """Answer feedback; anyone may."""
        return self._build(
            f"answer feedback {index} of agent {agent_id}",
            "appendResponse",
            require_uint("agent_id", agent_id, 256),
            parse_address(client),
            require_uint("index", index, 64),
            uri,
            require_bytes32("response_hash", response_hash),
        )

    def given_feedback(self, receipt: Receipt) -> int:
        """The index of the feedback that a transaction gave.

        Raises:
            InvalidInputError: it gave none.
        """
        return self._only(receipt, NewFeedback).feedback_index


def _decimal(value: object, decimals: object) -> Decimal:
    return Decimal(as_int(value)).scaleb(-as_int(decimals))
