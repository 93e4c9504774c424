"""What sellers have claimed of this wallet's channels, noted in the audit log."""

from collections.abc import Awaitable, Callable
from typing import Final, Never

import anyio

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.events.channels import Claimed
from headwater_payments.errors import HeadwaterError
from headwater_wallet.spend_ledger import SpendLedger

BLOCKS_AT_ONCE: Final = 1_000
CONFIRMATIONS: Final = 12
"""Blocks after which a claim is taken to stay."""


async def note_claims(
    ledger: SpendLedger, contract: BatchSettlementClient, from_block: int, to_block: int
) -> int:
    """Read the claims of a range of blocks, and log those on this ledger's channels.

    A claim that was noted before is not noted again, so ranges may overlap.

    Args:
        ledger: whose channels.
        contract: where the channels are.
        from_block: the first block.
        to_block: the last; blocks that may still be replaced are better left for later.

    Returns:
        How many were new.

    Raises:
        UnavailableError: the chain does not answer; what was noted stays.
    """
    own, noted = await ledger.channels(), 0
    for first in range(from_block, to_block + 1, BLOCKS_AT_ONCE):
        last = min(to_block, first + BLOCKS_AT_ONCE - 1)
        for event in await contract.events(first, last, kinds=[Claimed]):
            if isinstance(event, Claimed) and event.channel_id in own:
                noted += await ledger.note_claim(
                    event.channel_id, event.new_total_claimed, event.log.transaction_hash
                )
    return noted


class ClaimWatch:
    """Notes claims as sellers make them, by their schedules; run it beside the wallet.

    Args:
        ledger: whose channels.
        contract: where the channels are.
        from_block: where to begin. Begun anew after a restart it notes nothing twice.
        confirmations: newest blocks to leave for later, since the chain may replace them.
        every_s: seconds between two looks.
        sleep: waits for seconds.

    Attributes:
        noted: claims noted so far.
        last_failure: why the last look failed; None where it went well.
    """

    def __init__(
        self,
        ledger: SpendLedger,
        contract: BatchSettlementClient,
        *,
        from_block: int = 0,
        confirmations: int = CONFIRMATIONS,
        every_s: float = 60,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._ledger, self._contract = ledger, contract
        self._next, self._confirmations = from_block, confirmations
        self._every_s, self._sleep = every_s, sleep
        self.noted = 0
        self.last_failure: str | None = None

    async def look(self) -> int:
        """Note what was claimed since the last look; gives how many claims were new.

        Raises:
            UnavailableError: chain or database do not answer; the next look begins where this one
                did.
        """
        last = await self._contract.reader.block_number() - self._confirmations
        if last < self._next:
            return 0
        new = await note_claims(self._ledger, self._contract, self._next, last)
        self._next = last + 1
        self.noted += new
        return new

    async def run(self) -> Never:
        """Look until cancelled; failures are kept and tried again."""
        while True:
            try:
                await self.look()
                self.last_failure = None
            except HeadwaterError as exc:
                self.last_failure = f"{exc.code}: {exc.message}"
            await self._sleep(self._every_s)
