"""Does the money add up? The journal against the chain, account by account, to the atomic unit.

The journal records charges as they are made. What the chain did afterwards (claims, royalties,
shares, entitlements) is entered from the vaults' own figures, and then every account's balance must
equal what the chain says that account holds.
"""

from dataclasses import dataclass

from headwater.demo.lineage import Lineage
from headwater.demo.market import Market
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater.demo.settling import Settled
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_payments.ledger import Posting, balances, check_journal, transfer


@dataclass(frozen=True, slots=True)
class Conservation:
    """The outcome of the comparison; amounts in atomic units.

    `differences` names each account whose journal balance is not what the chain shows.
    """

    minted: int
    on_chain: int
    in_escrow: int
    in_vaults: int
    journal_entries: int
    journal_sum: int
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every unit is where the books say it is, and none was made or lost."""
        return self.minted == self.on_chain and not self.journal_sum and not self.differences


OWNERS = {"datanet": "curator", "model": "provider", "briefing": "briefing agent"}
"""Who owns each asset of the lineage."""


async def enter_chain_movements(
    network: Network, parties: Parties, market: Market, lineage: Lineage, settled: Settled
) -> None:
    """Enter what the chain did since the charges: deposits, claims, royalties, shares, claims."""
    asset = network.asset.address
    for record in await market.store.channels():
        name = f"channel:0x{record.identifier.hex()}"
        payer = f"account:{record.config.payer}"
        await market.store.post("deposit", name, transfer(payer, name, asset, record.state.balance))
    for receiver, amount in settled.claimed.by_receiver.items():
        reference = settled.claimed.transaction
        moved = transfer(f"receivable:{receiver}", f"account:{receiver}", asset, amount)
        await market.store.post("claim", reference, moved)
    for name, published in lineage.all().items():
        vault = RevenueVaultClient(network.chain.reader, published.vault)
        postings: list[Posting] = []
        account = f"account:{published.vault}"
        for index, link in enumerate(published.parents):
            paid = await vault.parent_paid(index)
            postings += transfer(account, f"account:{link.payee}", asset, paid)
        terms = published.terms
        owner = f"account:{parties.address(OWNERS[name])}"
        postings += transfer(account, owner, asset, await _owner_paid(vault))
        paid_out = await vault.platform_paid()
        postings += transfer(account, f"account:{terms.platform}", asset, paid_out)
        postings += transfer(account, f"account:{terms.host}", asset, await vault.host_paid())
        await market.store.post("split", name, postings)
    court = EpochCourtClient(network.chain.reader, network.deployment.epoch_court)
    attributor = parties.address("attributor")
    bond = await court.bond(lineage.datanet.vault, attributor)
    locked = transfer(f"account:{attributor}", f"account:{court.address}", asset, bond.amount)
    await market.store.post("bond", settled.bundle.root, locked)
    vault_account = f"account:{lineage.datanet.vault}"
    for leaf in settled.bundle.leaves:
        moved = transfer(vault_account, f"account:{leaf.account}", asset, leaf.cumulative)
        await market.store.post("entitlement", settled.bundle.root, moved)


async def compare(
    network: Network, parties: Parties, market: Market, lineage: Lineage
) -> Conservation:
    """Compare every account's balance in the journal with the chain's."""
    entries = await market.store.journal()
    check_journal(entries)
    asset = network.asset.address
    booked = {name: amount for (name, _), amount in balances(entries).items()}
    settlement = BatchSettlementClient(network.chain.reader, network.deployment.batch_settlement)
    escrow = await network.balance(network.deployment.batch_settlement)
    differences, held = [], 0
    for record in await market.store.channels():
        name = f"channel:0x{record.identifier.hex()}"
        unclaimed = (await settlement.channel(record.identifier)).unclaimed
        in_journal = booked.pop(name, 0)
        held += unclaimed
        if unclaimed != in_journal:
            differences.append(f"{name}: {unclaimed} on chain, {in_journal} in the journal")
    vaults = {published.vault: name for name, published in lineage.all().items()}
    given = {parties.address(role): units for role, units in network.funds.items()}
    if escrow != held:
        differences.append(f"the escrow holds {escrow}, its channels say {held}")
    total = escrow
    court = {network.deployment.epoch_court: "court"}
    for account, role in (parties.everyone() | vaults | court).items():
        on_chain = await network.balance(account)
        total += on_chain
        expected = given.get(account, 0) + booked.pop(f"account:{account}", 0)
        if on_chain != expected:
            differences.append(f"{role} {account}: {on_chain} on chain, {expected} in the journal")
    differences += [f"{name}: {amount} left over" for name, amount in booked.items() if amount]
    return Conservation(
        minted=network.minted,
        on_chain=total,
        in_escrow=escrow,
        in_vaults=sum([await network.balance(vault) for vault in vaults]),
        journal_entries=len(entries),
        journal_sum=sum(amount for (_, kind), amount in balances(entries).items() if kind == asset),
        differences=tuple(differences),
    )


async def _owner_paid(vault: RevenueVaultClient) -> int:
    """What left the vault beside parents, platform, host and contributors."""
    parents = 0
    terms = await vault.terms()
    if terms.parents_share:
        parents = await vault.parent_paid(0)
    others = await vault.platform_paid() + await vault.host_paid() + await vault.claimed_total()
    return await vault.total_out() - parents - others
