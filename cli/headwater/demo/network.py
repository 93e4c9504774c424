"""The chain that the demonstration runs on, its contracts, and money in everybody's wallet."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from headwater.demo.parties import Parties
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_payments.address import Address
from headwater_payments.amount import Asset
from headwater_wallet.transactions import TransactionSender

GAS_MONEY_WEI = 10**17
BUYER_FUNDS = 5_000_000
"""Atomic units for each agent: 5 USDC."""
ATTRIBUTOR_FUNDS = 15_000_000
"""Atomic units from which the attributor locks its bond: as much as all agents have."""


@dataclass(frozen=True, slots=True)
class Network:
    """A running chain with the contracts on it; `funds` are the units that each role began with."""

    chain: DevelopmentChain
    deployment: Deployment
    asset: Asset
    token: SettlementTokenClient
    funds: Mapping[str, int]

    @property
    def minted(self) -> int:
        """All atomic units there are."""
        return sum(self.funds.values())

    def sender(self, parties: Parties, role: str) -> TransactionSender:
        """Sends transactions of one role."""
        return TransactionSender(self.chain.reader, parties.by_role[role])

    async def balance(self, account: Address) -> int:
        """Atomic units of the settlement token that an account holds."""
        return await self.token.balance(account)


@asynccontextmanager
async def open_network(parties: Parties, buyers: tuple[str, ...]) -> AsyncIterator[Network]:
    """Start a chain, deploy, and fund: gas for everybody, tokens for the buyers
    and for the attributor's bond."""
    async with await LocalChain.start() as chain:
        deployment = await deploy_development_contracts(chain)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        asset = await token.asset(deployment.chain_id)
        for account in parties.everyone():
            await chain.fund(account, GAS_MONEY_WEI)
        funds = dict.fromkeys(buyers, BUYER_FUNDS) | {"attributor": ATTRIBUTOR_FUNDS}
        for role, units in funds.items():
            await chain.send(token.mint(parties.address(role), units))
        yield Network(chain, deployment, asset, token, funds)
