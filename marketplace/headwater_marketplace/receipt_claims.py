"""Claiming a vault's channels by the receipts that its seller gave: anyone may, and gains nothing.

A channel whose authorizer is its receiver, a revenue vault, is claimed by nobody's key: the vault
agrees to exactly what receipts of its operator charge. So money that was charged reaches the vault
even where the seller is gone or unwilling, as long as somebody holds the receipts and the vouchers,
and claims before the payer has withdrawn.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from headwater_contracts.calls import Call
from headwater_contracts.clients.batch_settlement import ChannelState
from headwater_contracts.clients.receipt_desk import ReceiptDeskClient, SignedReceipt
from headwater_contracts.deployments import Deployment
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.seller.records import ChannelRecord
from headwater_marketplace.seller.store import SellerStore
from headwater_marketplace.settlement import Claimed, Due, SettlementWorker
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.metering import parse_receipt
from headwater_wallet.transactions import TransactionSender


async def claim_by_receipts(
    store: SellerStore, sender: TransactionSender, deployment: Deployment
) -> Claimed:
    """Claim the channels of every vault, each up to the last receipt that its escrow covers.

    Args:
        store: books with the vouchers and receipts; the seller's or a copy of them.
        sender: pays the gas. It needs no right over the vaults.
        deployment: where the contracts are.

    Returns:
        What was claimed, by vault. `uncollectable` is what was charged beyond that, by channel:
        the payer withdrew before the claim, or these books have no receipt for it. `refused` are
        channels that the contracts refuse, such as for a receipt of no operator of its vault.
        Neither holds up another channel.

    Raises:
        TransactionPendingError: a claim that was sent before is not mined yet; none was sent.
        UnavailableError: the chain does not answer; what was mined is in the books.
    """
    return await ReceiptClaimWorker(store, sender, deployment).claim_all() or Claimed()


class ReceiptClaimWorker(SettlementWorker):
    """Turns charges into money on chain for vaults that authorize their channels themselves.

    Args:
        store: books with the vouchers and receipts.
        sender: pays the gas.
        deployment: where the contracts are.
        now: Unix time in seconds.
    """

    def __init__(
        self,
        store: SellerStore,
        sender: TransactionSender,
        deployment: Deployment,
        now: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        super().__init__(store, sender, deployment, now)
        self._desk = ReceiptDeskClient(sender.reader, deployment.receipt_desk)
        self._chain_id = deployment.chain_id
        self._vaults: dict[Address, bool] = {}

    async def _is_due(self, record: ChannelRecord) -> bool:
        receiver = record.config.receiver
        if record.signature is None or record.config.receiver_authorizer != receiver:
            return False
        if receiver == self._sender.address:
            return False
        if receiver not in self._vaults:
            self._vaults[receiver] = await self._is_vault(receiver)
        return self._vaults[receiver]

    async def _is_vault(self, receiver: Address) -> bool:
        """Whether it has an operator; a plain account may authorize its own channels too."""
        try:
            await self._desk.operator_of(receiver)
        except ContractRevertError:
            return False
        return True

    async def _due(self, record: ChannelRecord, chain: ChannelState) -> Due | None:
        # The vault agrees to a receipt's own total and to no part of it, so where the escrow does
        # not cover the last one, an earlier one is what can be had.
        covered = min(chain.balance, record.state.signed)
        for text in await self._store.receipts(record.identifier, chain.total_claimed, covered):
            with suppress(InvalidInputError):
                signed = self._read(text)
                receipt = signed.receipt
                known = receipt.channel_id == record.identifier
                if known and chain.total_claimed < receipt.cumulative <= covered:
                    return Due(record, chain.total_claimed, receipt.cumulative, signed)
        return None

    def _read(self, text: str) -> SignedReceipt:
        body = read_json(text, "The receipt")
        if not isinstance(body, dict):
            raise InvalidInputError("A receipt is a JSON object.")
        receipt, signature = parse_receipt(body)
        return SignedReceipt(receipt, receipt.signed_by(signature, self._chain_id), signature)

    def _together(self, due: Sequence[Due]) -> Iterable[Sequence[Due]]:
        # A vault signs for its own channels, and the desk sends it one token.
        groups: defaultdict[tuple[Address, Address], list[Due]] = defaultdict(list)
        for each in due:
            groups[each.record.config.receiver, each.record.config.token].append(each)
        return groups.values()

    def _call(self, batch: Sequence[Due]) -> Call:
        receipts = [each.receipt for each in batch if each.receipt is not None]
        return self._desk.claim_by_receipt([each.claim for each in batch], receipts)
