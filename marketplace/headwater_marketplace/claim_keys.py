"""Changing the key that claims.

A channel names its `receiverAuthorizer` for good: the name is part of the channel's identity, and
the contract has no way to change it. So a key is replaced by letting its channels run out:

1. Serve with the new key as the middleware's `signer`. From then on terms name it; a voucher on a
   channel of the old key is refused, and buyers open channels under the new one by themselves.
2. Call `retire_claim_key` with the old key until it reports no channel left.
3. Only then destroy the old key. `receiver` itself may claim too, where it is an account.
"""

from collections.abc import Callable
from dataclasses import dataclass

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.deployments import Deployment
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.settlement import CLAIMS_PER_TRANSACTION, Claimed, SettlementWorker
from headwater_wallet.transactions import TransactionSender


@dataclass(frozen=True, slots=True)
class Retired:
    """What retiring a key did; `refunded` in atomic units. The key may go once `left` is empty."""

    claimed: Claimed | None
    refunded: int
    left: list[bytes]


async def retire_claim_key(
    store: SellerStore, old: TransactionSender, deployment: Deployment, now: Callable[[], int]
) -> Retired:
    """Claim everything charged on the channels of a key, and give the rest back to the payers.

    Run it once nothing is served under the key any more; run it again after a failure: what is
    done is seen on chain. Channels with a request under way, and those whose claim is refused, are
    left.

    Args:
        store: the seller's books.
        old: the account of the key that retires; it pays the gas.
        deployment: where the contracts are.
        now: Unix time in seconds.

    Raises:
        TransactionPendingError: an earlier claim is not mined yet: run it again later.
        TransactionError: the chain refused a refund; what was claimed stays claimed.
        UnavailableError: the chain does not answer.
    """
    claimed = await SettlementWorker(store, old, deployment, now).claim_all()
    refused = set() if claimed is None else set(claimed.refused)
    contract = BatchSettlementClient(old.reader, deployment.batch_settlement)
    mine = [r for r in await store.channels() if r.config.receiver_authorizer == old.address]
    busy = [r.identifier for r in mine if r.state.reserved or r.identifier in refused]
    open_ones = [
        (record, escrow)
        for record in mine
        if record.identifier not in busy
        and (escrow := (await contract.channel(record.identifier)).unclaimed)
    ]
    for start in range(0, len(open_ones), CLAIMS_PER_TRANSACTION):
        await _refund(contract, old, open_ones[start : start + CLAIMS_PER_TRANSACTION])
    return Retired(claimed, sum(escrow for _, escrow in open_ones), busy)


async def _refund(
    contract: BatchSettlementClient,
    old: TransactionSender,
    channels: list[tuple[ChannelRecord, int]],
) -> None:
    calls = [contract.refund(record.config, escrow) for record, escrow in channels]
    await old.send(contract.multicall(calls))
