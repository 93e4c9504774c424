"""Typed data as JSON and back: a struct arrives by its name and fields, never as a hash.

Only structs that are known here are read, each member by its Solidity type, so that whoever signs
knows the meaning of every byte. Integers travel as decimal strings, since JSON readers round.

Source: EIP-712; `eth_signTypedData_v4` for the names of the members.
"""

from typing import Final

from headwater_payments.address import parse_address
from headwater_payments.amount import parse_atomic
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.permit2 import DepositPermit, ExactPermit, UptoPermit
from headwater_payments.structs import (
    ReceiveWithAuthorization,
    TransferWithAuthorization,
    Voucher,
    WalletSecret,
)
from headwater_payments.x402 import JsonObject
from headwater_wallet.seller_rules import SELLER_STRUCTS

STRUCTS: Final[dict[str, type[Struct]]] = {
    struct.__name__: struct
    for struct in (
        TransferWithAuthorization,
        ReceiveWithAuthorization,
        Voucher,
        WalletSecret,
        ExactPermit,
        UptoPermit,
        DepositPermit,
        *SELLER_STRUCTS,
    )
}
"""What buyers and sellers sign."""
MAX_TEXT: Final = 2_048
"""Characters of a string member."""


def typed_to_json(typed: TypedData) -> JsonObject:
    """Typed data as an object with `primaryType`, `domain` and `message`."""
    domain, message = typed.domain, typed.struct.message()
    return {
        "primaryType": type(typed.struct).__name__,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": str(domain.chain_id),
            "verifyingContract": domain.verifying_contract,
        },
        "message": _texts(message),
    }


def typed_from_json(body: object) -> TypedData:
    """Typed data that `typed_to_json` wrote.

    Raises:
        InvalidInputError: malformed, more than was asked for, or a struct that nobody here signs.
    """
    members = _members(body, {"primaryType", "domain", "message"}, "Typed data")
    kind = members["primaryType"]
    struct = STRUCTS.get(kind) if isinstance(kind, str) else None
    if struct is None:
        raise InvalidInputError(f"{kind!r} is nothing that this wallet signs.")
    return TypedData(_domain(members["domain"]), _struct(struct, members["message"]))


def _texts(message: dict[str, object]) -> JsonObject:
    return {
        name: [_texts(each) for each in value] if isinstance(value, list) else _plain(value)
        for name, value in message.items()
    }


def _plain(value: object) -> object:
    return _texts(value) if isinstance(value, dict) else str(value)


def _struct(struct: type[Struct], body: object) -> Struct:
    fields = _members(body, {name for name, _ in struct.solidity}, struct.__name__)
    inner = {each.type_name or each.__name__: each for each in struct.nested}
    values: list[object] = []
    for name, solidity in struct.solidity:
        known = inner.get(solidity.removesuffix("[]"))
        if known is None:
            values.append(_value(solidity, fields[name]))
        elif solidity.endswith("[]"):
            values.append(_structs(known, fields[name]))
        else:
            values.append(_struct(known, fields[name]))
    return struct(*values)


def _structs(struct: type[Struct], body: object) -> tuple[Struct, ...]:
    if not isinstance(body, list):
        raise InvalidInputError(f"Several {struct.__name__} are a list.")
    return tuple(_struct(struct, each) for each in body)


def _domain(body: object) -> Domain:
    names = {"name", "version", "chainId", "verifyingContract"}
    members = _members(body, names, "The domain")
    version, contract = members["version"], members["verifyingContract"]
    return Domain(
        _text(members["name"]),
        None if version is None else _text(version),
        parse_atomic(members["chainId"], maximum=2**256 - 1),
        None if contract is None else parse_address(_text(contract)),
    )


def _members(body: object, names: set[str], what: object) -> JsonObject:
    if not isinstance(body, dict) or set(body) != names:
        raise InvalidInputError(f"{what} has the members {', '.join(sorted(names))} and no others.")
    return body


def _value(solidity: str, value: object) -> object:
    if solidity == "address":
        return parse_address(_text(value))
    if solidity == "bytes32":
        return parse_hex(_text(value), length=32)
    if solidity.startswith("uint"):
        return parse_atomic(value, maximum=2 ** int(solidity.removeprefix("uint")) - 1)
    return _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InvalidInputError(f"A member is a text of at most {MAX_TEXT} characters.")
    return value
