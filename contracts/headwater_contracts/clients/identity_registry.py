"""Agents as tokens, by ERC-8004: their registration files, metadata and wallets."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient, as_bytes
from headwater_contracts.clients.lineage import optional_address
from headwater_contracts.events.agents import IDENTITY_EVENTS, IdentityEvent, Registered
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import Domain, Struct, TypedData


@dataclass(frozen=True, slots=True)
class AgentWalletSet(Struct):
    """What an account signs that is to receive for an agent.

    Attributes:
        agent_id: which.
        new_wallet: the account that signs.
        owner: the agent's owner, by whom the account is named.
        deadline: unix seconds.
    """

    solidity = (
        ("agentId", "uint256"),
        ("newWallet", "address"),
        ("owner", "address"),
        ("deadline", "uint256"),
    )
    agent_id: int
    new_wallet: Address
    owner: Address
    deadline: int

    def to_sign(self, chain_id: int, registry: Address) -> TypedData:
        """The consent in the form that a `Signer` takes, for one registry on one chain."""
        return TypedData(Domain("ERC8004IdentityRegistry", "1", chain_id, registry), self)


class IdentityRegistryClient(ContractClient[IdentityEvent]):
    """The interface of the canonical deployments; agents are numbered from 0."""

    contract = "IdentityRegistry"
    event_kinds = IDENTITY_EVENTS

    async def owner(self, agent_id: int) -> Address:
        """Who owns an agent now."""
        return await self._view_address("ownerOf", require_uint("agent_id", agent_id, 256))

    async def agent_uri(self, agent_id: int) -> str:
        """Where the agent's registration file is."""
        (value,) = await self._view("tokenURI", require_uint("agent_id", agent_id, 256))
        return str(value)

    async def wallet(self, agent_id: int) -> Address | None:
        """Which account receives for an agent; None after a transfer, until one is proven."""
        (value,) = await self._view("getAgentWallet", require_uint("agent_id", agent_id, 256))
        return optional_address(value)

    async def metadata(self, agent_id: int, key: str) -> bytes:
        """What an agent's people noted under a key; empty where nothing is."""
        (value,) = await self._view("getMetadata", require_uint("agent_id", agent_id, 256), key)
        return as_bytes(value)

    async def is_authorized(self, account: Address, agent_id: int) -> bool:
        """Whether an account may act for an agent."""
        (value,) = await self._view(
            "isAuthorizedOrOwner", parse_address(account), require_uint("agent_id", agent_id, 256)
        )
        return bool(value)

    def register(self, agent_uri: str, metadata: Mapping[str, bytes] | None = None) -> Call:
        """Register an agent of the sender; its id is in the receipt (`registered_agent`)."""
        return self._build(
            "register an agent",
            "register(string,(string,bytes)[])",
            agent_uri,
            list((metadata or {}).items()),
        )

    def set_agent_uri(self, agent_id: int, agent_uri: str) -> Call:
        """Move the agent's registration file."""
        return self._build(
            f"set the URI of agent {agent_id}",
            "setAgentURI",
            require_uint("agent_id", agent_id, 256),
            agent_uri,
        )

    def set_metadata(self, agent_id: int, key: str, value: bytes) -> Call:
        """Note something under a key; `agentWallet` is refused."""
        return self._build(
            f"set {key!r} of agent {agent_id}",
            "setMetadata",
            require_uint("agent_id", agent_id, 256),
            key,
            value,
        )

    def set_wallet(self, agent_id: int, wallet: Address, deadline: int, signature: bytes) -> Call:
        """Name the account that receives for an agent.

        Args:
            agent_id: which.
            wallet: the account, which signed `AgentWalletSet`.
            deadline: unix seconds, at most five minutes ahead.
            signature: its signature; by ERC-1271 where it is a contract.
        """
        return self._build(
            f"set the wallet of agent {agent_id} to {wallet}",
            "setAgentWallet",
            require_uint("agent_id", agent_id, 256),
            parse_address(wallet),
            require_uint("deadline", deadline, 256),
            signature,
        )

    def registered_agent(self, receipt: Receipt) -> int:
        """The agent that a transaction registered.

        Raises:
            InvalidInputError: it registered none.
        """
        return self._only(receipt, Registered).agent_id
