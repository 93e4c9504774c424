"""A datanet, a model and a service on chain: royalties flow up, an epoch closes, everybody claims.

Every step may be where a worker stops: a new worker, told nothing, goes on from the chain.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.entitlement import VaultDomain
from headwater_attribution.epoch import PaidAnswer, close_epoch, standing_after
from headwater_attribution.methods.registry import default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.verify import verify_bundle
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.asset_registry import AssetKind, ParentLink
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.assets import (
    Parties,
    PublishedAsset,
    Shares,
    publish_asset,
    pull_royalties,
)
from headwater_marketplace.epochs import (
    EpochConflictError,
    EpochWorker,
    RoyaltyPath,
    claim_for_all,
    receipt_id,
)
from headwater_models.backend import Finish
from headwater_models.chat import ChatMessage, ChatRequest
from headwater_models.corpus_backend import CorpusBackend
from headwater_models.corpus_backend import CorpusRow as ServedRow
from headwater_payments.address import Address
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender
from support.chains import CHAINS, start_chain

pytestmark = pytest.mark.anyio

TEXTS = (
    "The otter sleeps on its back and holds the paw of another otter while it drifts.",
    "A glacier carries boulders far from the mountain where they broke away long ago.",
    "Sourdough rises because wild yeast and bacteria live together in the flour paste.",
)
QUESTIONS = ("How does the otter sleep?", "What does a glacier carry?", "Why does sourdough rise?")
WRITERS = [Address("0x" + f"{number:02x}" * 20) for number in (17, 34, 51)]
PLATFORM, HOST, FALLBACK = (Address("0x" + digit * 40) for digit in "567")
WINDOW_S = 600
SOLD, SERVED = 1_000_003, 500_001
MODEL_PAYS, SERVICE_PAYS = 60_000_000, 30_000_000
CONTRIBUTORS = 90_000_000
ARBITER = Address("0x" + "8" * 40)
BOND_FUNDS = 10_000_000
RULES = PanelRules(
    min_bond=1_000,
    bond_bps=10_000,
    max_increment=10**9,
    arbiter_quorum=1,
    audit_probability=50_000_000,
    epoch_length=3_600,
    demand_window=60,
    ruling_window=3_600,
    compensation_window=3_600,
    demand_price=10,
    dispute_bond=200,
    arbiter_fee=50,
)


@dataclass
class Economy:
    """Three assets in a line, money in two of their vaults, and everything pulled up."""

    chain: DevelopmentChain
    deployment: Deployment
    token: SettlementTokenClient
    owner: TransactionSender
    attributor: TransactionSender
    datanet: PublishedAsset
    model: PublishedAsset
    service: PublishedAsset
    corpus: Corpus
    answers: list[PaidAnswer]

    def vault(self) -> RevenueVaultClient:
        return RevenueVaultClient(self.chain.reader, self.datanet.vault)

    def worker(self, sender: TransactionSender | None = None) -> EpochWorker:
        """A worker that has just started."""
        return EpochWorker(
            sender or self.attributor,
            self.vault(),
            next_block=self.chain.mine,
            after_window=lambda: self.chain.advance_time(WINDOW_S + 1),
        )

    def bundle(self, answers: list[PaidAnswer], before: EpochBundle | None = None) -> EpochBundle:
        return close_epoch(
            1 if before is None else before.epoch + 1,
            VaultDomain(
                self.deployment.chain_id, self.datanet.vault, self.deployment.settlement_token
            ),
            self.corpus,
            answers,
            default_method(self.corpus),
            CAUSES,
            contributors_share=CONTRIBUTORS,
            before=None if before is None else standing_after(before),
        )

    async def paid(self) -> list[int]:
        return [await self.token.balance(writer) for writer in WRITERS]


@asynccontextmanager
async def open_economy(on: str = "local") -> AsyncIterator[Economy]:
    async with await start_chain(on) as chain:
        deployment = await deploy_development_contracts(chain)
        senders = []
        for _ in range(2):
            signer = LocalSigner.random()
            await chain.fund(signer.address, 10**19)
            senders.append(TransactionSender(chain.reader, signer))
        owner, attributor = senders
        token = SettlementTokenClient(chain.reader, deployment.settlement_token)
        parties = Parties(PLATFORM, HOST, attributor.address, FALLBACK)
        corpus = Corpus(
            1,
            1,
            [
                CorpusRow(number, writer, "CC0-1.0", number, text)
                for number, (writer, text) in enumerate(zip(WRITERS, TEXTS, strict=True))
            ],
        )

        panels = PanelsClient(chain.reader, deployment.panels)
        panel = panels.opened_panel(await owner.send(panels.open_panel(RULES, [ARBITER])))
        await chain.send(token.mint(attributor.address, BOND_FUNDS))

        async def publish(
            kind: AssetKind, shares: Shares, *parents: tuple[PublishedAsset, int]
        ) -> PublishedAsset:
            return await publish_asset(
                owner,
                deployment,
                kind,
                content_root=corpus.root,
                licence="CC0-1.0",
                parties=parties,
                shares=shares,
                challenge_window=WINDOW_S,
                panel=panel,
                parents=[ParentLink(asset.version_id, royalty) for asset, royalty in parents],
            )

        datanet = await publish(AssetKind.DATANET, Shares(0, 0, CONTRIBUTORS))
        model = await publish(
            AssetKind.MODEL, Shares(5_000_000, 10_000_000, 0), (datanet, MODEL_PAYS)
        )
        service = await publish(
            AssetKind.SERVICE, Shares(5_000_000, 5_000_000, 0), (model, SERVICE_PAYS)
        )
        await chain.send(token.mint(model.vault, SOLD))
        await chain.send(token.mint(service.vault, SERVED))
        await pull_royalties(owner, service, model)
        await pull_royalties(owner, model, datanet)
        economy = Economy(
            chain, deployment, token, owner, attributor, datanet, model, service, corpus, []
        )
        economy.answers = await answers_worth(economy)
        yield economy


async def answers_worth(economy: Economy) -> list[PaidAnswer]:
    """Answers of a real backend, for what arrives at the datanet along both paths."""
    rows = [
        ServedRow(economy.corpus.row_id(index), row.contribution_id, row.contributor, "", row.text)
        for index, row in enumerate(economy.corpus.rows)
    ]
    backend = CorpusBackend("m", rows, to_hex(economy.corpus.root))
    path, longer = RoyaltyPath((MODEL_PAYS,)), RoyaltyPath((SERVICE_PAYS, MODEL_PAYS))
    charges = [path.reaching(SOLD // 2), path.reaching(SOLD // 3), longer.reaching(SERVED)]
    answers = []
    for number, (question, charge) in enumerate(zip(QUESTIONS, charges, strict=True)):
        asked = ChatRequest(model="m", messages=[ChatMessage(role="user", content=question)])
        events = [event async for event in backend.stream(asked)]
        finish = events[-1]
        assert isinstance(finish, Finish)
        answers.append(PaidAnswer(receipt_id(f"p{number}"), charge, finish.evidence))
    return answers


@pytest.mark.parametrize("on", CHAINS)
async def test_the_lineage_pays_everyone_and_nothing_is_lost(on: str) -> None:
    async with open_economy(on) as economy:
        vault = economy.vault()
        arrived = RoyaltyPath((SERVICE_PAYS, MODEL_PAYS)).reaching(SERVED)
        arrived += RoyaltyPath((MODEL_PAYS,)).reaching(SOLD)
        assert abs(await economy.token.balance(economy.datanet.vault) - arrived) <= 1
        bundle = economy.bundle(economy.answers)
        assert verify_bundle(bundle).holds
        await economy.worker().post(bundle)
        await economy.worker().finalize(bundle)
        assert await claim_for_all(economy.owner, vault, bundle) == 1
        owed = {leaf.account: leaf.cumulative for leaf in bundle.leaves}
        assert await economy.paid() == [owed.get(writer, 0) for writer in WRITERS]
        assert sum(await economy.paid()) == bundle.sum > 0
        assert await claim_for_all(economy.owner, vault, bundle) == 0
        vaults = [asset.vault for asset in (economy.datanet, economy.model, economy.service)]
        held = sum([await economy.token.balance(each) for each in (*vaults, *WRITERS)])
        assert held == SOLD + SERVED == await economy.token.total_supply() - BOND_FUNDS
        court = economy.deployment.epoch_court
        bonded = await economy.token.balance(court)
        assert bonded == bundle.sum
        assert bonded + await economy.token.balance(economy.attributor.address) == BOND_FUNDS


async def test_a_worker_may_stop_anywhere_and_another_goes_on() -> None:
    """The chain moves on for a while, then refuses: each stop falls between two steps."""
    async with open_economy() as economy:
        bundle = economy.bundle(economy.answers)
        stops = 0
        for allowed in range(40):
            worker = Interrupted(economy, allowed)
            try:
                await worker.post(bundle)
                await worker.finalize(bundle)
                break
            except WorkerStoppedError:
                stops += 1
        assert stops >= 4
        final = await economy.vault().final_root()
        assert final is not None
        assert to_hex(final.hash) == bundle.root
        # One that comes too late finds its work done.
        await economy.worker().post(bundle)
        await economy.worker().finalize(bundle)
        await claim_for_all(economy.owner, economy.vault(), bundle)
        assert sum(await economy.paid()) == bundle.sum


class WorkerStoppedError(Exception):
    """The process was killed."""


class Interrupted(EpochWorker):
    """A worker whose process dies at its next step after `allowed` of them."""

    def __init__(self, economy: Economy, allowed: int) -> None:
        left = [allowed % 7]

        def step() -> None:
            if not left[0]:
                raise WorkerStoppedError
            left[0] -= 1

        class Sender(TransactionSender):
            async def send(self, call):  # type: ignore[no-untyped-def]
                step()
                return await super().send(call)

        async def block() -> None:
            step()
            await economy.chain.mine()

        async def window() -> None:
            step()
            await economy.chain.advance_time(WINDOW_S + 1)

        sender = Sender(economy.chain.reader, economy.attributor._signer)
        super().__init__(sender, economy.vault(), next_block=block, after_window=window)


async def test_a_second_epoch_adds_to_the_first() -> None:
    async with open_economy() as economy:
        first = economy.bundle(economy.answers[:1])
        await economy.worker().post(first)
        await economy.worker().finalize(first)
        second = economy.bundle(economy.answers[1:], before=first)
        await economy.worker().post(second)
        await economy.worker().finalize(second)
        await claim_for_all(economy.owner, economy.vault(), second)
        assert sum(await economy.paid()) == second.sum > first.sum


async def test_an_epoch_that_contradicts_the_chain_is_a_conflict() -> None:
    async with open_economy() as economy:
        bundle, other = economy.bundle(economy.answers), economy.bundle(economy.answers[:1])
        with pytest.raises(EpochConflictError, match="works on epoch 1, not 2"):
            await economy.worker().post(economy.bundle([], before=bundle))
        with pytest.raises(EpochConflictError, match="pending root"):
            await economy.worker().finalize(bundle)
        with pytest.raises(ContractRevertError):
            await economy.worker(economy.owner).post(bundle)
        await economy.worker()._commit(bundle)
        with pytest.raises(EpochConflictError, match="other receipts"):
            await economy.worker().post(other)
        await economy.worker().post(bundle)
        with pytest.raises(EpochConflictError):
            await economy.worker().post(other)
        with pytest.raises(EpochConflictError):
            await economy.worker().finalize(other)
        await economy.worker().finalize(bundle)
        with pytest.raises(EpochConflictError):
            await economy.worker().post(other)


async def test_entitlements_beyond_the_pool_are_refused_by_the_vault() -> None:
    async with open_economy() as economy:
        [first, *rest] = economy.answers
        greedy = PaidAnswer(first.receipt_id, first.charge * 3, first.evidence)
        bundle = economy.bundle([greedy, *rest])
        with pytest.raises(ContractRevertError, match="sum above pool"):
            await economy.worker().post(bundle)
        assert await economy.vault().pending_root() is None
        assert await economy.paid() == [0, 0, 0]
