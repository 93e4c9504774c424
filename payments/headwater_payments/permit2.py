"""Permit2 as x402 uses it: what a payer signs so that a spender may move any ERC-20, once.

The payer approves Permit2 for the token once, on chain. After that each signature names the token,
a ceiling, the spender, a nonce, a deadline, and a witness that binds it to its purpose.

Source: x402 `exact`, `upto` and `batch-settlement` on EVM; Permit2's `PermitWitnessTransferFrom`.
"""

from dataclasses import dataclass
from typing import Final

from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct

PERMIT2: Final = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
EXACT_PERMIT2_PROXY: Final = Address("0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
UPTO_PERMIT2_PROXY: Final = Address("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002")
PERMIT2_DEPOSIT_COLLECTOR: Final = Address("0x4020425FAf3B746C082C2f942b4E5159887B0005")

DEADLINE_BUFFER_S: Final = 6
"""A permit with less time left than this is not accepted: mining takes a few seconds."""


def permit2_domain(chain_id: int) -> Domain:
    """Permit2's EIP-712 domain on a chain; it has no version."""
    return Domain("Permit2", None, chain_id, PERMIT2)


@dataclass(frozen=True, slots=True)
class TokenPermissions(Struct):
    """The token, and the most of it that may move, in atomic units."""

    solidity = (("token", "address"), ("amount", "uint256"))
    token: Address
    amount: int


@dataclass(frozen=True, slots=True)
class ExactWitness(Struct):
    """Whom an `exact` payment is for, and from which Unix second on."""

    type_name = "Witness"
    solidity = (("to", "address"), ("validAfter", "uint256"))
    to: Address
    valid_after: int


@dataclass(frozen=True, slots=True)
class UptoWitness(Struct):
    """Whom an `upto` payment is for, who may say how much, and from which Unix second on."""

    type_name = "Witness"
    solidity = (("to", "address"), ("facilitator", "address"), ("validAfter", "uint256"))
    to: Address
    facilitator: Address
    valid_after: int


@dataclass(frozen=True, slots=True)
class DepositWitness(Struct):
    """The channel that a deposit is for."""

    solidity = (("channelId", "bytes32"),)
    channel_id: bytes


@dataclass(frozen=True, slots=True)
class _Permit(Struct):
    """A transfer that `spender` may make before `deadline`, in Unix seconds, under this nonce."""

    type_name = "PermitWitnessTransferFrom"
    permitted: TokenPermissions
    spender: Address
    nonce: int
    deadline: int


def _fields(witness: str) -> tuple[tuple[str, str], ...]:
    return (
        ("permitted", "TokenPermissions"),
        ("spender", "address"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
        ("witness", witness),
    )


@dataclass(frozen=True, slots=True)
class ExactPermit(_Permit):
    """Exactly the permitted amount moves to the witness's payee."""

    solidity = _fields("Witness")
    nested = (TokenPermissions, ExactWitness)
    witness: ExactWitness


@dataclass(frozen=True, slots=True)
class UptoPermit(_Permit):
    """At most the permitted amount moves to the witness's payee, as its facilitator says."""

    solidity = _fields("Witness")
    nested = (TokenPermissions, UptoWitness)
    witness: UptoWitness


@dataclass(frozen=True, slots=True)
class DepositPermit(_Permit):
    """Exactly the permitted amount moves into the witness's channel."""

    solidity = _fields("DepositWitness")
    nested = (TokenPermissions, DepositWitness)
    witness: DepositWitness
