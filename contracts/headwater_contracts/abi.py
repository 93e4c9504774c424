"""A contract's ABI as functions that encode and decode: calls, results, events, errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.crypto import keccak

from headwater_payments.errors import HeadwaterError, InvalidInputError


class WrongContractError(HeadwaterError):
    """Another contract than the one expected, or none, stands at an address; nothing was sent."""

    code = "wrong_contract"
    http_status = 409


AbiEntry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AbiItem:
    """One function, event or error: its name and the types of what goes in and comes out."""

    name: str
    inputs: tuple[str, ...]
    input_names: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    indexed: tuple[bool, ...] = ()

    @property
    def signature(self) -> str:
        """The canonical form that is hashed, as in `transfer(address,uint256)`."""
        return f"{self.name}({','.join(self.inputs)})"

    @property
    def topic(self) -> bytes:
        """keccak256 of the signature: an event's first topic; its first 4 bytes are a selector."""
        return keccak(text=self.signature)


class ContractAbi:
    """Encodes and decodes for one contract.

    Args:
        entries: the ABI as the compiler writes it.
    """

    def __init__(self, entries: Sequence[AbiEntry]) -> None:
        self.entries = tuple(entries)

    @cached_property
    def functions(self) -> Mapping[str, AbiItem]:
        """By canonical signature, and by plain name where that is unambiguous."""
        items = [_item(entry) for entry in self.entries if entry["type"] == "function"]
        by_name: dict[str, list[AbiItem]] = {}
        for item in items:
            by_name.setdefault(item.name, []).append(item)
        unique = {name: found[0] for name, found in by_name.items() if len(found) == 1}
        return unique | {item.signature: item for item in items}

    @cached_property
    def events(self) -> Mapping[bytes, AbiItem]:
        """By first topic."""
        items = [_item(entry) for entry in self.entries if entry["type"] == "event"]
        return {item.topic: item for item in items}

    @cached_property
    def errors(self) -> Mapping[bytes, AbiItem]:
        """By selector."""
        items = [_item(entry) for entry in self.entries if entry["type"] == "error"]
        return {item.topic[:4]: item for item in items}

    def encode_call(self, function: str, *arguments: object) -> bytes:
        """Selector and arguments.

        Args:
            function: a name, or a canonical signature where the name is overloaded.

        Raises:
            InvalidInputError: an argument does not fit its type.
        """
        item = self.functions[function]
        try:
            return item.topic[:4] + encode(item.inputs, arguments)
        except (EncodingError, TypeError, ValueError) as exc:
            raise InvalidInputError(
                f"An argument of {item.signature} does not fit its type: {exc}.", function=function
            ) from exc

    def decode_call(self, function: str, data: bytes) -> tuple[object, ...] | None:
        """The arguments of a call as `encode_call` makes it; None for a call of something else."""
        item = self.functions[function]
        if data[:4] != item.topic[:4]:
            return None
        try:
            return tuple(decode(item.inputs, data[4:]))
        except DecodingError:
            return None

    def decode_result(self, function: str, data: bytes) -> tuple[object, ...]:
        """What a call returned.

        Raises:
            WrongContractError: the bytes are not this function's result: another contract, or none,
                stands at the address.
        """
        item = self.functions[function]
        try:
            return tuple(decode(item.outputs, data))
        except DecodingError as exc:
            raise WrongContractError(
                f"{item.name} returned {len(data)} bytes that do not decode: another contract, "
                "or none, is at that address.",
                function=function,
            ) from exc

    def decode_event(
        self, topics: Sequence[bytes], data: bytes
    ) -> tuple[str, dict[str, object]] | None:
        """An event's name and arguments, or None when it is not one of this contract's."""
        item = self.events.get(topics[0]) if topics else None
        if item is None:
            return None
        flags = list(zip(item.inputs, item.input_names, item.indexed, strict=True))
        plain = [(kind, name) for kind, name, indexed in flags if not indexed]
        keyed = [(kind, name) for kind, name, indexed in flags if indexed]
        values = decode([kind for kind, _ in plain], data)
        arguments = dict(zip([name for _, name in plain], values, strict=True))
        for (kind, name), topic in zip(keyed, topics[1:], strict=True):
            # Of text, bytes, arrays and structs a topic holds the keccak256 only.
            hashed = kind in ("string", "bytes") or kind.endswith(("]", ")"))
            (arguments[name],) = (bytes(topic),) if hashed else decode([kind], topic)
        return item.name, {name: arguments[name] for name in item.input_names}

    def decode_error(self, data: bytes) -> tuple[str, dict[str, object]] | None:
        """A custom error's name and arguments, or None when it is not one of this contract's."""
        item = self.errors.get(data[:4])
        if item is None:
            return None
        try:
            values = decode(item.inputs, data[4:])
        except DecodingError:
            return None
        return item.name, dict(zip(item.input_names, values, strict=True))


def _item(entry: AbiEntry) -> AbiItem:
    inputs = _parameters(entry.get("inputs"))
    return AbiItem(
        name=str(entry["name"]),
        inputs=tuple(_canonical_type(p) for p in inputs),
        input_names=tuple(str(p.get("name") or f"argument{i}") for i, p in enumerate(inputs)),
        outputs=tuple(_canonical_type(p) for p in _parameters(entry.get("outputs"))),
        indexed=tuple(bool(p.get("indexed", False)) for p in inputs),
    )


def _parameters(value: object) -> list[AbiEntry]:
    return list(value) if isinstance(value, list) else []


def _canonical_type(parameter: AbiEntry) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_canonical_type(p) for p in _parameters(parameter["components"]))
    return f"({inner}){kind.removeprefix('tuple')}"
