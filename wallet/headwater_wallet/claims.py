"""What sellers have claimed of this wallet's channels, noted in the audit log."""

from typing import Final

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.events.channels import Claimed
from headwater_wallet.spend_ledger import SpendLedger

BLOCKS_AT_ONCE: Final = 1_000


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
