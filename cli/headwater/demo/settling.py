"""From charges to payments: one claim, three vaults, one epoch, everybody paid."""

from dataclasses import dataclass

from headwater.demo.datanet import Datanet
from headwater.demo.lineage import (
    CHALLENGE_WINDOW_S,
    Lineage,
)
from headwater.demo.market import Market
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater_attribution.bundle import EpochBundle
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_marketplace.assets import pull_royalties
from headwater_marketplace.epochs import (
    EpochWorker,
    claim_for_all,
    opening,
)
from headwater_marketplace.settlement import Claimed, SettlementWorker
from headwater_payments.errors import UnavailableError

RULE = CAUSES
"""The reward rule that pays here: the very object that `headwater simulate` attacks."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling did."""

    claimed: Claimed
    bundle: EpochBundle
    claim_transactions: int
    evidence_holds: bool


async def settle_everything(
    network: Network, parties: Parties, lineage: Lineage, market: Market, datanet: Datanet
) -> Settled:
    """Claim all channels at once, let the vaults split, close the epoch, pay everybody.

    Raises:
        UnavailableError: nothing was charged.
    """
    claimed = await SettlementWorker(market.store, market.operator, network.deployment).claim_all()
    if claimed is None:
        raise UnavailableError("Nothing was charged, so there is nothing to settle.")
    await pull_royalties(market.operator, lineage.briefing, lineage.model)
    await pull_royalties(market.operator, lineage.model, lineage.datanet)
    bundle = epoch_bundle(network, lineage, datanet, await answers_of(market, lineage), merged=None)
    holds = verify_bundle(bundle).holds
    vault = RevenueVaultClient(network.chain.reader, lineage.datanet.vault)
    worker = EpochWorker(
        network.sender(parties, "attributor"),
        vault,
        next_block=network.chain.mine,
        after_window=lambda: network.chain.advance_time(CHALLENGE_WINDOW_S + 1),
    )
    await worker.post(bundle)
    await worker.finalize(bundle)
    transactions = await _claim(network, parties, market, vault, bundle)
    for asset in lineage.all().values():
        await _pay_parties(market, RevenueVaultClient(network.chain.reader, asset.vault), asset)
    return Settled(claimed, bundle, transactions, holds)


async def _claim(
    network: Network,
    parties: Parties,
    market: Market,
    vault: RevenueVaultClient,
    bundle: EpochBundle,
) -> int:
    """One contributor claims for itself; the platform pays the gas for all others."""
    from headwater_wallet.transactions import TransactionSender

    if not bundle.leaves:
        return 0
    first = bundle.leaves[0]
    signer = next(s for s in parties.contributors if s.address == first.account)
    own = TransactionSender(network.chain.reader, signer)
    await own.send(vault.claim(*opening(first)))
    return 1 + await claim_for_all(market.operator, vault, bundle)


async def _pay_parties(market: Market, vault: RevenueVaultClient, asset: object) -> None:
    buckets = await vault.buckets()
    if buckets.platform:
        await market.operator.send(vault.pay_platform())
    if buckets.host:
        await market.operator.send(vault.pay_host())
    if buckets.owner:
        await market.operator.send(vault.credit_owner())
        owner = await _owner(market, asset)
        await market.operator.send(vault.pay_owner(owner))
