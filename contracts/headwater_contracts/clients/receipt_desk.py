"""Vaults as authorizers of their own channels: claims by receipt, and operators' signatures."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from headwater_contracts.calls import Call, require_bytes32
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.batch_settlement import VoucherClaim
from headwater_contracts.events.desk import DESK_EVENTS, DeskEvent
from headwater_payments.address import Address, parse_address
from headwater_payments.metering import MeteringReceipt
from headwater_payments.structs import ClaimBatch, Refund

_OPERATOR_CLAIM, _OPERATOR_REFUND = 0, 1


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A metering receipt, the key that signed it, and its signature."""

    receipt: MeteringReceipt
    operator: Address
    signature: bytes


class ReceiptDeskClient(ContractClient[DeskEvent]):
    """For channels whose `receiverAuthorizer` is their vault.

    They are claimed by receipts, or by the operator's signature in `operator_claim` and
    `operator_refund`.
    """

    contract = "ReceiptDesk"
    event_kinds = DESK_EVENTS

    async def operator_of(self, vault: Address) -> Address:
        """The key that serves for a vault: its host's until the host names another."""
        return await self._view_address("operatorOf", parse_address(vault))

    async def charged(self, vault: Address, channel_id: bytes) -> int:
        """The highest charge of a channel that was posted by receipt, atomic units."""
        return await self._view_int(
            "charged", parse_address(vault), require_bytes32("channel_id", channel_id)
        )

    def set_operator(self, vault: Address, operator: Address) -> Call:
        """Name the key that serves for a vault, as its host; receipts of earlier keys stay good."""
        return self._build(
            f"name {operator} the operator of {vault}",
            "setOperator",
            parse_address(vault),
            parse_address(operator),
        )

    def post_receipt(self, signed: SignedReceipt) -> Call:
        """Book what a receipt charges: no refund of its channel before that is claimed."""
        return self._build(
            "post a receipt",
            "postReceipt",
            receipt_tuple(signed.receipt),
            parse_address(signed.operator),
            signed.signature,
        )

    def claim_by_receipt(
        self, rows: Sequence[VoucherClaim], receipts: Sequence[SignedReceipt]
    ) -> Call:
        """Claim what receipts charge and sweep it to the vault; anyone may.

        Args:
            rows: the payers' vouchers; each `total_claimed` is its receipt's `cumulative`.
            receipts: one for each row.
        """
        return self._build(
            f"claim {len(rows)} channels by receipt",
            "claimByReceipt",
            [row.as_tuple() for row in rows],
            [receipt_tuple(each.receipt) for each in receipts],
            [parse_address(each.operator) for each in receipts],
            [each.signature for each in receipts],
        )


def operator_claim(batch: ClaimBatch, signature: bytes) -> bytes:
    """The vault's signature of a claim, made of its operator's over the same batch."""
    entries = [(e.channel_id, e.max_claimable, e.total_claimed) for e in batch.claims]
    body = encode(["(bytes32,uint128,uint128)[]", "bytes"], [entries, signature])
    return encode(["uint8", "bytes"], [_OPERATOR_CLAIM, body])


def operator_refund(refund: Refund, signature: bytes) -> bytes:
    """The vault's signature of a refund, made of its operator's over the same refund."""
    body = encode(
        ["bytes32", "uint256", "uint128", "bytes"],
        [refund.channel_id, refund.nonce, refund.amount, signature],
    )
    return encode(["uint8", "bytes"], [_OPERATOR_REFUND, body])


def receipt_tuple(receipt: MeteringReceipt) -> tuple[object, ...]:
    """A metering receipt in the order of the ABI."""
    return (
        receipt.payment_id,
        receipt.channel_id,
        parse_address(receipt.payee),
        receipt.request_hash,
        receipt.response_hash,
        receipt.cap,
        receipt.charge,
        receipt.cumulative,
        receipt.asset_version,
        receipt.attribution,
        receipt.issued_at,
    )
