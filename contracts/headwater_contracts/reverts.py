"""Why a contract refused, as an exception with the contract's own name for it.

ContractRevertError       a call would fail or failed; `name` and `arguments` say why
├── TransferRefusedError  a token refused: balance, allowance or authorization
└── UnknownRevertError    the revert data is empty or not of any contract known here

Each error that a contract declares has a class of its own in `headwater_contracts.refusals`, with
its values as typed attributes: `except SumAbovePoolError as refused: refused.pool`.
"""

import re
from typing import ClassVar, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from headwater_contracts.artifacts import every_abi
from headwater_payments.address import parse_address
from headwater_payments.errors import HeadwaterError

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class ContractRevertError(HeadwaterError):
    """A contract refused a call; what the call would have changed is unchanged.

    Args:
        name: the contract's error, as in `SumAbovePool`.
        arguments: the error's values by name.
        description: what was being done.
    """

    code: ClassVar[str] = "contract_revert"
    http_status: ClassVar[int] = 409
    selector: ClassVar[bytes] = b""
    """Of a custom error: the first four bytes of its data."""
    fields: ClassVar[tuple[str, ...]] = ()
    """Of a custom error: its values' names as attributes, in their order."""

    def __init__(self, name: str, arguments: dict[str, object], *, description: str = "") -> None:
        values = ", ".join(f"{key} {_shown(value)}" for key, value in arguments.items())
        super().__init__(
            f"The contract refused{' to ' + description if description else ''}: "
            f"{_words(name)}{' (' + values + ')' if values else ''}.",
            name=name,
            arguments=arguments,
        )
        self.name = name
        self.arguments = arguments
        for field, value in zip(self.fields, arguments.values(), strict=False):
            setattr(self, field, value)


class TransferRefusedError(ContractRevertError):
    """A token refused to move units."""

    code = "transfer_refused"


class UnknownRevertError(ContractRevertError):
    """A contract failed without saying why, or in words that no contract here uses."""

    code = "unknown_revert"


TRANSFER_ERRORS: Final = frozenset(
    {
        "ERC20InsufficientBalance",
        "ERC20InsufficientAllowance",
        "ERC20InvalidReceiver",
        "ERC20InvalidSender",
        "SafeERC20FailedOperation",
    }
)
"""Custom errors by which a token, or what calls one, says that units did not move."""


_TRANSFER_REASONS = {
    "authorization is used": "AuthorizationUsed",
    "authorization is expired": "AuthorizationExpired",
    "authorization is not yet valid": "AuthorizationNotYetValid",
    "invalid signature": "InvalidSignature",
    "transfer amount exceeds balance": "InsufficientBalance",
    "transfer amount exceeds allowance": "InsufficientAllowance",
}
"""What tokens such as USDC say in words, whatever stands before it, by a name to compare."""


def revert_error(data: bytes | None, description: str = "") -> ContractRevertError:
    """The exception for a call's revert data."""
    data = data or b""
    found = every_abi().decode_error(data)
    if found is not None:
        # Read when first needed: the classes are kinds of the one above.
        from headwater_contracts.refusals import KINDS

        name, arguments = found
        types = every_abi().errors[data[:4]].inputs
        for (key, value), abi_type in zip(list(arguments.items()), types, strict=True):
            if abi_type == "address":
                arguments[key] = parse_address(str(value))
        return KINDS[data[:4]](name, arguments, description=description)
    try:
        if data[:4] == _ERROR_STRING:
            (reason,) = decode(["string"], data[4:])
            for words, known in _TRANSFER_REASONS.items():
                if words in reason:
                    return TransferRefusedError(known, {}, description=description)
            return UnknownRevertError("Error", {"reason": reason}, description=description)
        if data[:4] == _PANIC:
            (number,) = decode(["uint256"], data[4:])
            return UnknownRevertError("Panic", {"code": number}, description=description)
    except (DecodingError, UnicodeDecodeError):
        pass
    arguments = {"data": "0x" + data.hex()} if data else {}
    return UnknownRevertError("Revert", arguments, description=description)


def _words(name: str) -> str:
    return " ".join(_CAMEL.split(name)).lower() if name not in ("Error", "Panic") else name.lower()


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
