"""A revenue vault: its books, its epochs and roots, and claims against the final one."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_address, as_bytes, as_int
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.events.vault import VAULT_EVENTS, VaultEvent
from headwater_contracts.reader import BlockName
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address


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
    """A root of entitlements; `posted_at` in unix seconds."""

    hash: bytes
    sum: int
    depth: int
    epoch: int
    posted_at: int


@dataclass(frozen=True, slots=True)
class EpochCommitment:
    """An epoch's receipts, fixed before its seed is known."""

    receipts_root: bytes
    cutoff_hash: bytes
    cutoff_block: int
    seed_block: int


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A leaf: everything that `account` at `position` has earned so far, atomic units."""

    position: int
    account: Address
    cumulative: int
    detail_root: bytes

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI."""
        return (
            require_uint("position", self.position, 32),
            parse_address(self.account),
            require_uint("cumulative", self.cumulative, 128),
            require_bytes32("detail_root", self.detail_root),
        )


SumProof = Sequence[tuple[bytes, int]]
"""Neighbours from leaf to root, each its hash and its sum."""


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
        root, cutoff_hash, cutoff, seed_block = await self._view("commitment")
        if as_bytes(root) == bytes(32):
            return None
        return EpochCommitment(
            as_bytes(root), as_bytes(cutoff_hash), as_int(cutoff), as_int(seed_block)
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
        """Fix an epoch's receipts, as the attributor."""
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
        self, epoch: int, root: bytes, total: int, depth: int, bundle_hash: bytes
    ) -> Call:
        """Propose an epoch's entitlements, as the attributor."""
        return self._build(
            f"post the root of epoch {epoch}",
            "postRoot",
            require_uint("epoch", epoch, 64),
            require_bytes32("root", root),
            require_uint("total", total, 128),
            require_uint("depth", depth, 8),
            require_bytes32("bundle_hash", bundle_hash),
        )

    def finalize(self) -> Call:
        """Make the pending root final, after its window."""
        return self._build("finalize the pending root", "finalize")

    def cancel_pending(
        self, was: Entitlement, was_proof: SumProof, now: Entitlement, now_proof: SumProof
    ) -> Call:
        """Cancel the pending root by two openings of one position that contradict each other."""
        return self._build(
            f"cancel the pending root at position {now.position}",
            "cancelPending",
            was.as_tuple(),
            _proof(was_proof),
            now.as_tuple(),
            _proof(now_proof),
        )

    def cancel_pending_against_claims(self, now: Entitlement, now_proof: SumProof) -> Call:
        """Cancel the pending root by one opening that contradicts what was claimed."""
        return self._build(
            f"cancel the pending root at position {now.position}",
            "cancelPendingAgainstClaims",
            now.as_tuple(),
            _proof(now_proof),
        )

    def claim(self, leaf: Entitlement, proof: SumProof) -> Call:
        """Pay a leaf's account what it has not had."""
        return self._build(f"claim for {leaf.account}", "claim", leaf.as_tuple(), _proof(proof))

    def claim_many(self, claims: Sequence[tuple[Entitlement, SumProof]]) -> Call:
        """Pay many leaves; a recipient whom the token refuses stops nobody else."""
        rows = [(leaf.as_tuple(), _proof(proof)) for leaf, proof in claims]
        return self._build(f"claim for {len(rows)} contributors", "claimMany", rows)

    def pay_fallback(self) -> Call:
        """Give the pool to the fallback: 180 days without any final root."""
        return self._build("pay the fallback", "payFallback")

    async def _root(self, which: str) -> Root | None:
        hash_, total, depth, epoch, posted_at = await self._view(which)
        if as_int(epoch) == 0:
            return None
        return Root(as_bytes(hash_), as_int(total), as_int(depth), as_int(epoch), as_int(posted_at))


def _proof(proof: SumProof) -> list[tuple[bytes, int]]:
    return [
        (require_bytes32("proof hash", hash_), require_uint("proof sum", total, 128))
        for hash_, total in proof
    ]
