"""A channel's deposit by Permit2, for tokens without EIP-3009: write, sign, read and check.

Source: x402 `batch-settlement` on EVM; error codes as in the published package.
"""

from dataclasses import dataclass

from eth_abi.abi import encode as abi_encode

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.permit2 import (
    DEADLINE_BUFFER_S,
    PERMIT2_DEPOSIT_COLLECTOR,
    DepositPermit,
    DepositWitness,
    TokenPermissions,
    permit2_domain,
)
from headwater_payments.permit2_payload import (
    Permit2PaymentError,
    member,
    parse_permit,
    permitted_to_json,
)
from headwater_payments.signing import Signer, recover
from headwater_payments.x402 import JsonObject

_PREFIX = "invalid_batch_settlement_evm_"


@dataclass(frozen=True, slots=True)
class Permit2Deposit:
    """A payer's permit for one channel, and its signature."""

    permit: DepositPermit
    signature: bytes

    @property
    def amount(self) -> int:
        """Atomic units that it brings."""
        return self.permit.permitted.amount

    def to_json(self, payer: Address) -> JsonObject:
        """The wire form."""
        permit = self.permit
        return {
            "amount": str(self.amount),
            "authorization": {
                "permit2Authorization": {
                    "from": payer,
                    "permitted": permitted_to_json(permit.permitted),
                    "spender": permit.spender,
                    "nonce": str(permit.nonce),
                    "deadline": str(permit.deadline),
                    "witness": {"channelId": to_hex(permit.witness.channel_id)},
                    "signature": to_hex(self.signature),
                }
            },
        }

    def collector_data(self) -> bytes:
        """The ABI encoding that the Permit2 deposit collector reads, without an EIP-2612 permit."""
        return abi_encode(
            ["uint256", "uint256", "bytes", "bytes"],
            [self.permit.nonce, self.permit.deadline, self.signature, b""],
        )


def parse_permit2_deposit(body: JsonObject, payer: Address) -> Permit2Deposit:
    """Read the `deposit` member of a payment.

    Raises:
        InvalidInputError: a member is missing or malformed, or the amounts or payers differ.
    """
    told = member(member(body, "authorization"), "permit2Authorization")
    permitted, spender, nonce, deadline = parse_permit(told)
    if permitted.amount != parse_atomic(body.get("amount")):
        raise InvalidInputError(
            "The deposit's permit is for another amount.",
            reason=_PREFIX + "permit2_amount_mismatch",
        )
    if parse_address(told.get("from", "")) != payer:
        raise InvalidInputError("The deposit's permit is of another payer than the channel's.")
    channel = parse_hex(member(told, "witness").get("channelId"), length=32)
    permit = DepositPermit(permitted, spender, nonce, deadline, DepositWitness(channel))
    return Permit2Deposit(permit, parse_hex(told.get("signature")))


async def sign_permit2_deposit(
    signer: Signer,
    identifier: bytes,
    token: Address,
    *,
    amount: int,
    deadline: int,
    nonce: bytes,
    chain_id: int,
) -> Permit2Deposit:
    """Sign a deposit into the channel `identifier`.

    Args:
        signer: the payer.
        identifier: the channel's id.
        token: the channel's token.
        amount: atomic units to bring.
        deadline: Unix seconds; it works until then.
        nonce: 32 random bytes.
        chain_id: where the channel is.
    """
    permit = DepositPermit(
        TokenPermissions(token, amount),
        PERMIT2_DEPOSIT_COLLECTOR,
        int.from_bytes(nonce, "big"),
        deadline,
        DepositWitness(identifier),
    )
    signature = await signer.sign_typed_data(TypedData(permit2_domain(chain_id), permit))
    return Permit2Deposit(permit, signature)


def check_permit2_deposit(
    deposit: Permit2Deposit,
    identifier: bytes,
    *,
    payer: Address,
    token: Address,
    chain_id: int,
    now: int,
) -> None:
    """Check everything about a deposit's permit that needs no chain.

    Raises:
        Permit2PaymentError: the first thing that does not hold.
        InvalidInputError: the signature is malformed.
    """
    permit = deposit.permit
    if permit.spender != PERMIT2_DEPOSIT_COLLECTOR:
        _refuse("permit2_invalid_spender", "It is signed for another spender.")
    if permit.permitted.token.lower() != token.lower():
        _refuse("token_mismatch", "It brings another token.")
    if permit.witness.channel_id != identifier:
        _refuse("channel_id_mismatch", "It is for another channel.")
    if permit.deadline < now + DEADLINE_BUFFER_S:
        _refuse("permit2_deadline_expired", "It has expired, or is about to.")
    if recover(TypedData(permit2_domain(chain_id), permit), deposit.signature) != payer:
        _refuse("permit2_invalid_signature", "Its payer did not sign it.")


def _refuse(reason: str, sentence: str) -> None:
    raise Permit2PaymentError(
        f"The deposit's permit does not hold. {sentence}", reason=_PREFIX + reason
    )
