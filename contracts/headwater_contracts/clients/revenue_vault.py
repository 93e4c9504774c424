"""A revenue vault: its books, its epochs and roots, and claims against the final one."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import (
    ContractClient,
    as_address,
    as_bytes,
    as_int,
    as_tuple,
)
from headwater_contracts.clients.claim_orders import Claim
from headwater_contracts.clients.openings import Entitlement, SumProof, sum_proof
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.events.vault import VAULT_EVENTS, VaultEvent
from headwater_contracts.reader import BlockName
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address
from headwater_payments.errors import InvalidInputError

__all__ = [
    "Adjustment",
    "Buckets",
    "Entitlement",
    "EpochCommitment",
    "PositionState",
    "RevenueVaultClient",
    "Root",
    "SumProof",
]


@dataclass(frozen=True, slots=True)
class Buckets:
    """What each party has been credited so far, and `unbooked`, which awaits the next sync."""

    platform: int
    host: int
    owner: int
    parents: int
    pool: int
    unbooked: int


@dataclass(frozen=True, slots=True)
class Root:
    """A root of entitlements; `posted_at` in unix seconds.

    Attributes:
        posting: counts every root posted to the vault, cancelled ones too.
        adjusted: whether positions are held, voided or scaled, so that a leaf alone does not say
            what is due.
    """

    hash: bytes
    sum: int
    depth: int
    epoch: int
    posting: int
    posted_at: int
    adjusted: bool = False


@dataclass(frozen=True, slots=True)
class EpochCommitment:
    """An epoch's receipts, fixed before its seed is known; only `committer` may post its root."""

    receipts_root: bytes
    cutoff_hash: bytes
    cutoff_block: int
    seed_block: int
    committed_at: int
    committer: Address


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What the court changed of a position, atomic units.

    Attributes:
        ceiling: while disputes are open, no cumulative counts for more.
        voided: increments found false, never paid.
        open: disputes not resolved.
    """

    ceiling: int
    voided: int
    open: int


@dataclass(frozen=True, slots=True)
class PositionState:
    """What a position was paid; `account` is None until it first claims."""

    account: Address | None
    claimed: int


class RevenueVaultClient(ContractClient[VaultEvent]):
    """Amounts are atomic units of the vault's token."""

    contract = "RevenueVault"
    event_kinds = VAULT_EVENTS

    async def terms(self) -> VaultTerms:
        """What the vault is bound to."""
        (value,) = await self._view("terms")
        return VaultTerms.from_tuple(value)

    async def court(self) -> Address:
        """The contract that judges the vault's epochs."""
        return await self._view_address("court")

    async def buckets(self, block: BlockName = "latest") -> Buckets:
        """Every party's credit."""
        return Buckets(*(as_int(v) for v in await self._view("buckets", block=block)))

    async def total_in(self) -> int:
        """Everything booked so far."""
        return await self._view_int("totalIn")

    async def total_out(self) -> int:
        """Everything paid so far."""
        return await self._view_int("totalOut")

    async def royalty_in(self) -> int:
        """The part of the income that came from children's vaults."""
        return await self._view_int("royaltyIn")

    async def platform_paid(self) -> int:
        """Paid to the platform."""
        return await self._view_int("platformPaid")

    async def host_paid(self) -> int:
        """Paid to the host."""
        return await self._view_int("hostPaid")

    async def owner_credit(self, account: Address) -> int:
        """Credited to an owner, past or present, and not yet paid."""
        return await self._view_int("ownerCredit", parse_address(account))

    async def parent_paid(self, index: int) -> int:
        """Paid to the vault of parent link `index`."""
        return await self._view_int("parentPaid", require_uint("index", index, 256))

    async def claimed_total(self) -> int:
        """Paid to contributors."""
        return await self._view_int("claimedTotal")

    async def fallback_paid(self) -> int:
        """Paid to the fallback."""
        return await self._view_int("fallbackPaid")

    async def first_inflow_at(self) -> int:
        """When the first unit was booked, unix seconds; 0 before."""
        return await self._view_int("firstInflowAt")

    async def current_epoch(self) -> int:
        """The epoch being worked on."""
        return await self._view_int("currentEpoch")

    async def commitment(self) -> EpochCommitment | None:
        """The current epoch's receipts, once committed."""
        (value,) = await self._view("commitment")
        root, cutoff_hash, cutoff, seed_block, _, committed_at, _, committer = as_tuple(value)
        if as_bytes(root) == bytes(32):
            return None
        return EpochCommitment(
            as_bytes(root),
            as_bytes(cutoff_hash),
            as_int(cutoff),
            as_int(seed_block),
            as_int(committed_at),
            as_address(committer),
        )

    async def seed(self) -> bytes | None:
        """The current epoch's seed, once recorded."""
        (value,) = await self._view("seed")
        return as_bytes(value) if as_bytes(value) != bytes(32) else None

    async def final_root(self) -> Root | None:
        """The root that claims are made against."""
        return await self._root("finalRoot")

    async def pending_root(self) -> Root | None:
        """The root in its challenge window."""
        return await self._root("pendingRoot")

    async def missed_epochs(self) -> int:
        """Whole epochs since the last final root was posted, or since the first income."""
        return await self._view_int("missedEpochs")

    async def voided_total(self) -> int:
        """The sum of all increments that were found false: back in the pool."""
        return await self._view_int("voidedTotal")

    async def adjustment(self, position: int) -> Adjustment:
        """What the court changed of a position."""
        values = await self._view("adjustments", require_uint("position", position, 32))
        return Adjustment(*(as_int(value) for value in values))

    async def due(self, leaf: Entitlement) -> int:
        """What a leaf of the final root is due in all, atomic units.

        Its cumulative amount, unless the court or an escape changed that.
        """
        return await self._view_int("dueOf", *leaf.as_tuple()[::2])

    async def position(self, position: int) -> PositionState:
        """What a position was paid."""
        account, claimed = await self._view("positions", require_uint("position", position, 32))
        seen = as_address(account)
        return PositionState(None if seen == ZERO_ADDRESS else seen, as_int(claimed))

    def sync(self) -> Call:
        """Book what has arrived; anyone may send it, like every call below but two."""
        return self._build("book the vault's income", "sync")

    def pay_platform(self) -> Call:
        """Pay the platform its share."""
        return self._build("pay the platform", "payPlatform")

    def pay_host(self) -> Call:
        """Pay the host its share."""
        return self._build("pay the host", "payHost")

    def credit_owner(self) -> Call:
        """Credit the owner's share to whoever owns the asset now."""
        return self._build("credit the owner", "creditOwner")

    def pay_owner(self, account: Address) -> Call:
        """Pay an owner, past or present."""
        return self._build(f"pay owner {account}", "payOwner", parse_address(account))

    def pull_from(self, child: Address, index: int) -> Call:
        """Fetch the royalty of the child's parent link `index`."""
        return self._build(
            f"pull the royalty of {child}",
            "pullFrom",
            parse_address(child),
            require_uint("index", index, 256),
        )

    def commit_epoch(self, epoch: int, receipts_root: bytes, cutoff_block: int) -> Call:
        """Fix an epoch's receipts, as the attributor; as anyone bonded after two missed epochs."""
        return self._build(
            f"commit epoch {epoch}",
            "commitEpoch",
            require_uint("epoch", epoch, 64),
            require_bytes32("receipts_root", receipts_root),
            require_uint("cutoff_block", cutoff_block, 64),
        )

    def record_seed(self) -> Call:
        """Keep the seed before its block is forgotten (256 blocks); before the block exists it does
        nothing, successfully."""
        return self._build("record the epoch's seed", "recordSeed")

    def post_root(
        self,
        epoch: int,
        root: bytes,
        total: int,
        depth: int,
        bundle_hash: bytes,
        attestations: Sequence[bytes] = (),
    ) -> Call:
        """Propose an epoch's entitlements, as the one who committed its receipts.

        Args:
            epoch: the vault's current one.
            root: the tree's root hash, 32 bytes.
            total: the sum of all cumulative entitlements.
            depth: of the tree.
            bundle_hash: of the published evidence, 32 bytes.
            attestations: signatures of the panel's verifiers over the root, ascending by signer.
        """
        return self._build(
            f"post the root of epoch {epoch}",
            "postRoot",
            require_uint("epoch", epoch, 64),
            require_bytes32("root", root),
            require_uint("total", total, 128),
            require_uint("depth", depth, 8),
            require_bytes32("bundle_hash", bundle_hash),
            list(attestations),
        )

    def finalize(self) -> Call:
        """Make the pending root final, after its window."""
        return self._build("finalize the pending root", "finalize")

    def escape(self) -> Call:
        """Scale the last final root to all that came in, after six missed epochs; anyone may."""
        return self._build("scale the last root", "escape")

    def claim(self, leaf: Entitlement, proof: SumProof) -> Call:
        """Pay a leaf's account what it has not had."""
        return self._build(f"claim for {leaf.account}", "claim", leaf.as_tuple(), sum_proof(proof))

    def claim_many(self, claims: Sequence[tuple[Entitlement, SumProof]]) -> Call:
        """Pay many leaves; a recipient whom the token refuses stops nobody else."""
        rows = [(leaf.as_tuple(), sum_proof(proof)) for leaf, proof in claims]
        return self._build(f"claim for {len(rows)} contributors", "claimMany", rows)

    def claim_signed(
        self, leaf: Entitlement, proof: SumProof, order: Claim, signature: bytes
    ) -> Call:
        """Pay a leaf to the recipient that its account signed for, and the fee to the sender.

        Args:
            leaf: the account's leaf of the final root.
            proof: of the leaf.
            order: what the account signed, under `claim_domain`.
            signature: of the account; what its contract takes, where the account is one.

        Raises:
            InvalidInputError: the order is about another leaf.
        """
        if (order.position, order.cumulative) != (leaf.position, leaf.cumulative):
            raise InvalidInputError("The order is about another position or amount than the leaf.")
        return self._build(
            f"claim for {leaf.account}, to {order.recipient}",
            "claimSigned",
            leaf.as_tuple(),
            sum_proof(proof),
            order.as_tuple(),
            signature,
        )

    def pay_fallback(self) -> Call:
        """Give the pool to the fallback: 180 days without any final root."""
        return self._build("pay the fallback", "payFallback")

    async def _root(self, which: str) -> Root | None:
        (value,) = await self._view(which)
        hash_, total, depth, epoch, posting, posted_at, adjusted = as_tuple(value)
        if as_int(epoch) == 0:
            return None
        return Root(
            as_bytes(hash_),
            as_int(total),
            as_int(depth),
            as_int(epoch),
            as_int(posting),
            as_int(posted_at),
            bool(adjusted),
        )
