"""Claiming a vault's channels by the receipts that its seller gave: anyone may, and gains nothing.

A channel whose authorizer is its receiver, a revenue vault, is claimed by nobody's key: the vault
agrees to exactly what receipts of its operator charge. So money that was charged reaches the vault
even where the seller is gone or unwilling, as long as somebody holds the receipts and the vouchers.
"""

from collections import defaultdict
from collections.abc import Mapping

from headwater_contracts.clients.batch_settlement import VoucherClaim
from headwater_contracts.clients.receipt_desk import ReceiptDeskClient, SignedReceipt
from headwater_contracts.deployments import Deployment
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.address import Address
from headwater_payments.json_text import read_json
from headwater_payments.metering import parse_receipt
from headwater_wallet.transactions import TransactionSender


async def claim_by_receipts(
    store: SellerStore, sender: TransactionSender, deployment: Deployment
) -> Mapping[Address, int]:
    """Claim every channel of a vault up to its last receipt, a transaction for each vault.

    Args:
        store: books with the vouchers and receipts; the seller's or a copy of them.
        sender: pays the gas. It needs no right over the vaults.
        deployment: where the contracts are.

    Returns:
        What each vault was paid, atomic units.

    Raises:
        ContractRevertError: a receipt is of no operator of its vault, or escrow is gone; vaults
            before it are claimed.
        UnavailableError: the chain does not answer.
    """
    desk = ReceiptDeskClient(sender.reader, deployment.receipt_desk)
    last = await _last_receipts(store, deployment.chain_id)
    rows: defaultdict[Address, list[tuple[VoucherClaim, SignedReceipt, int]]] = defaultdict(list)
    for record in await store.unclaimed():
        signed = last.get(record.identifier)
        vault = record.config.receiver
        if signed is None or record.signature is None or record.config.receiver_authorizer != vault:
            continue
        total = signed.receipt.cumulative
        if record.state.claimed < total <= record.state.signed:
            row = VoucherClaim(record.config, record.state.signed, record.signature, total)
            rows[vault].append((row, signed, total - record.state.claimed))
    paid: dict[Address, int] = {}
    for vault, claims in rows.items():
        await sender.send(
            desk.claim_by_receipt([row for row, _, _ in claims], [each for _, each, _ in claims])
        )
        for _, signed, _ in claims:
            await store.mark_claimed(signed.receipt.channel_id, signed.receipt.cumulative)
        paid[vault] = sum(amount for _, _, amount in claims)
    return paid


async def _last_receipts(store: SellerStore, chain_id: int) -> Mapping[bytes, SignedReceipt]:
    """The receipt with the highest charge of each channel."""
    last: dict[bytes, SignedReceipt] = {}
    for payment in await store.payments("charged"):
        body = read_json(payment.receipt, "The receipt") if payment.receipt else None
        if not isinstance(body, dict):
            continue
        receipt, signature = parse_receipt(body)
        known = last.get(receipt.channel_id)
        if known is None or known.receipt.cumulative < receipt.cumulative:
            operator = receipt.signed_by(signature, chain_id)
            last[receipt.channel_id] = SignedReceipt(receipt, operator, signature)
    return last
