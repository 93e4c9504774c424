"""Seals that were committed on chain: the log of a round, and whether a log is what the chain has.

The contract is everybody's, so a round's log holds all seals that were committed while it took
them, of other datanets too. Those open nothing here; and nobody's can be left out.
"""

from headwater_attribution.admission.seal_log import CommittedOnChain, SealLog
from headwater_contracts.clients.row_commitments import RowCommitmentsClient
from headwater_payments.hexadecimal import to_hex


async def log_from_chain(log: SealLog, contract: RowCommitmentsClient, first: int) -> SealLog:
    """The log of a round that ends with the latest block, not signed yet.

    Args:
        log: of the round; seals that the desk took itself are not in the result.
        contract: where seals are committed.
        first: the first block that counts: after the last of the round before.

    Raises:
        RpcError: the node refuses so wide a range.
    """
    opened = await contract.reader.block_number()
    committed = await contract.events(first, opened)
    chain = CommittedOnChain(
        chain_id=await contract.reader.chain_id(),
        contract=contract.address,
        opened=opened,
        blocks=tuple(each.block_number for each in committed),
    )
    return SealLog(
        datanet_id=log.datanet_id,
        round=log.round,
        before=log.before,
        seals=tuple(to_hex(each.root) for each in committed),
        chain=chain,
    )


async def chain_faults(log: SealLog, contract: RowCommitmentsClient, first: int) -> list[str]:
    """Where a log differs from what the chain has; a sentence each.

    Args:
        log: as published; nothing can be asked about one without blocks.
        contract: where its seals should be.
        first: the first block of its round.
    """
    if log.chain is None:
        return []
    if log.chain.contract != contract.address:
        return [f"Round {log.round} took its seals from {log.chain.contract}."]
    committed = await contract.events(first, log.chain.opened)
    found = [(to_hex(each.root), each.block_number) for each in committed]
    stated = list(zip(log.seals, log.chain.blocks, strict=True))
    if found == stated:
        return []
    other = sorted(set(found) ^ set(stated)) or [("their order", 0)]
    told = f"The log of round {log.round} and the chain differ in {len(other)} seals"
    return [f"{told}, first in {other[0][0]}."]
