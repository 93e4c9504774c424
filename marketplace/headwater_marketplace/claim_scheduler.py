"""Claiming in time: by amount, by age, and at once where a payer starts to withdraw.

A voucher has no force once its payer has taken the escrow out, so a seller that claims too late
loses what it charged. The scheduler looks at the books and at the chain every few seconds and
claims, in one transaction, every channel that is due; what vaults authorize themselves it claims by
receipts, in a transaction for each vault. All it needs to know is in the books and on the chain: it
may be killed at any point and started again, and several may run beside each other.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Never

import anyio

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.events.channels import WithdrawInitiated
from headwater_marketplace.at_once import for_each
from headwater_marketplace.facilitator import ChannelReader
from headwater_marketplace.receipt_claims import ReceiptClaimWorker
from headwater_marketplace.seller.leases import Lease
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.settlement import Claimed, SettlementWorker
from headwater_payments.channels import MIN_WITHDRAW_DELAY
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_wallet.transactions import TransactionSender

LONGEST_PAUSE_S: Final = MIN_WITHDRAW_DELAY // 3
"""A pause is at most this long, so that each withdrawal is looked at three times before it ends."""
LEASE_S: Final = 180
"""A scheduler that was killed is replaced after this, longer than a transaction is waited for."""
BLOCKS_AT_ONCE: Final = 1_000
REORG_BLOCKS: Final = 32
"""Blocks that are read again at each look, since a chain may have replaced them."""


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """When a channel is claimed; whichever comes first. A withdrawal is always claimed at once.

    Attributes:
        amount_atomic: as soon as this much of a channel is charged and unclaimed.
        age_s: as soon as its oldest unclaimed charge is this old, in seconds.
        look_every_s: seconds between two looks.
        retry_after_s: seconds after a first failure; doubled after each further one.
        retry_at_most_s: the longest pause after a failure, in seconds.

    Raises:
        InvalidInputError: a pause could outlast a payer's withdrawal, or a figure is not positive.
    """

    amount_atomic: int = 1_000_000
    age_s: int = 3_600
    look_every_s: float = 15
    retry_after_s: float = 1
    retry_at_most_s: float = 60

    def __post_init__(self) -> None:
        pauses = (self.look_every_s, self.retry_after_s, self.retry_at_most_s)
        if min(self.amount_atomic, self.age_s) < 1 or min(pauses) <= 0:
            raise InvalidInputError("Amounts, ages and pauses of a claim policy are positive.")
        if max(pauses) > LONGEST_PAUSE_S:
            raise InvalidInputError(
                f"A pause of {max(pauses):g} s is too long: a payer may be gone "
                f"{MIN_WITHDRAW_DELAY} s after it starts to withdraw; at most {LONGEST_PAUSE_S} s."
            )


@dataclass(slots=True)
class ClaimStatistics:
    """What a scheduler has done since it was made; atomic units."""

    looks: int = 0
    transactions: int = 0
    claimed: int = 0
    withdrawals_seen: int = 0
    failures_in_a_row: int = 0
    last_failure: str | None = None


class ClaimScheduler:
    """Claims one seller's channels in time. Run it beside the server: `serve(…, beside=[s.run])`.

    Args:
        store: the seller's books; the very object that the middleware uses, so that it hears of a
            withdrawal at once.
        sender: the account that authorizes claims, and pays their gas. Channels that a vault
            authorizes itself are claimed whoever it is.
        deployment: where the contracts are.
        chain: reads channels; the facilitator does.
        policy: when to claim.
        now: Unix time in seconds.
        sleep: waits for seconds.
        holder: tells this scheduler from others over the same books.
    """

    def __init__(
        self,
        store: SellerStore,
        sender: TransactionSender,
        deployment: Deployment,
        chain: ChannelReader,
        policy: ClaimPolicy | None = None,
        *,
        now: Callable[[], int] = lambda: int(time.time()),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        holder: str | None = None,
    ) -> None:
        self._store, self._sender, self._chain = store, sender, chain
        self._policy, self._now, self._sleep = policy or ClaimPolicy(), now, sleep
        self._contract = BatchSettlementClient(sender.reader, deployment.batch_settlement)
        self._workers = (
            SettlementWorker(store, sender, deployment, now),
            ReceiptClaimWorker(store, sender, deployment, now),
        )
        name, holder = f"claims:{sender.address}", holder or secrets.token_hex(8)
        self._lease = Lease(store.database, name, holder, LEASE_S, now)
        self._next_block: int | None = None
        self._oldest: dict[bytes, tuple[int, int]] = {}
        self._not_before: dict[bytes, int] = {}
        self.statistics = ClaimStatistics()

    async def run(self) -> Never:
        """Look and claim until cancelled.

        Failures of the chain or the database are noted and tried again, with growing pauses. On
        cancellation a claim under way may be mined all the same; the next run finds it.
        """
        try:
            while True:
                await self._sleep(await self._try())
        finally:
            with anyio.move_on_after(5, shield=True):
                await self._lease.give_up()

    async def look(self) -> Claimed | None:
        """Look once, and claim what is due; None where nothing is, or another process does it.

        Raises:
            TransactionPendingError: a claim was sent and is not mined yet; it is looked up again.
            TransactionError: the chain refused the claim; the books are unchanged.
            UnavailableError: the chain or the database does not answer.
        """
        self.statistics.looks += 1
        if not await self._lease.take():
            return None
        await self._watch()
        due = await self._due()
        if not due:
            return None
        result: Claimed | None = None
        for worker in self._workers:
            claimed = await worker.claim([record.identifier for record in due])
            if claimed is not None:
                await self._note(claimed, due)
                result = result or Claimed()
                result.add(claimed)
        return result

    async def _try(self) -> float:
        """Look once; gives the seconds to wait before the next time."""
        known, policy = self.statistics, self._policy
        try:
            await self.look()
        except HeadwaterError as exc:
            known.failures_in_a_row += 1
            known.last_failure = f"{exc.code}: {exc.message}"
            # The exponent is bounded, since an outage may last for days.
            doubled = policy.retry_after_s * (1 << min(known.failures_in_a_row - 1, 16))
            return min(doubled, policy.retry_at_most_s)
        known.failures_in_a_row = 0
        return policy.look_every_s

    async def _watch(self) -> None:
        """Note in the books which payers have started to withdraw since the last look."""
        head = await self._sender.reader.block_number()
        if self._next_block is None:
            # What happened while nobody looked: the channels with money at stake are read anew.
            await self._read_anew(await self._store.at_stake())
        else:
            for identifier in await self._withdrawing(self._next_block - REORG_BLOCKS, head):
                record = await self._store.channel(identifier)
                if record is not None and not record.withdraw_requested_at:
                    self.statistics.withdrawals_seen += 1
                    await self._read_anew([record])
        self._next_block = head + 1

    async def _withdrawing(self, start: int, head: int) -> set[bytes]:
        found: set[bytes] = set()
        for first in range(max(0, start), head + 1, BLOCKS_AT_ONCE):
            last = min(head, first + BLOCKS_AT_ONCE - 1)
            events = await self._contract.events(first, last, kinds=[WithdrawInitiated])
            found |= {e.channel_id for e in events if isinstance(e, WithdrawInitiated)}
        return found

    async def _read_anew(self, records: Iterable[ChannelRecord]) -> None:
        async def read(record: ChannelRecord) -> None:
            chain = await self._chain.channel(record.identifier)
            await self._store.sync_channel(record.identifier, record.config, chain, self._now())

        await for_each(read, [r for r in records if self._is_mine(r)])

    async def _due(self) -> list[ChannelRecord]:
        now, due = self._now(), []
        for record in await self._store.unclaimed():
            state = record.state
            amount = min(state.charged, state.balance) - state.claimed
            if amount <= 0 or not self._is_mine(record):
                continue
            if now < self._not_before.get(record.identifier, 0):
                continue
            if (
                record.withdraw_requested_at
                or amount >= self._policy.amount_atomic
                or now - await self._since(record) >= self._policy.age_s
            ):
                due.append(record)
        return due

    async def _since(self, record: ChannelRecord) -> int:
        """When the oldest unclaimed charge was made; it stays the same until one is claimed."""
        claimed, since = self._oldest.get(record.identifier, (-1, 0))
        if claimed == record.state.claimed:
            return since
        # A charge without its payment is older than anything: claim it.
        since = await self._store.unclaimed_since(record) or 0
        self._oldest[record.identifier] = (record.state.claimed, since)
        return since

    async def _note(self, claimed: Claimed, due: list[ChannelRecord]) -> None:
        self.statistics.transactions += len(claimed.transactions)
        self.statistics.claimed += claimed.total
        by_receipt = {r.identifier for r in due if not self._is_own(r)}
        for identifier in {*claimed.refused, *(by_receipt & claimed.uncollectable.keys())}:
            # What no receipt covers yet may be covered before a withdrawal ends.
            pause = LONGEST_PAUSE_S if identifier in by_receipt else self._policy.age_s
            self._not_before[identifier] = self._now() + pause
        # The mirror showed more escrow than there is: with the truth in it, nothing is due there.
        await self._read_anew(r for r in due if r.identifier in claimed.uncollectable)

    def _is_mine(self, record: ChannelRecord) -> bool:
        return self._is_own(record) or record.config.receiver_authorizer == record.config.receiver

    def _is_own(self, record: ChannelRecord) -> bool:
        return record.config.receiver_authorizer == self._sender.address
