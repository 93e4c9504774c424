"""EIP-712 typed structured data: what is signed is always a named struct, never a bare hash.

A struct class declares its fields once; type string, type hash and encoding follow from that. A
signer receives `TypedData`, so it can see what it signs.

Source: EIP-712.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar

from eth_hash.auto import keccak

from headwater_payments.address import Address, address_word
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Struct:
    """Base of EIP-712 structs.

    A subclass is a frozen dataclass whose fields stand in signing order, with `solidity` giving
    each field's name and type on chain, in the same order. On chain it is named as in Python, or
    as `type_name` says, where structs of one name differ in their members.
    """

    solidity: ClassVar[tuple[tuple[str, str], ...]]
    nested: ClassVar[tuple[type["Struct"], ...]] = ()
    type_name: ClassVar[str | None] = None

    @classmethod
    def type_string(cls) -> str:
        """The `encodeType` of EIP-712, referenced structs appended in alphabetical order."""
        named = cls.type_name or cls.__name__
        own = f"{named}({','.join(f'{kind} {name}' for name, kind in cls.solidity)})"
        return own + "".join(sorted(inner.type_string() for inner in cls.nested))

    def hash(self) -> bytes:
        """`hashStruct`: 32 bytes."""
        return keccak(type_hash(type(self)) + self.encode())

    def encode(self) -> bytes:
        """`encodeData` without the type hash: one 32-byte word a field.

        Raises:
            InvalidInputError: a value does not fit its Solidity type.
        """
        return b"".join(
            _encode(kind, getattr(self, attribute))
            for attribute, (_, kind) in zip(_attributes(type(self)), self.solidity, strict=True)
        )

    def message(self) -> dict[str, object]:
        """The field values under their on-chain names, as `eth_signTypedData_v4` takes them."""
        return {
            name: _plain(getattr(self, attribute))
            for attribute, (name, _) in zip(_attributes(type(self)), self.solidity, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Domain:
    """The EIP-712 domain; `version` and `verifying_contract` are left out where they are None."""

    name: str
    version: str | None
    chain_id: int
    verifying_contract: Address | None

    @property
    def separator(self) -> bytes:
        """`hashStruct(eip712Domain)`, computed once for each domain."""
        return _separator(self)


@dataclass(frozen=True, slots=True)
class TypedData:
    """One struct under one domain: all that a signer is ever asked to sign."""

    domain: Domain
    struct: Struct

    def digest(self) -> bytes:
        """The 32 bytes that the signature covers."""
        return keccak(b"\x19\x01" + self.domain.separator + self.struct.hash())


_TYPE_HASHES: dict[type[Struct], bytes] = {}
_ATTRIBUTES: dict[type[Struct], tuple[str, ...]] = {}


def type_hash(struct: type[Struct]) -> bytes:
    """keccak256 of the type string, computed once for each struct."""
    known = _TYPE_HASHES.get(struct)
    if known is None:
        known = _TYPE_HASHES[struct] = keccak(struct.type_string().encode())
    return known


@lru_cache(maxsize=4096)
def _separator(domain: Domain) -> bytes:
    present = [("name", "string"), ("version", "string"), ("chainId", "uint256")]
    words = keccak(domain.name.encode())
    if domain.version is None:
        present.remove(("version", "string"))
    else:
        words += keccak(domain.version.encode())
    words += _uint(domain.chain_id, 256)
    if domain.verifying_contract is not None:
        present.append(("verifyingContract", "address"))
        words += address_word(domain.verifying_contract)
    declared = f"EIP712Domain({','.join(f'{kind} {name}' for name, kind in present)})"
    return keccak(keccak(declared.encode()) + words)


def _attributes(struct: type[Struct]) -> tuple[str, ...]:
    known = _ATTRIBUTES.get(struct)
    if known is None:
        known = _ATTRIBUTES[struct] = tuple(field.name for field in fields(struct))
    return known


def _encode(kind: str, value: object) -> bytes:
    encoder = _ENCODERS.get(kind)
    if encoder is not None:
        return encoder(value)
    if kind.endswith("[]") and isinstance(value, tuple):
        return keccak(b"".join(item.hash() for item in value))
    if isinstance(value, Struct):
        return value.hash()
    raise InvalidInputError(f"{type(value).__name__} cannot be signed as {kind}.")


def _uint(value: object, bits: int) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise InvalidInputError(f"{value!r} is not a uint{bits}.", value=str(value), bits=bits)
    return value.to_bytes(32, "big")


def _uint_encoder(bits: int) -> Callable[[object], bytes]:
    return lambda value: _uint(value, bits)


def _bytes32(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise InvalidInputError("A bytes32 field takes exactly 32 bytes.")
    return value


def _address(value: object) -> bytes:
    if not isinstance(value, str) or len(value) != 42:
        raise InvalidInputError(f"{value!r} is not an address.")
    return address_word(value)


_ENCODERS: dict[str, Callable[[object], bytes]] = {
    "address": _address,
    "bytes32": _bytes32,
    "string": lambda value: keccak(str(value).encode()),
    "bytes": lambda value: keccak(value if isinstance(value, bytes) else b""),
    "bool": lambda value: _uint(int(bool(value)), 8),
    **{f"uint{bits}": _uint_encoder(bits) for bits in (8, 16, 32, 40, 64, 128, 256)},
}


def _plain(value: object) -> object:
    if isinstance(value, Struct):
        return value.message()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value
