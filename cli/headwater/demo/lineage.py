"""What is sold and what it was made from: datanet, model, briefing; three vaults in a line."""

from dataclasses import dataclass

from headwater.demo.datanet import LICENCE, Datanet
from headwater.demo.network import Network
from headwater.demo.parties import Parties
from headwater_attribution.rules import CAUSES
from headwater_contracts.clients.asset_registry import AssetKind, ParentLink
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.clients.panels import PanelsClient
from headwater_marketplace.assets import Parties as Roles
from headwater_marketplace.assets import PublishedAsset, Shares, publish_asset

CHALLENGE_WINDOW_S = 600
PANEL_RULES = PanelRules(
    min_bond=100_000,
    bond_bps=10_000,
    max_increment=1_000_000_000,
    arbiter_quorum=2,
    audit_probability=50_000_000,
    epoch_length=86_400,
    demand_window=200,
    ruling_window=86_400,
    compensation_window=604_800,
    demand_price=1_000,
    dispute_bond=10_000,
    arbiter_fee=3_000,
)
"""Every second epoch is executed anew, so a bond of the increment itself makes cheating lose."""
MODEL_PAYS_DATANET = 60_000_000
BRIEFING_PAYS_MODEL = 30_000_000
CONTRIBUTORS_SHARE = 90_000_000
"""Of the datanet's revenue; all shares are parts per 10^8 of gross."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The three assets, each a parent of the next."""

    datanet: PublishedAsset
    model: PublishedAsset
    briefing: PublishedAsset

    def all(self) -> dict[str, PublishedAsset]:
        """The assets by name, parents first."""
        return {"datanet": self.datanet, "model": self.model, "briefing": self.briefing}


async def publish_lineage(network: Network, parties: Parties, datanet: Datanet) -> Lineage:
    """Register the three assets, each by its owner, with their vaults."""
    roles = Roles(
        platform=parties.address("platform"),
        host=parties.address("host"),
        attributor=parties.address("attributor"),
        fallback=parties.address("fallback"),
    )
    panels = PanelsClient(network.chain.reader, network.deployment.panels)
    arbiters = [parties.address(f"{which} arbiter") for which in ("first", "second", "third")]
    panel = panels.opened_panel(
        await network.sender(parties, "platform").send(panels.open_panel(PANEL_RULES, arbiters))
    )
    rule = f"{CAUSES.rule_id}: {CAUSES.parameters}"
    first = await publish_asset(
        network.sender(parties, "curator"),
        network.deployment,
        AssetKind.DATANET,
        content_root=datanet.corpus.root,
        licence=LICENCE,
        parties=roles,
        shares=Shares(platform=0, host=0, contributors=CONTRIBUTORS_SHARE),
        challenge_window=CHALLENGE_WINDOW_S,
        panel=panel,
        terms_document=rule,
    )
    second = await publish_asset(
        network.sender(parties, "provider"),
        network.deployment,
        AssetKind.MODEL,
        content_root=datanet.corpus.root,
        licence=LICENCE,
        parties=roles,
        shares=Shares(platform=5_000_000, host=10_000_000, contributors=0),
        challenge_window=CHALLENGE_WINDOW_S,
        panel=panel,
        parents=[ParentLink(first.version_id, MODEL_PAYS_DATANET)],
        terms_document=rule,
    )
    third = await publish_asset(
        network.sender(parties, "briefing agent"),
        network.deployment,
        AssetKind.SERVICE,
        content_root=datanet.corpus.root,
        licence=LICENCE,
        parties=roles,
        shares=Shares(platform=5_000_000, host=5_000_000, contributors=0),
        challenge_window=CHALLENGE_WINDOW_S,
        panel=panel,
        parents=[ParentLink(second.version_id, BRIEFING_PAYS_MODEL)],
        terms_document=rule,
    )
    return Lineage(first, second, third)
