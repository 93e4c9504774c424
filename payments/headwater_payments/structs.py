"""The EIP-712 structs that Headwater signs, with their type hashes pinned by tests.

Sources: EIP-3009 (transfer and receive authorizations); x402 `batch-settlement` on EVM (channel
configuration, vouchers, refunds, claim batches).
"""

from dataclasses import dataclass

from headwater_payments.address import Address
from headwater_payments.eip712 import Struct


@dataclass(frozen=True, slots=True)
class _Authorization(Struct):
    """A transfer that its payer has signed off chain; amounts in atomic units, times in seconds."""

    sender: Address
    to: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: bytes


_AUTHORIZATION_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


@dataclass(frozen=True, slots=True)
class TransferWithAuthorization(_Authorization):
    """EIP-3009: anyone may submit it; used by x402's `exact`."""

    solidity = _AUTHORIZATION_FIELDS


@dataclass(frozen=True, slots=True)
class ReceiveWithAuthorization(_Authorization):
    """EIP-3009: only the payee may submit it; used to fund a channel."""

    solidity = _AUTHORIZATION_FIELDS


@dataclass(frozen=True, slots=True)
class ChannelConfig(Struct):
    """What makes a payment channel; its EIP-712 digest is the channel's id.

    `payer_authorizer` signs vouchers, `receiver_authorizer` signs claims and refunds.
    `withdraw_delay` is in seconds, from 900 to 2,592,000.
    """

    solidity = (
        ("payer", "address"),
        ("payerAuthorizer", "address"),
        ("receiver", "address"),
        ("receiverAuthorizer", "address"),
        ("token", "address"),
        ("withdrawDelay", "uint40"),
        ("salt", "bytes32"),
    )
    payer: Address
    payer_authorizer: Address
    receiver: Address
    receiver_authorizer: Address
    token: Address
    withdraw_delay: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Voucher(Struct):
    """The payer lets the receiver claim up to a cumulative amount, in atomic units, for ever."""

    solidity = (("channelId", "bytes32"), ("maxClaimableAmount", "uint128"))
    channel_id: bytes
    max_claimable: int


@dataclass(frozen=True, slots=True)
class Refund(Struct):
    """The receiver gives unclaimed escrow back."""

    solidity = (("channelId", "bytes32"), ("nonce", "uint256"), ("amount", "uint128"))
    channel_id: bytes
    nonce: int
    amount: int


@dataclass(frozen=True, slots=True)
class ClaimEntry(Struct):
    """One channel's row in a claim: what was signed, and the cumulative total to be claimed."""

    solidity = (
        ("channelId", "bytes32"),
        ("maxClaimableAmount", "uint128"),
        ("totalClaimed", "uint128"),
    )
    channel_id: bytes
    max_claimable: int
    total_claimed: int


@dataclass(frozen=True, slots=True)
class ClaimBatch(Struct):
    """Many channels claimed at once under one signature of their receiver's authorizer."""

    solidity = (("claims", "ClaimEntry[]"),)
    nested = (ClaimEntry,)
    claims: tuple[ClaimEntry, ...]


@dataclass(frozen=True, slots=True)
class WalletSecret(Struct):
    """What a wallet signs for itself, never to show: the signature is a secret that its key can
    always make again."""

    solidity = (("purpose", "string"),)
    purpose: str
