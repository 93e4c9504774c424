"""Charges become claims, claims fill vaults, and each vault's epoch pays who caused its answers."""

from dataclasses import dataclass, field

from headwater_attribution.entitlement import VaultDomain
from headwater_attribution.epoch import Standing, close_epoch, standing_after
from headwater_attribution.methods.registry import default_method
from headwater_attribution.rules import RewardRule
from headwater_attribution.verify import verify_bundle
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_payments.address import Address
from headwater_payments.errors import needing
from headwater_simulations.errors import SimulationError
from headwater_simulations.stack.ground import Ground

with needing("A replay on chain", "chain", "marketplace"):
    from headwater_marketplace.assets import PublishedAsset
    from headwater_marketplace.epochs import (
        EpochWorker,
        RoyaltyPath,
        claim_for_all,
        paid_answers,
    )
    from headwater_marketplace.seller import SellerStore
    from headwater_marketplace.seller.records import Payment
    from headwater_marketplace.settlement import SettlementWorker


@dataclass(slots=True)
class Settlement:
    """Closes one epoch of every vault that sold something, again and again.

    Attributes:
        rule: what divides the contributors' money.
        epochs: roots that became final.
        claims: positions that were paid.
    """

    ground: Ground
    store: SellerStore
    rule: RewardRule
    contributors_share: int
    epochs: int = 0
    claims: int = 0
    standing: dict[Address, Standing] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    async def close(self) -> None:
        """Claim what was charged; attribute, post, finalise and pay one epoch for each vault.

        Raises:
            SimulationError: an epoch doesn't hold when it is recomputed from its bundle.
        """
        ground = self.ground
        worker = SettlementWorker(self.store, ground.operator, ground.deployment, ground.clock)
        await worker.claim_all()
        charged = await self.store.payments("charged")
        for asset, _ in ground.vaults.values():
            new = [
                payment
                for payment in charged
                if payment.payee == asset.vault and payment.payment_id not in self.closed
            ]
            if new:
                await self._close_vault(asset, new)
                self.closed |= {payment.payment_id for payment in new}

    async def _close_vault(self, asset: PublishedAsset, charged: list[Payment]) -> None:
        ground = self.ground
        before = self.standing.get(asset.vault, Standing())
        vault = RevenueVaultClient(ground.chain.reader, asset.vault)
        bundle = close_epoch(
            await vault.current_epoch(),
            VaultDomain(
                ground.deployment.chain_id, asset.vault, ground.deployment.settlement_token
            ),
            ground.corpus,
            paid_answers(charged, RoyaltyPath()),
            default_method(ground.corpus),
            self.rule,
            contributors_share=self.contributors_share,
            before=before,
        )
        if not verify_bundle(bundle).holds:
            raise SimulationError(
                f"Epoch {bundle.epoch} of vault {asset.vault} doesn't hold when recomputed."
            )
        worker = EpochWorker(
            ground.sender(ground.accounts.attributor),
            vault,
            next_block=ground.chain.mine,
            after_window=ground.after_window,
        )
        await worker.post(bundle)
        await worker.finalize(bundle)
        await claim_for_all(ground.operator, vault, bundle)
        self.epochs += 1
        earlier = dict(enumerate(before.cumulative))
        self.claims += sum(
            leaf.cumulative > earlier.get(leaf.position, 0) for leaf in bundle.leaves
        )
        self.standing[asset.vault] = standing_after(bundle)

    async def pay_parties(self) -> None:
        """Pay every vault's owner, platform and host what is theirs."""
        sender = self.ground.operator
        for asset, owner in self.ground.vaults.values():
            vault = RevenueVaultClient(sender.reader, asset.vault)
            if asset.terms.owner_share:
                await sender.send(vault.credit_owner())
                await sender.send(vault.pay_owner(owner.address))
            if asset.terms.platform_share:
                await sender.send(vault.pay_platform())
            if asset.terms.host_share:
                await sender.send(vault.pay_host())
