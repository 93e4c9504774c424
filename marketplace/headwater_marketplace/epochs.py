"""Closing an epoch: funded receipts become a bonded root on chain, and the root becomes payments.

Every step looks at the chain first and does only what is missing, so the worker may be stopped
anywhere and started again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from headwater_attribution.bundle import EpochBundle, LeafPart
from headwater_attribution.epoch import PaidAnswer
from headwater_contracts.clients.epoch_court import EpochCourtClient
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.revenue_vault import Entitlement, RevenueVaultClient, SumProof
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_marketplace.gateway import evidence_of
from headwater_marketplace.seller.records import Payment
from headwater_payments.address import parse_address
from headwater_payments.errors import HeadwaterError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.split import portion
from headwater_wallet.transactions import TransactionSender

CLAIMS_PER_TRANSACTION = 40

Wait = Callable[[], Awaitable[None]]


class EpochConflictError(HeadwaterError):
    """The chain holds another epoch, or another commitment, than the bundle describes."""

    code = "epoch_conflict"
    http_status = 409


@dataclass(frozen=True, slots=True)
class RoyaltyPath:
    """How much of a charge reaches the vault whose contributors are paid.

    `royalties` are the shares along the lineage, parts per 10^8, from the asset that was sold up to
    the vault: empty where the vault itself was paid.
    """

    royalties: tuple[int, ...] = ()

    def reaching(self, charge: int) -> int:
        """Atomic units of `charge` that arrive; each vault on the way rounds down."""
        for royalty in self.royalties:
            charge = portion(charge, royalty)
        return charge


def paid_answers(payments: Iterable[Payment], path: RoyaltyPath) -> list[PaidAnswer]:
    """Charged payments with evidence, as an epoch takes them; free or unevidenced ones fall out."""
    answers = []
    for payment in payments:
        arriving = path.reaching(payment.charge)
        if payment.evidence is None or not arriving:
            continue
        answers.append(
            PaidAnswer(
                receipt_id=receipt_id(payment.payment_id),
                charge=arriving,
                evidence=evidence_of(json.loads(payment.evidence)),
            )
        )
    return answers


def receipt_id(payment_id: str) -> str:
    """A payment's id as its metering receipt carries it."""
    return to_hex(hashlib.sha256(payment_id.encode()).digest())


class EpochWorker:
    """Posts one vault's epochs as its attributor, and claims for its contributors.

    Args:
        sender: the attributor's account.
        vault: the vault.
        next_block: waits until the chain has moved on; a development chain mines.
        after_window: waits out the challenge window.
    """

    def __init__(
        self,
        sender: TransactionSender,
        vault: RevenueVaultClient,
        *,
        next_block: Wait,
        after_window: Wait,
    ) -> None:
        self._sender, self._vault = sender, vault
        self._next_block, self._after_window = next_block, after_window

    async def post(self, bundle: EpochBundle, attestations: Sequence[bytes] = ()) -> None:
        """Lock the bond, commit the epoch's receipts, wait for its seed, and propose its root.

        What the bond lacks for this root is taken from the attributor's own tokens.

        Args:
            bundle: the closed epoch.
            attestations: the verifiers' signatures that the vault's panel asks for, ascending by
                signer.

        Raises:
            EpochConflictError: the chain works on another epoch, committed other receipts, or holds
                another root for this one.
            ContractRevertError: the vault refuses, for example because the sum exceeds its income.
        """
        if await self._is_final(bundle):
            return
        epoch = await self._vault.current_epoch()
        if epoch != bundle.epoch:
            raise EpochConflictError(
                f"The vault works on epoch {epoch}, not {bundle.epoch}.", epoch=epoch
            )
        pending = await self._vault.pending_root()
        if pending is not None:
            if to_hex(pending.hash) != bundle.root:
                raise EpochConflictError("The vault's pending root is not this bundle's.")
            return
        await self._lock(bundle)
        await self._commit(bundle)
        await self._seed()
        document = bundle.model_dump_json().encode()
        await self._sender.send(
            self._vault.post_root(
                bundle.epoch,
                parse_hex(bundle.root, length=32),
                bundle.sum,
                bundle.depth,
                hashlib.sha256(document).digest(),
                attestations,
            )
        )

    async def finalize(self, bundle: EpochBundle) -> None:
        """Wait out the challenge window and make the root final.

        Raises:
            EpochConflictError: the pending root is not the bundle's, or was cancelled.
        """
        if await self._is_final(bundle):
            return
        pending = await self._vault.pending_root()
        if pending is None or to_hex(pending.hash) != bundle.root:
            raise EpochConflictError("The vault's pending root is not this bundle's.")
        await self._after_window()
        await self._sender.send(self._vault.finalize())

    async def _is_final(self, bundle: EpochBundle) -> bool:
        final = await self._vault.final_root()
        if final is None or final.epoch != bundle.epoch:
            return False
        if to_hex(final.hash) != bundle.root:
            raise EpochConflictError(f"Epoch {bundle.epoch} was closed with another root.")
        return True

    async def _lock(self, bundle: EpochBundle) -> None:
        reader = self._sender.reader
        court = EpochCourtClient(reader, await self._vault.court())
        terms = await self._vault.terms()
        panels = PanelsClient(reader, await court.panels())
        increment = bundle.sum - sum(bundle.previous.cumulative)
        required = await panels.required_bond(terms.panel, max(increment, 0))
        bond = await court.bond(self._vault.address, self._sender.address)
        lacking = required - (bond.amount - bond.engaged)
        if lacking <= 0:
            return
        token = SettlementTokenClient(reader, terms.token)
        await self._sender.send(token.approve(court.address, lacking))
        await self._sender.send(court.lock_bond(self._vault.address, lacking))

    async def _commit(self, bundle: EpochBundle) -> None:
        known = await self._vault.commitment()
        root = parse_hex(bundle.receipts_root, length=32)
        if known is not None:
            if known.receipts_root != root:
                raise EpochConflictError("The vault has committed to other receipts.")
            return
        await self._next_block()
        cutoff = await self._sender.reader.block_number()
        await self._next_block()
        await self._sender.send(self._vault.commit_epoch(bundle.epoch, root, cutoff))

    async def _seed(self) -> None:
        while await self._vault.seed() is None:
            await self._next_block()
            committed = await self._vault.commitment()
            if committed and await self._sender.reader.block_number() > committed.seed_block:
                await self._sender.send(self._vault.record_seed())


async def claim_for_all(
    sender: TransactionSender, vault: RevenueVaultClient, bundle: EpochBundle
) -> int:
    """Pay every contributor of a final epoch, many in a transaction; anyone may pay the gas.

    Returns:
        The number of transactions.
    """
    owed = []
    for leaf in bundle.leaves:
        state = await vault.position(leaf.position)
        claim = opening(leaf)
        if await vault.due(claim[0]) > state.claimed:
            owed.append(claim)
    batches: list[Sequence[tuple[Entitlement, SumProof]]] = [
        owed[start : start + CLAIMS_PER_TRANSACTION]
        for start in range(0, len(owed), CLAIMS_PER_TRANSACTION)
    ]
    for batch in batches:
        await sender.send(vault.claim_many(batch))
    return len(batches)


def opening(leaf: LeafPart) -> tuple[Entitlement, SumProof]:
    """A leaf and its proof as the vault takes them."""
    entitlement = Entitlement(
        position=leaf.position,
        account=parse_address(leaf.account),
        cumulative=leaf.cumulative,
        detail_root=parse_hex(leaf.detail_root, length=32),
    )
    return entitlement, [(parse_hex(node.hash, length=32), node.sum) for node in leaf.proof]
