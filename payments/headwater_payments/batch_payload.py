"""The `payload` member of a `batch-settlement` payment, read from and written to the wire."""

from dataclasses import dataclass

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.channels import (
    ERC3009_DEPOSIT_COLLECTOR,
    MAX_WITHDRAW_DELAY,
    MIN_WITHDRAW_DELAY,
    deposit_nonce,
)
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.permit2_deposit import Permit2Deposit, parse_permit2_deposit
from headwater_payments.structs import ChannelConfig, ReceiveWithAuthorization
from headwater_payments.x402 import JsonObject

SCHEME = "batch-settlement"


@dataclass(frozen=True, slots=True)
class SignedVoucher:
    """A voucher and the payer authorizer's signature; `max_claimable` is cumulative."""

    channel_id: bytes
    max_claimable: int
    signature: bytes

    def to_json(self) -> JsonObject:
        """The wire form."""
        return {
            "channelId": to_hex(self.channel_id),
            "maxClaimableAmount": str(self.max_claimable),
            "signature": to_hex(self.signature),
        }


@dataclass(frozen=True, slots=True)
class Deposit:
    """An EIP-3009 authorization that funds a channel; amount in atomic units, times in seconds."""

    amount: int
    valid_after: int
    valid_before: int
    salt: int
    signature: bytes

    def to_json(self) -> JsonObject:
        """The wire form."""
        return {
            "amount": str(self.amount),
            "authorization": {
                "erc3009Authorization": {
                    "validAfter": str(self.valid_after),
                    "validBefore": str(self.valid_before),
                    "salt": to_hex(self.salt.to_bytes(32, "big")),
                    "signature": to_hex(self.signature),
                }
            },
        }


@dataclass(frozen=True, slots=True)
class BatchPayload:
    """A voucher, the channel it belongs to, and the deposit that opens or tops it up, if any."""

    config: ChannelConfig
    voucher: SignedVoucher
    deposit: Deposit | Permit2Deposit | None = None

    def to_json(self) -> JsonObject:
        """The wire form, `type` being `deposit` or `voucher`."""
        body: JsonObject = {
            "type": "voucher" if self.deposit is None else "deposit",
            "channelConfig": config_to_json(self.config),
            "voucher": self.voucher.to_json(),
        }
        if self.deposit is not None:
            deposit = self.deposit
            body["deposit"] = (
                deposit.to_json(self.config.payer)
                if isinstance(deposit, Permit2Deposit)
                else deposit.to_json()
            )
        return body


def parse_batch_payload(payload: JsonObject) -> BatchPayload:
    """Read a `deposit` or `voucher` payload.

    Raises:
        InvalidInputError: another type, or a member missing or malformed.
    """
    kind = payload.get("type")
    if kind not in ("deposit", "voucher"):
        raise InvalidInputError(f"A paid request carries a deposit or a voucher, not {kind!r}.")
    config = parse_config(_member(payload, "channelConfig"))
    deposit = _parse_deposit(_member(payload, "deposit"), config) if kind == "deposit" else None
    voucher = _member(payload, "voucher")
    return BatchPayload(
        config=config,
        voucher=SignedVoucher(
            channel_id=parse_hex(voucher.get("channelId"), length=32),
            max_claimable=parse_atomic(voucher.get("maxClaimableAmount")),
            signature=parse_hex(voucher.get("signature")),
        ),
        deposit=deposit,
    )


def parse_refund_payload(payload: JsonObject) -> tuple[BatchPayload, int | None]:
    """Read a payer's `refund` payload: its channel and voucher, and how much it wants back.

    The amount is in atomic units; None asks for all that is not charged.

    Raises:
        InvalidInputError: another type, or a member missing or malformed, or an amount of nothing.
    """
    if payload.get("type") != "refund":
        raise InvalidInputError("This is no request for a refund.")
    wanted = None if payload.get("amount") is None else parse_atomic(payload["amount"])
    if wanted == 0:
        raise InvalidInputError("A refund of nothing is none.")
    return parse_batch_payload({**payload, "type": "voucher"}), wanted


def config_to_json(config: ChannelConfig) -> JsonObject:
    """A channel configuration in the wire form."""
    return {
        "payer": config.payer,
        "payerAuthorizer": config.payer_authorizer,
        "receiver": config.receiver,
        "receiverAuthorizer": config.receiver_authorizer,
        "token": config.token,
        "withdrawDelay": config.withdraw_delay,
        "salt": to_hex(config.salt),
    }


def parse_config(body: JsonObject) -> ChannelConfig:
    """Read a channel configuration.

    Raises:
        InvalidInputError: a member is missing or malformed, or the delay is out of range.
    """
    delay = body.get("withdrawDelay")
    if isinstance(delay, str) and delay.isascii() and delay.isdigit() and len(delay) < 12:
        delay = int(delay)
    if isinstance(delay, bool) or not isinstance(delay, int):
        raise InvalidInputError("withdrawDelay is a whole number of seconds.")
    if not MIN_WITHDRAW_DELAY <= delay <= MAX_WITHDRAW_DELAY:
        raise InvalidInputError(
            f"withdrawDelay lies between {MIN_WITHDRAW_DELAY} and {MAX_WITHDRAW_DELAY} seconds, "
            f"not {delay}."
        )
    return ChannelConfig(
        payer=parse_address(body.get("payer", "")),
        payer_authorizer=parse_address(body.get("payerAuthorizer", "")),
        receiver=parse_address(body.get("receiver", "")),
        receiver_authorizer=parse_address(body.get("receiverAuthorizer", "")),
        token=parse_address(body.get("token", "")),
        withdraw_delay=delay,
        salt=parse_hex(body.get("salt"), length=32),
    )


def deposit_to_sign(
    config: ChannelConfig,
    identifier: bytes,
    token_domain: Domain,
    *,
    amount: int,
    valid_after: int,
    valid_before: int,
    salt: int,
) -> TypedData:
    """The EIP-3009 authorization by which `config.payer` funds the channel `identifier`."""
    return TypedData(
        token_domain,
        ReceiveWithAuthorization(
            sender=config.payer,
            to=ERC3009_DEPOSIT_COLLECTOR,
            value=amount,
            valid_after=valid_after,
            valid_before=valid_before,
            nonce=deposit_nonce(identifier, salt),
        ),
    )


def token_domain(extra: JsonObject, asset: Address, chain_id: int) -> Domain:
    """The token's EIP-712 domain as the payment requirements announce it in `extra`.

    Raises:
        InvalidInputError: `name` or `version` is missing.
    """
    name, version = extra.get("name"), extra.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        raise InvalidInputError("The payment terms lack the token's EIP-712 name and version.")
    return Domain(name, version, chain_id, asset)


def _parse_deposit(body: JsonObject, config: ChannelConfig) -> Deposit | Permit2Deposit:
    authorization = _member(body, "authorization")
    if "permit2Authorization" in authorization:
        return parse_permit2_deposit(body, config.payer)
    authorization = _member(authorization, "erc3009Authorization")
    return Deposit(
        amount=parse_atomic(body.get("amount")),
        valid_after=parse_atomic(authorization.get("validAfter")),
        valid_before=parse_atomic(authorization.get("validBefore")),
        salt=int.from_bytes(parse_hex(authorization.get("salt"), length=32), "big"),
        signature=parse_hex(authorization.get("signature")),
    )


def _member(body: JsonObject, name: str) -> JsonObject:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidInputError(f"The payment lacks the object {name!r}.")
    return value
