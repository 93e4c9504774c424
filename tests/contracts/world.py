"""A small economy on a chain: a buyer, a seller with a model, channels, vaults and roots."""

from dataclasses import dataclass

from contracts.conftest import Party
from eth_utils.crypto import keccak

from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import (
    AssetKind,
    AssetRegistryClient,
    ParentLink,
)
from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.epoch_faults import EpochFaultsClient
from headwater_contracts.clients.openings import Opening
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import Entitlement, RevenueVaultClient, SumProof
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.deployments import Deployment
from headwater_payments.address import Address, parse_address
from headwater_payments.batch_payload import deposit_to_sign
from headwater_payments.channels import channel_id as identify
from headwater_payments.channels import deposit_collector_data
from headwater_payments.eip712 import Domain
from headwater_payments.structs import ChannelConfig

PLATFORM, HOST, FALLBACK, ALICE, BOB = (
    parse_address("0x" + digit * 40) for digit in ("1", "2", "3", "4", "5")
)
FOREVER = 2**256 - 1
BOND = 200_000
RECEIPTS_ROOT = keccak(text="receipts")
RULES = PanelRules(
    min_bond=1_000,
    bond_bps=10_000,
    max_increment=10**9,
    arbiter_quorum=1,
    audit_probability=50_000_000,
    epoch_length=3_600,
    demand_window=20,
    ruling_window=600,
    compensation_window=3_600,
    demand_price=10,
    dispute_bond=200,
    arbiter_fee=50,
)
"""A panel whose one arbiter is the buyer."""


@dataclass(frozen=True)
class World:
    """One buyer, one seller who owns a model and posts its roots, and the contracts."""

    chain: DevelopmentChain
    token: SettlementTokenClient
    channels: BatchSettlementClient
    registry: AssetRegistryClient
    factory: RevenueVaultFactoryClient
    court: EpochCourtClient
    collector: Address
    buyer: Party
    seller: Party

    def deposit_data(self, config: ChannelConfig, amount: int, salt: int) -> bytes:
        """The buyer's signature to fund a channel, as the collector takes it."""
        authorization = deposit_to_sign(
            config,
            identify(config, self.chain.chain_id),
            Domain("USDC", "2", self.chain.chain_id, self.token.address),
            amount=amount,
            valid_after=0,
            valid_before=FOREVER,
            salt=salt,
        )
        signature = self.buyer.sign(authorization.digest())
        return deposit_collector_data(0, FOREVER, salt, signature)


async def open_world(chain: DevelopmentChain, deployment: Deployment) -> World:
    buyer, seller = await Party.funded(chain), await Party.funded(chain)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    await chain.send(token.mint(buyer.address, 1_000_000))
    panels = PanelsClient(chain.reader, deployment.panels)
    await seller.send(panels.open_panel(RULES, [buyer.address]))
    return World(
        chain=chain,
        token=token,
        channels=BatchSettlementClient(chain.reader, deployment.batch_settlement),
        registry=AssetRegistryClient(chain.reader, deployment.asset_registry),
        factory=RevenueVaultFactoryClient(chain.reader, deployment.vault_factory),
        court=EpochCourtClient(chain.reader, deployment.epoch_court),
        collector=deployment.deposit_collector,
        buyer=buyer,
        seller=seller,
    )


async def publish(world: World, parents: tuple[ParentLink, ...] = ()) -> int:
    registry, seller = world.registry, world.seller
    receipt = await seller.send(registry.register_asset(AssetKind.MODEL, seller.address))
    asset_id = registry.registered_asset(receipt)
    receipt = await seller.send(
        registry.publish_version(asset_id, keccak(text="rows"), keccak(text="licence"), parents)
    )
    return registry.published_version(receipt)


def terms_of(world: World, version_id: int, parents_share: int = 0) -> VaultTerms:
    return VaultTerms(
        token=world.token.address,
        version_id=version_id,
        platform=PLATFORM,
        host=HOST,
        attributor=world.seller.address,
        fallback=FALLBACK,
        platform_share=5_000_000,
        host_share=20_000_000,
        owner_share=15_000_000 - parents_share,
        parents_share=parents_share,
        contributors_share=60_000_000,
        challenge_window=30,
        panel=1,
        terms_hash=keccak(text="terms"),
    )


async def create_vault(world: World, terms: VaultTerms) -> RevenueVaultClient:
    expected = await world.factory.vault_address(terms)
    await world.seller.send(world.factory.create(terms))
    assert await world.factory.is_vault(expected)
    return RevenueVaultClient(world.chain.reader, expected)


async def lock_bond(world: World, vault: RevenueVaultClient) -> None:
    """The seller's bond for a vault's epochs, out of units minted for it."""
    await approve(world, world.seller, world.court.address, BOND)
    await world.seller.send(world.court.lock_bond(vault.address, BOND))


async def approve(world: World, party: Party, spender: Address, amount: int) -> None:
    await world.chain.send(world.token.mint(party.address, amount))
    await party.send(world.token.approve(spender, amount))


async def regression(world: World, vault: RevenueVaultClient, was: Opening, now: Opening) -> Call:
    """The proof that a pending root takes something back."""
    faults = EpochFaultsClient(world.chain.reader, await world.court.faults())
    return faults.prove_regression(vault.address, was, now)


async def pay_through_a_channel(
    world: World, receiver: Address, amount: int, *, salt: bytes = bytes(32)
) -> ChannelConfig:
    """Deposit, sign one voucher, claim it and settle: what a paid call comes down to."""
    config = ChannelConfig(
        payer=world.buyer.address,
        payer_authorizer=world.buyer.address,
        receiver=receiver,
        receiver_authorizer=world.seller.address,
        token=world.token.address,
        withdraw_delay=900,
        salt=salt,
    )
    await world.seller.send(
        world.channels.deposit(
            config, amount, world.collector, world.deposit_data(config, amount, 7)
        )
    )
    channel_id = await world.channels.channel_id(config)
    voucher = world.buyer.sign(await world.channels.voucher_digest(channel_id, amount))
    claim = VoucherClaim(config, amount, voucher, amount)
    batch = world.seller.sign(await world.channels.claim_batch_digest([claim]))
    await world.seller.send(world.channels.claim_with_signature([claim], batch))
    await world.seller.send(world.channels.settle(receiver, world.token.address))
    return config


def two_leaf_tree(
    vault: RevenueVaultClient, token: Address, first: Entitlement, second: Entitlement
) -> tuple[bytes, int, SumProof, SumProof]:
    """A tree of depth 1, written out from the encoding that the vault documents."""

    def leaf_hash(leaf: Entitlement) -> bytes:
        return keccak(
            b"\x00"
            + (84532).to_bytes(32, "big")
            + bytes.fromhex(vault.address[2:])
            + bytes.fromhex(token[2:])
            + leaf.position.to_bytes(4, "big")
            + bytes.fromhex(leaf.account[2:])
            + leaf.cumulative.to_bytes(16, "big")
            + leaf.detail_root
        )

    left, right = leaf_hash(first), leaf_hash(second)
    root = keccak(
        b"\x01"
        + left
        + first.cumulative.to_bytes(16, "big")
        + right
        + second.cumulative.to_bytes(16, "big")
    )
    total = first.cumulative + second.cumulative
    return root, total, [(right, second.cumulative)], [(left, first.cumulative)]


async def post(
    world: World,
    vault: RevenueVaultClient,
    root: bytes,
    total: int,
    receipts_root: bytes = RECEIPTS_ROOT,
) -> None:
    epoch = await vault.current_epoch()
    if not (await world.court.bond(vault.address, world.seller.address)).amount:
        await lock_bond(world, vault)
    if await vault.commitment() is None:
        cutoff = await world.chain.reader.block_number()
        await world.seller.send(vault.commit_epoch(epoch, receipts_root, cutoff))
    # Recording is no failure before the seed's block exists; on a chain that mines on demand the
    # attempt itself makes the block.
    while await vault.seed() is None:
        await world.seller.send(vault.record_seed())
    await world.seller.send(vault.post_root(epoch, root, total, 1, keccak(text="bundle")))
