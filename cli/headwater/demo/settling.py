"""From charges to payments: one claim, three vaults, one epoch, everybody paid."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.demo.datanet import Datanet
from headwater.demo.lineage import (
    BRIEFING_PAYS_MODEL,
    CHALLENGE_WINDOW_S,
    CONTRIBUTORS_SHARE,
    MODEL_PAYS_DATANET,
    Lineage,
)
from headwater.demo.market import CHAT_PATH, Market
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater_attribution.admission.seal_log import SealLog, sign_log
from headwater_attribution.bundle import EpochBundle
from headwater_attribution.entitlement import VaultDomain
from headwater_attribution.epoch import PaidAnswer, close_epoch
from headwater_attribution.methods.registry import default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_contracts.clients.asset_registry import AssetRegistryClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_marketplace.assets import PublishedAsset, pull_royalties
from headwater_marketplace.epochs import (
    EpochWorker,
    RoyaltyPath,
    claim_for_all,
    opening,
    paid_answers,
    receipt_id,
)
from headwater_marketplace.gateway import evidence_of
from headwater_marketplace.seller.records import Payment
from headwater_marketplace.settlement import Claimed, SettlementWorker
from headwater_payments.errors import UnavailableError
from headwater_payments.split import split_amount
from headwater_wallet.transactions import TransactionSender

RULE = CAUSES
"""The reward rule that pays here: the very object that `headwater simulate` attacks."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling did."""

    claimed: Claimed
    answers: list[PaidAnswer]
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
    answers = await answers_of(market, lineage)
    curator = parties.by_role["curator"]
    log = await sign_log(datanet.log, curator, network.deployment.chain_id)
    bundle = epoch_bundle(network, lineage, datanet, answers, log)
    holds = verify_bundle(bundle, desk=curator.address).holds
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
        await _pay_parties(network, market, asset)
    return Settled(claimed, answers, bundle, transactions, holds)


async def answers_of(market: Market, lineage: Lineage) -> list[PaidAnswer]:
    """Every charge as the money it brings to the datanet's vault, with the evidence that earned it.

    Answers sold by the model pay it directly. A briefing pays along two edges; what arrives of it
    is divided over the answers that the briefing was made of, in proportion to their cost.
    """
    charged = await market.store.payments("charged")
    sold = [payment for payment in charged if payment.payee == lineage.model.vault]
    answers = paid_answers(sold, RoyaltyPath((MODEL_PAYS_DATANET,)))
    by_id = {payment.payment_id: payment for payment in sold}
    path = RoyaltyPath((BRIEFING_PAYS_MODEL, MODEL_PAYS_DATANET))
    for payment in charged:
        if payment.payee == lineage.briefing.vault:
            answers += _caused_by(payment, by_id, path, market)
    return answers


def epoch_bundle(
    network: Network,
    lineage: Lineage,
    datanet: Datanet,
    answers: Sequence[PaidAnswer],
    log: SealLog,
) -> EpochBundle:
    """The first epoch of the datanet's vault under the demonstration's rule."""
    return close_epoch(
        1,
        VaultDomain(
            network.deployment.chain_id, lineage.datanet.vault, network.deployment.settlement_token
        ),
        datanet.corpus,
        answers,
        default_method(datanet.corpus),
        RULE,
        contributors_share=CONTRIBUTORS_SHARE,
        rounds=(datanet.round(log),),
    )


def _caused_by(
    briefing: Payment, sold: Mapping[str, Payment], path: RoyaltyPath, market: Market
) -> list[PaidAnswer]:
    bought = json.loads(briefing.evidence or "{}").get("bought", [])
    url, buyer = market.model_url + CHAT_PATH, market.briefing_wallet.buyer
    causes = [sold.get(buyer.keyed_id(each["key"], "POST", url)) for each in bought]
    known = [
        (cause, int(each["charge"])) for cause, each in zip(causes, bought, strict=True) if cause
    ]
    arriving = path.reaching(briefing.charge)
    if not known or not arriving or not sum(cost for _, cost in known):
        return []
    parts = split_amount(arriving, [cost for _, cost in known])
    return [
        PaidAnswer(
            receipt_id(f"{briefing.payment_id}/{cause.payment_id}"),
            part,
            evidence_of(json.loads(cause.evidence or "{}")),
        )
        for (cause, _), part in zip(known, parts, strict=True)
        if part and cause.evidence
    ]


async def _claim(
    network: Network,
    parties: Parties,
    market: Market,
    vault: RevenueVaultClient,
    bundle: EpochBundle,
) -> int:
    """One contributor claims for itself; the platform pays the gas for all others."""
    if not bundle.leaves:
        return 0
    first = bundle.leaves[0]
    signer = next(s for s in parties.contributors if s.address == first.account)
    own = TransactionSender(network.chain.reader, signer)
    await own.send(vault.claim(*opening(first)))
    return 1 + await claim_for_all(market.operator, vault, bundle)


async def _pay_parties(network: Network, market: Market, asset: PublishedAsset) -> None:
    """Pay platform, host and owner of one asset what its vault holds for them."""
    vault = RevenueVaultClient(network.chain.reader, asset.vault)
    registry = AssetRegistryClient(network.chain.reader, network.deployment.asset_registry)
    await market.operator.send(vault.credit_owner())
    if asset.terms.platform_share:
        await market.operator.send(vault.pay_platform())
    if asset.terms.host_share:
        await market.operator.send(vault.pay_host())
    owner = await registry.owner(asset.asset_id)
    if await vault.owner_credit(owner):
        await market.operator.send(vault.pay_owner(owner))
