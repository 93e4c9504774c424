"""The chain a market is replayed on: contracts, accounts, and a vault for each service."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater_attribution.corpus import Corpus
from headwater_contracts.clients.asset_registry import AssetKind
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_payments.address import Address
from headwater_payments.amount import Asset
from headwater_payments.errors import needing
from headwater_payments.split import PARTS
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.trace import Sale
from headwater_simulations.stack.drawn import corpus_of
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender

with needing("A replay on chain", "chain", "marketplace"):
    from headwater_contracts.chains.local import LocalChain
    from headwater_marketplace.assets import Parties, PublishedAsset, Shares, publish_asset

GAS_MONEY_WEI = 10**18
ATTRIBUTOR_FUNDS = 10**12
CHALLENGE_WINDOW_S = 600
PANEL_RULES = PanelRules(
    min_bond=100_000,
    bond_bps=10_000,
    max_increment=10**12,
    arbiter_quorum=1,
    audit_probability=50_000_000,
    epoch_length=86_400,
    demand_window=200,
    ruling_window=86_400,
    compensation_window=604_800,
    demand_price=1_000,
    dispute_bond=10_000,
    arbiter_fee=3_000,
)


@dataclass(slots=True)
class Clock:
    """The time, in unix seconds, for chain, wallets and sellers alike; windows are skipped."""

    skipped: int = 0

    def __call__(self) -> int:
        """Now."""
        return int(time.time()) + self.skipped

    def skip(self, seconds: int) -> None:
        """Go forward."""
        self.skipped += seconds


@dataclass(frozen=True, slots=True)
class Accounts:
    """Keys of everybody in the market, by number, and of those who run it."""

    buyers: tuple[LocalSigner, ...]
    contributors: tuple[LocalSigner, ...]
    services: tuple[LocalSigner, ...]
    owners: tuple[LocalSigner, ...]
    platform: LocalSigner
    operator: LocalSigner
    attributor: LocalSigner
    arbiter: LocalSigner
    fallback: LocalSigner

    @classmethod
    def of(cls, economy: Economy) -> "Accounts":
        """New keys for a market."""

        def some(count: int) -> tuple[LocalSigner, ...]:
            return tuple(LocalSigner.random() for _ in range(count))

        return cls(
            some(economy.buyers),
            some(economy.contributors),
            some(economy.services),
            some(economy.owners),
            *some(5),
        )


class Vault(NamedTuple):
    """What a service sells for a time, with its vault, and who owns the model."""

    asset: PublishedAsset
    owner: LocalSigner


@dataclass(frozen=True, slots=True)
class Ground:
    """A running chain with the market's assets on it.

    Attributes:
        operator: submits deposits and authorises claims.
        panel: which judges the vaults' epochs.
        vaults: what has been published, by service and number of its vault.
    """

    economy: Economy

    chain: LocalChain
    clock: Clock
    deployment: Deployment
    asset: Asset
    token: SettlementTokenClient
    accounts: Accounts
    corpus: Corpus
    operator: TransactionSender
    panel: int
    vaults: dict[tuple[int, int], Vault] = field(default_factory=dict)

    async def vault(self, sale: Sale) -> Vault:
        """The vault that a sale is paid to, published when it is first needed."""
        place = (sale.service, sale.vault)
        if place not in self.vaults:
            owner = self.accounts.owners[sale.owner]
            self.vaults[place] = Vault(await self._publish(sale, self.sender(owner)), owner)
        return self.vaults[place]

    def sender(self, signer: LocalSigner) -> TransactionSender:
        """Sends transactions of an account."""
        return TransactionSender(self.chain.reader, signer)

    async def _publish(self, sale: Sale, owner: TransactionSender) -> PublishedAsset:
        """The model that a service runs, with a vault that pays the service as host."""
        market, accounts = self.economy, self.accounts
        taken = market.contributors_share + sale.owner_share + market.platform_share
        return await publish_asset(
            owner,
            self.deployment,
            AssetKind.MODEL,
            content_root=self.corpus.root,
            licence="CC0-1.0",
            parties=Parties(
                platform=accounts.platform.address,
                host=accounts.services[sale.service].address,
                attributor=accounts.attributor.address,
                fallback=accounts.fallback.address,
            ),
            shares=Shares(
                platform=market.platform_share,
                host=PARTS - taken,
                contributors=market.contributors_share,
            ),
            challenge_window=CHALLENGE_WINDOW_S,
            panel=self.panel,
            terms_document=f"{market.rule.rule_id}: {market.rule.parameters}",
        )

    async def after_window(self) -> None:
        """Wait out a challenge window."""
        self.clock.skip(CHALLENGE_WINDOW_S + 1)
        await self.chain.mine()

    async def mint(self, account: Address, atomic: int) -> None:
        """Give an account money."""
        await self.chain.send(self.token.mint(account, atomic))


@asynccontextmanager
async def open_ground(economy: Economy) -> AsyncIterator[Ground]:
    """Start a chain, deploy, and give the market's parties what they need."""
    accounts, clock = Accounts.of(economy), Clock()
    async with await LocalChain.start(now=clock) as chain:
        deployment = await deploy_development_contracts(chain)
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        asset = await token.asset(deployment.chain_id)
        paying_gas = (accounts.operator, accounts.attributor, *accounts.owners)
        for signer in paying_gas:
            await chain.fund(signer.address, GAS_MONEY_WEI)
        await chain.send(token.mint(accounts.attributor.address, ATTRIBUTOR_FUNDS))
        corpus = corpus_of([signer.address for signer in accounts.contributors])
        operator = TransactionSender(chain.reader, accounts.operator)
        panel = await _open_panel(operator, deployment, [accounts.arbiter.address])
        yield Ground(
            economy, chain, clock, deployment, asset, token, accounts, corpus, operator, panel
        )


async def _open_panel(
    sender: TransactionSender, deployment: Deployment, arbiters: Sequence[Address]
) -> int:
    panels = PanelsClient(sender.reader, deployment.panels)
    return panels.opened_panel(await sender.send(panels.open_panel(PANEL_RULES, arbiters)))
