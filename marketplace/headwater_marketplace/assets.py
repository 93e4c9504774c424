"""Putting assets on chain: what is sold, what it was made from, and the vault that is paid.

An asset becomes payable in four transactions: register, publish a version, create its vault, name
the vault as its payee. From then on its lineage, its royalties and the vault's terms are fixed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.clients.asset_registry import (
    AssetKind,
    AssetRegistryClient,
    ParentLink,
)
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.deployments import Deployment
from headwater_payments.address import Address
from headwater_payments.split import PARTS
from headwater_wallet.transactions import TransactionSender


@dataclass(frozen=True, slots=True)
class Parties:
    """Who runs what, and who may never hold the pool: the fallback is none of the others."""

    platform: Address
    host: Address
    attributor: Address
    fallback: Address


@dataclass(frozen=True, slots=True)
class Shares:
    """How gross revenue is divided, parts per 10^8; parents take their royalties, the owner the
    rest."""

    platform: int
    host: int
    contributors: int

    def owner(self, parents: int) -> int:
        """What is left for the owner beside the parents."""
        return PARTS - self.platform - self.host - self.contributors - parents


@dataclass(frozen=True, slots=True)
class PublishedAsset:
    """An asset version on chain and the vault that collects for it."""

    asset_id: int
    version_id: int
    vault: Address
    terms: VaultTerms
    parents: tuple[ParentLink, ...]
    content_root: bytes

    @property
    def version_word(self) -> bytes:
        """The version as the 32 bytes that receipts carry."""
        return self.version_id.to_bytes(32, "big")


async def publish_asset(
    owner: TransactionSender,
    deployment: Deployment,
    kind: AssetKind,
    *,
    content_root: bytes,
    licence: str,
    parties: Parties,
    shares: Shares,
    challenge_window: int,
    panel: int,
    parents: Sequence[ParentLink] = (),
    terms_document: str = "",
) -> PublishedAsset:
    """Register an asset, publish its first version and create its vault.

    Args:
        owner: sends the transactions and owns the asset.
        deployment: where the contracts are.
        kind: what the asset is.
        content_root: commits to its content, 32 bytes.
        licence: the licence's text or SPDX id; its hash goes on chain.
        parties: who takes part in the revenue.
        shares: how the revenue is divided.
        challenge_window: seconds between the posting of a root and its finality.
        panel: the number of the panel that judges the vault's epochs.
        parents: what the asset is made from, ascending by id.
        terms_document: the document whose hash stands in the vault's terms.

    Raises:
        ContractRevertError: the registry or the factory refuses.
    """
    registry = AssetRegistryClient(owner.reader, deployment.asset_registry)
    factory = RevenueVaultFactoryClient(owner.reader, deployment.vault_factory)
    asset_id = registry.registered_asset(
        await owner.send(registry.register_asset(kind, owner.address))
    )
    licence_hash = hashlib.sha256(licence.encode()).digest()
    version_id = registry.published_version(
        await owner.send(registry.publish_version(asset_id, content_root, licence_hash, parents))
    )
    # Absolute royalties come down from further up than the parents: the registry has summed them.
    royalties = (await registry.version(version_id)).stack
    terms = VaultTerms(
        token=deployment.settlement_token,
        version_id=version_id,
        platform=parties.platform,
        host=parties.host,
        attributor=parties.attributor,
        fallback=parties.fallback,
        platform_share=shares.platform,
        host_share=shares.host,
        owner_share=shares.owner(royalties),
        parents_share=royalties,
        contributors_share=shares.contributors,
        challenge_window=challenge_window,
        panel=panel,
        terms_hash=hashlib.sha256(terms_document.encode()).digest(),
    )
    vault = await factory.vault_address(terms)
    await owner.send(factory.create(terms))
    await owner.send(registry.attach_vault(version_id, vault))
    await owner.send(registry.set_payee(version_id, vault))
    links = (*await registry.parents(version_id), *await registry.ancestors(version_id))
    return PublishedAsset(asset_id, version_id, vault, terms, links, content_root)


async def pull_royalties(
    sender: TransactionSender, child: PublishedAsset, parent: PublishedAsset
) -> None:
    """Fetch what a child owes its parent; anyone may pay the gas."""
    links = list(child.parents)
    # A parent with an absolute royalty has an edge of 0 before its own link.
    owed = [i for i, link in enumerate(links) if link.parent_id == parent.version_id]
    index = max(owed, key=lambda i: links[i].royalty)
    await sender.send(RevenueVaultClient(sender.reader, child.vault).sync())
    vault = RevenueVaultClient(sender.reader, parent.vault)
    await sender.send(vault.pull_from(child.vault, index))
