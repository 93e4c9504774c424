"""Metering receipts: what a seller signs about each paid request, and anybody can check later."""

from dataclasses import dataclass

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import recover
from headwater_payments.x402 import JsonObject


@dataclass(frozen=True, slots=True)
class MeteringReceipt(Struct):
    """One paid request, bound to its bytes; amounts in atomic units, `issued_at` in Unix seconds.

    `channel_id` is zero for payments outside a channel. `cumulative` is the channel's charged total
    after this request, so the receipt is funded once the chain shows that total as claimed.
    `attribution` commits to the evidence of what caused the answer; zero where there is none.
    """

    solidity = (
        ("paymentId", "bytes32"),
        ("channelId", "bytes32"),
        ("payee", "address"),
        ("requestHash", "bytes32"),
        ("responseHash", "bytes32"),
        ("cap", "uint128"),
        ("charge", "uint128"),
        ("cumulative", "uint128"),
        ("assetVersion", "bytes32"),
        ("attribution", "bytes32"),
        ("issuedAt", "uint64"),
    )
    payment_id: bytes
    channel_id: bytes
    payee: Address
    request_hash: bytes
    response_hash: bytes
    cap: int
    charge: int
    cumulative: int
    asset_version: bytes
    attribution: bytes
    issued_at: int

    def to_sign(self, chain_id: int) -> TypedData:
        """The receipt in the form that a `Signer` takes."""
        return TypedData(Domain("Headwater Metering", "1", chain_id, None), self)

    def signed_by(self, signature: bytes, chain_id: int) -> Address:
        """The account that signed the receipt.

        Raises:
            InvalidInputError: the signature is malformed.
        """
        return recover(self.to_sign(chain_id), signature)


def receipt_to_json(receipt: MeteringReceipt, signature: bytes) -> JsonObject:
    """The receipt and its signature as JSON; integers as decimal strings."""
    body: JsonObject = {
        key: str(value) if isinstance(value, int) else value
        for key, value in receipt.message().items()
    }
    return {**body, "signature": to_hex(signature)}


def parse_receipt(body: JsonObject) -> tuple[MeteringReceipt, bytes]:
    """Read what `receipt_to_json` wrote.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """

    def word(name: str) -> bytes:
        return parse_hex(body.get(name), length=32)

    receipt = MeteringReceipt(
        payment_id=word("paymentId"),
        channel_id=word("channelId"),
        payee=parse_address(body.get("payee", "")),
        request_hash=word("requestHash"),
        response_hash=word("responseHash"),
        cap=parse_atomic(body.get("cap")),
        charge=parse_atomic(body.get("charge")),
        cumulative=parse_atomic(body.get("cumulative")),
        asset_version=word("assetVersion"),
        attribution=word("attribution"),
        issued_at=parse_atomic(body.get("issuedAt"), maximum=2**64 - 1),
    )
    return receipt, parse_hex(body.get("signature"), length=65)
