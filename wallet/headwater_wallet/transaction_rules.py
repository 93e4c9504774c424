"""Which transactions a signer in a process of its own signs: named calls of known contracts.

A transaction is decoded down to the arguments of the function that it calls, and must be what those
encode to. It carries no coin, and all fees together have a limit: that is what somebody who asks
for senseless ones can burn.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater_contracts.abi import ContractAbi
from headwater_contracts.artifacts import load_artifact
from headwater_payments.address import Address, parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.channels import BATCH_SETTLEMENT
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.permit2 import EXACT_PERMIT2_PROXY, PERMIT2, UPTO_PERMIT2_PROXY
from headwater_payments.x402 import JsonObject
from headwater_wallet.errors import SignerRefusedError

_NUMBERS: Final = (
    *("type", "chainId", "nonce", "value", "gas"),
    *("maxFeePerGas", "maxPriorityFeePerGas"),
)
_MEMBERS: Final = {*_NUMBERS, "to", "data"}


@dataclass(frozen=True, slots=True)
class AllowedCalls:
    """Functions of one contract, by the name of its artifact; each by name or full signature."""

    contract: str
    functions: Collection[str]


@dataclass(frozen=True, slots=True)
class TransactionRules:
    """Limits of one account's transactions.

    Args:
        chain_id: the only chain.
        calls: what may be called, by address.
        most_fee_wei: the most that all transactions together may cost in fees.
        each_fee_wei: the most that one may; None for `most_fee_wei`.
    """

    chain_id: int
    calls: Mapping[Address, AllowedCalls]
    most_fee_wei: int
    each_fee_wei: int | None = None

    def check(self, fields: Mapping[str, Any], taken_wei: int) -> tuple[int, str]:
        """Decide about a transaction.

        Args:
            fields: as `transaction_from_json` gives them.
            taken_wei: what was signed away in fees before.

        Returns:
            The wei that it may cost, and what it does in words.

        Raises:
            SignerRefusedError: it is not allowed.
        """
        if (fields["type"], fields["chainId"]) != (2, self.chain_id):
            raise SignerRefusedError(f"Only transactions of type 2 on chain {self.chain_id}.")
        if fields["value"]:
            raise SignerRefusedError("This signer sends no coin.")
        to = Address(fields["to"])
        allowed = self.calls.get(to)
        if allowed is None:
            raise SignerRefusedError(f"{to} is no contract that this signer calls.")
        words = _named(load_artifact(allowed.contract).abi, allowed, parse_hex(fields["data"]))
        fee = fields["gas"] * fields["maxFeePerGas"]
        most, left = self.each_fee_wei or self.most_fee_wei, self.most_fee_wei - taken_wei
        if fee > min(most, left):
            raise SignerRefusedError(
                f"It may cost {fee} wei, where one may cost {most} and {left} are left.",
                needed=str(fee),
                left=str(left),
            )
        return fee, f"call {words} of {allowed.contract} for at most {fee} wei"


def x402_calls(token: Address) -> dict[Address, AllowedCalls]:
    """What sellers, facilitators and withdrawing buyers call: all moves money as was signed.

    Of the token that is other people's signed transfers, and the approval of Permit2. Giving escrow
    back without the payer's asking is not among them.
    """
    channels = (
        *("deposit", "claim", "claimWithSignature", "settle"),
        *("initiateWithdraw", "finalizeWithdraw", "multicall"),
    )
    moves = (
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
        "approve",
    )
    proxied = ("settle", "settleWithPermit")
    return {
        BATCH_SETTLEMENT: AllowedCalls("BatchSettlement", channels),
        token: AllowedCalls("SettlementToken", moves),
        PERMIT2: AllowedCalls("Permit2", ("invalidateUnorderedNonces",)),
        EXACT_PERMIT2_PROXY: AllowedCalls("ExactPermit2Proxy", proxied),
        UPTO_PERMIT2_PROXY: AllowedCalls("UptoPermit2Proxy", proxied),
    }


def transaction_to_json(fields: Mapping[str, Any]) -> JsonObject:
    """A transaction of EIP-1559 as a question carries it; numbers are decimal strings.

    Raises:
        InvalidInputError: a member is missing or malformed.
    """
    try:
        to, data = fields["to"], fields["data"]
        return {
            **{name: str(int(fields[name])) for name in _NUMBERS},
            "to": parse_address(to if isinstance(to, str) else to_hex(bytes(to))),
            "data": data if isinstance(data, str) else to_hex(bytes(data)),
        }
    except (KeyError, TypeError, ValueError) as exc:
        raise InvalidInputError("The transaction is not one of EIP-1559.") from exc


def transaction_from_json(body: object) -> dict[str, Any]:
    """What `transaction_to_json` wrote, in the form that a signer takes.

    Raises:
        InvalidInputError: malformed, or more than was asked for, such as an access list.
    """
    if not isinstance(body, dict) or set(body) != _MEMBERS:
        raise InvalidInputError(f"A transaction has the members {', '.join(sorted(_MEMBERS))}.")
    numbers = {name: parse_atomic(body[name], maximum=2**256 - 1) for name in _NUMBERS}
    data = to_hex(parse_hex(body["data"]))
    return {**numbers, "to": parse_address(body["to"]), "data": data}


def _named(abi: ContractAbi, allowed: AllowedCalls, data: bytes, *, inner: bool = False) -> str:
    """The name of the allowed function that is called, and of those within a `multicall`."""
    for function in allowed.functions:
        arguments = abi.decode_call(function, data)
        if arguments is None:
            continue
        if abi.encode_call(function, *arguments) != data:
            raise SignerRefusedError("The call has more in it than its arguments.")
        name = function.partition("(")[0]
        if name == "approve" and parse_address(str(arguments[0])) != PERMIT2:
            raise SignerRefusedError(f"This signer approves Permit2 only, not {arguments[0]}.")
        if name != "multicall":
            return name
        calls = arguments[0]
        if inner or not isinstance(calls, tuple | list):
            raise SignerRefusedError("A multicall within a multicall is not signed.")
        return f"multicall({', '.join(_named(abi, allowed, each, inner=True) for each in calls)})"
    raise SignerRefusedError(f"{to_hex(data[:4])} is no call that this signer makes.")
