"""What a signer in a process of its own signs for a seller: offers, receipts, claims, refunds.

Whoever takes over the seller's process can ask for all of it, so each rule says what that is worth
to him. Claims pay the channel's own receiver whatever the asker wants. A receipt or an offer names
who is paid, and is signed for this seller's payees only. A refund gives escrow away that may have
been charged, and an order to pay a claim to another gives the claim away: neither is signed unless
the rules say so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from headwater_contracts.clients.claim_orders import Claim
from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.channels import channel_domain
from headwater_payments.eip712 import Struct, TypedData
from headwater_payments.hexadecimal import to_hex
from headwater_payments.metering import MeteringReceipt
from headwater_payments.offer_receipt import DeliveryReceipt, SignedOfferTerms, statement_domain
from headwater_payments.structs import ClaimBatch, Refund
from headwater_wallet.errors import SignerRefusedError

SELLER_STRUCTS: Final[tuple[type[Struct], ...]] = (
    MeteringReceipt,
    SignedOfferTerms,
    DeliveryReceipt,
    ClaimBatch,
    Refund,
    Claim,
)


@dataclass(frozen=True, slots=True)
class SellerRules:
    """Limits of one seller's signer.

    Args:
        each: the most that one receipt may be for, or one refund give back, in the seller's asset.
        payees: whom its offers and receipts may name, and to whom its own claims may be paid.
        origins: of the URLs that offers and delivery receipts may name; None for any.
        refunds: whether escrow may be given back.
        most_fee: atomic units that an order to pay a claim may leave to whoever sends it.
    """

    each: Amount
    payees: Collection[Address]
    origins: Collection[str] | None = None
    refunds: bool = False
    most_fee: int = 0

    def check(self, account: Address, typed: TypedData) -> str:
        """What a signature does, in words.

        Raises:
            SignerRefusedError: it is not allowed, or nothing that a seller signs.
        """
        struct, chain_id = typed.struct, self.each.asset.chain_id
        if isinstance(struct, MeteringReceipt):
            return self._receipt(typed, struct)
        if isinstance(struct, SignedOfferTerms | DeliveryReceipt):
            return self._statement(typed, struct)
        if isinstance(struct, Claim):
            return self._order(account, typed, struct)
        if not isinstance(struct, ClaimBatch | Refund):
            raise SignerRefusedError(f"{type(struct).__name__} is nothing that this signer signs.")
        if typed.domain != channel_domain(chain_id):
            raise SignerRefusedError("It is for channels of another chain or contract.")
        if isinstance(struct, Refund):
            if not self.refunds:
                raise SignerRefusedError("This signer gives no escrow back.")
            self._refuse_more_than(struct.amount, "A refund")
            return f"refund {struct.amount} of {to_hex(struct.channel_id)}"
        if any(each.total_claimed > each.max_claimable for each in struct.claims):
            raise SignerRefusedError("A claim takes more than its voucher says.")
        return f"claim {len(struct.claims)} channels"

    def _receipt(self, typed: TypedData, receipt: MeteringReceipt) -> str:
        if typed.domain != receipt.to_sign(self.each.asset.chain_id).domain:
            raise SignerRefusedError("The receipt is for another chain or contract.")
        self._refuse_stranger(receipt.payee, "A receipt")
        self._refuse_more_than(receipt.cap, "A receipt")
        if receipt.charge > receipt.cap:
            raise SignerRefusedError("The receipt charges more than was agreed.")
        return f"receipt for {receipt.charge} to {receipt.payee}"

    def _statement(self, typed: TypedData, statement: SignedOfferTerms | DeliveryReceipt) -> str:
        if typed.domain != statement_domain(statement):
            raise SignerRefusedError("The statement is under another domain than x402's.")
        if statement.network != self.each.asset.network:
            raise SignerRefusedError(f"The network {statement.network} is not this signer's.")
        url = urlsplit(statement.resource_url)
        origin = f"{url.scheme}://{url.netloc}"
        if self.origins is not None and origin not in self.origins:
            raise SignerRefusedError(f"{origin} is not where this seller sells.")
        if isinstance(statement, DeliveryReceipt):
            return f"delivery receipt to {statement.payer} for {statement.resource_url}"
        self._refuse_stranger(statement.pay_to, "An offer")
        return f"offer of {statement.resource_url} for {statement.amount}"

    def _order(self, account: Address, typed: TypedData, order: Claim) -> str:
        domain, asset = typed.domain, self.each.asset
        if domain.verifying_contract is None or (
            domain != order.to_sign(asset.chain_id, domain.verifying_contract).domain
        ):
            raise SignerRefusedError("The order is for another chain, or for no vault.")
        if order.token != asset.address:
            raise SignerRefusedError("The token is another than this signer's.")
        if order.recipient != account:
            self._refuse_stranger(order.recipient, "An order to pay a claim")
        if order.fee > self.most_fee:
            raise SignerRefusedError(f"An order leaves at most {self.most_fee}, not {order.fee}.")
        return f"pay what is due of {order.cumulative} to {order.recipient}"

    def _refuse_stranger(self, payee: str, what: str) -> None:
        if payee.lower() not in {each.lower() for each in self.payees}:
            raise SignerRefusedError(f"{what} names {payee}, who is none of this seller's payees.")

    def _refuse_more_than(self, atomic: int, what: str) -> None:
        if atomic > self.each.atomic:
            raise SignerRefusedError(
                f"{what} is for at most {self.each.atomic} atomic units, not {atomic}."
            )
