"""A false share is posted, challenged and reverted, and the bond pays the challenger; no key.

An attributor posts an epoch in which a friend has more than the receipts behind it: the chain
itself cancels that root. It then posts one in which the friend's receipts say more than the
evidence: the arbiters recompute it, and the friend's increment goes back to the pool.

python examples/dispute_a_share.py            # on the embedded chain
python examples/dispute_a_share.py --anvil    # on anvil, the same to the last unit
"""

import sys

import anyio

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.entitlement import (
    Entitlement,
    EntitlementTree,
    VaultDomain,
    detail_root,
)
from headwater_attribution.epoch import PaidAnswer, close_epoch
from headwater_attribution.methods import default_method
from headwater_attribution.rules import CAUSES
from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.asset_registry import AssetKind
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_marketplace.assets import Parties, PublishedAsset, Shares, publish_asset
from headwater_marketplace.challenges import Challenger, false_leaves
from headwater_marketplace.epochs import EpochWorker, claim_for_all
from headwater_models.backend import Finish
from headwater_models.chat import ChatMessage, ChatRequest
from headwater_models.corpus_backend import CorpusBackend
from headwater_models.corpus_backend import CorpusRow as ServedRow
from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender

FRIEND, WRITER = (parse_address("0x" + digit * 40) for digit in "12")
PLATFORM, HOST, FALLBACK = (parse_address("0x" + digit * 40) for digit in "345")
INCOME = 1_000_000
WINDOW_S = 600
RULES = PanelRules(
    min_bond=100_000,
    bond_bps=10_000,
    max_increment=10**9,
    arbiter_quorum=2,
    audit_probability=50_000_000,
    epoch_length=86_400,
    demand_window=200,
    ruling_window=3_600,
    compensation_window=3_600,
    demand_price=1_000,
    dispute_bond=10_000,
    arbiter_fee=2_000,
)
CORPUS = Corpus(
    1,
    1,
    [
        CorpusRow(1, FRIEND, "CC0-1.0", 0, "A glacier carries boulders far from their mountain."),
        CorpusRow(2, WRITER, "CC0-1.0", 1, "The otter sleeps on its back and holds another's paw."),
    ],
)


async def main() -> None:
    start = AnvilChain.start if "--anvil" in sys.argv[1:] else LocalChain.start
    async with await start() as chain:
        deployment = await deploy_development_contracts(chain)
        senders = []
        for units in (0, 5_000_000, 50_000, 0, 0, 0):
            signer = LocalSigner.random()
            await chain.fund(signer.address, 10**18)
            await chain.send(
                SettlementTokenClient(chain.reader, deployment.settlement_token).mint(
                    signer.address, units
                )
            )
            senders.append(TransactionSender(chain.reader, signer))
        await play(chain, deployment, *senders)


async def play(
    chain: DevelopmentChain,
    deployment: Deployment,
    owner: TransactionSender,
    attributor: TransactionSender,
    challenger: TransactionSender,
    *arbiters: TransactionSender,
) -> None:
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    asset = await publish(owner, deployment, attributor, arbiters)
    await chain.send(token.mint(asset.vault, INCOME))
    vault = RevenueVaultClient(chain.reader, asset.vault)
    court = EpochCourtClient(chain.reader, deployment.epoch_court)
    worker = EpochWorker(
        attributor,
        vault,
        next_block=chain.mine,
        after_window=lambda: chain.advance_time(WINDOW_S + 1),
    )
    watcher = Challenger(challenger, vault)

    honest = await honest_epoch(deployment, asset)
    by_account = {leaf.account: leaf.cumulative for leaf in honest.leaves}
    print(f"the evidence gives the writer {by_account[WRITER]:,}, the friend 0")

    more = with_friend(honest, 300_000, bytes(32))
    await worker.post(more)
    (false,) = false_leaves(more)
    print(f"posted: {false.stated:,} for the friend; {false.remedy}")
    await watcher.challenge(false, more)
    assert await vault.pending_root() is None
    print("the root is cancelled")

    invented = with_friend(honest, 300_000, detail_root({parse_hex("0x" + "77" * 32): 300_000}))
    await worker.post(invented)
    (false,) = false_leaves(invented)
    print(f"posted again with an invented receipt: {false.remedy}")
    number = await watcher.challenge(false, invented)
    assert number is not None
    await worker.finalize(invented)
    for arbiter in arbiters[:2]:
        guilty = bool(false_leaves(invented))
        await arbiter.send(court.vote(number, yes=guilty, reason_hash=bytes(32)))
    await owner.send(court.resolve(number))
    await claim_for_all(owner, vault, invented)
    print(f"final: writer {await token.balance(WRITER):,}, friend {await token.balance(FRIEND):,}")
    print(f"back in the pool: {await vault.voided_total():,}")

    await challenger.send(court.withdraw(token.address))
    gained = await token.balance(challenger.address) - 50_000
    print(f"the challenger gained {gained:,}, the insurance {await court.insurance(asset.vault):,}")


async def publish(
    owner: TransactionSender,
    deployment: Deployment,
    attributor: TransactionSender,
    arbiters: tuple[TransactionSender, ...],
) -> PublishedAsset:
    panels = PanelsClient(owner.reader, deployment.panels)
    opened = await owner.send(panels.open_panel(RULES, [arbiter.address for arbiter in arbiters]))
    return await publish_asset(
        owner,
        deployment,
        AssetKind.DATANET,
        content_root=CORPUS.root,
        licence="CC0-1.0",
        parties=Parties(PLATFORM, HOST, attributor.address, FALLBACK),
        shares=Shares(platform=5_000_000, host=5_000_000, contributors=80_000_000),
        challenge_window=WINDOW_S,
        panel=panels.opened_panel(opened),
    )


async def honest_epoch(deployment: Deployment, asset: PublishedAsset) -> EpochBundle:
    """One paid answer that quotes the writer."""
    rows = [
        ServedRow(CORPUS.row_id(index), row.contribution_id, row.contributor, "", row.text)
        for index, row in enumerate(CORPUS.rows)
    ]
    backend = CorpusBackend("model", rows, to_hex(CORPUS.root))
    asked = ChatRequest(
        model="model", messages=[ChatMessage(role="user", content="How does the otter sleep?")]
    )
    finish = [event async for event in backend.stream(asked)][-1]
    assert isinstance(finish, Finish)
    return close_epoch(
        1,
        VaultDomain(deployment.chain_id, asset.vault, deployment.settlement_token),
        CORPUS,
        [PaidAnswer("0x" + "01" * 32, INCOME // 2, finish.evidence)],
        default_method(CORPUS),
        CAUSES,
        contributors_share=asset.terms.contributors_share,
    )


def with_friend(bundle: EpochBundle, amount: int, details: bytes) -> EpochBundle:
    """The bundle with a leaf for the friend, as an attributor that lies would post it."""
    friend = len(bundle.leaves)
    tree = EntitlementTree(
        bundle.vault.domain(),
        [
            *(leaf.entitlement() for leaf in bundle.leaves),
            Entitlement(friend, FRIEND, amount, details),
        ],
    )
    leaves = [
        {
            "position": leaf.position,
            "account": leaf.account,
            "cumulative": leaf.cumulative,
            "detail_root": to_hex(leaf.detail_root),
            "proof": [
                {"hash": to_hex(node.hash), "sum": node.sum} for node in tree.prove(leaf.position)
            ],
        }
        for leaf in tree.entitlements.values()
    ]
    fields = bundle.model_dump() | {
        "leaves": leaves,
        "root": to_hex(tree.root),
        "sum": tree.sum,
        "depth": tree.depth,
    }
    return EpochBundle.model_validate(fields)


if __name__ == "__main__":
    anyio.run(main)
