"""Parameters of JSON-RPC requests read with their types, and the errors that malformed ones get."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from headwater_contracts.chains.evm import EvmChain
from headwater_contracts.chains.evm_records import CallMessage

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
REVERTED = 3

_QUANTITY = re.compile("0x[0-9a-fA-F]{1,100}")


class RpcFault(Exception):  # noqa: N818 - an answer, not a failure of this program
    """An error answer: its code, its message and its data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs `eth_getLogs` asks for; an empty choice matches everything."""

    first: int
    last: int
    addresses: frozenset[bytes]
    topics: Sequence[frozenset[bytes]]

    def matches(self, address: bytes, topics: Sequence[bytes]) -> bool:
        """Whether a log of this address and these topics is asked for."""
        if self.addresses and address not in self.addresses:
            return False
        if len(topics) < len(self.topics):
            return False
        pairs = zip(topics, self.topics, strict=False)
        return all(not wanted or topic in wanted for topic, wanted in pairs)


class Params:
    """The parameters of one request, read with their types."""

    def __init__(self, values: list[object], chain: EvmChain) -> None:
        self._values = values
        self._chain = chain

    def has(self, index: int) -> bool:
        """Whether the parameter is there and not null."""
        return index < len(self._values) and self._values[index] is not None

    def value(self, index: int) -> object:
        """The parameter as it came, or None."""
        return self._values[index] if self.has(index) else None

    def flag(self, index: int) -> bool:
        """A boolean, false when left out."""
        return self.has(index) and self._values[index] is True

    def items(self, index: int) -> list[object]:
        """A list."""
        value = self.value(index)
        if not isinstance(value, list):
            raise RpcFault(INVALID_PARAMS, f"parameter {index} must be a list")
        return value

    def quantity(self, index: int, bits: int = 256) -> int:
        """An unsigned integer of so many bits."""
        return _quantity(self.value(index), f"parameter {index}", bits)

    def data(self, index: int) -> bytes:
        """Bytes of any length."""
        return _data(self.value(index), f"parameter {index}")

    def address(self, index: int) -> bytes:
        """20 bytes."""
        return _address(self.value(index), f"parameter {index}")

    def block(self, index: int) -> int:
        """A block by number, name or EIP-1898 object, as its number; the latest when left out."""
        return self._block_number(self.value(index))

    def message(self, index: int) -> CallMessage:
        """An unsigned call."""
        fields = self._fields(index)
        data = fields.get("input", fields.get("data"))
        return CallMessage(
            sender=_address(fields["from"], "from") if fields.get("from") else bytes(20),
            to=_address(fields["to"], "to") if fields.get("to") else b"",
            data=_data(data, "data") if data is not None else b"",
            value=_quantity(fields.get("value", "0x0"), "value"),
            gas=_quantity(fields["gas"], "gas", 64) if fields.get("gas") else None,
        )

    def log_filter(self, index: int) -> LogFilter:
        """A filter of logs."""
        fields = self._fields(index)
        if fields.get("blockHash") is not None:
            block = self._chain.block_by_hash(_data(fields["blockHash"], "blockHash"))
            if block is None:
                raise RpcFault(SERVER_ERROR, "unknown block")
            first = last = int(block.header.block_number)
        else:
            first = self._block_number(fields.get("fromBlock"))
            last = min(self._block_number(fields.get("toBlock")), self._chain.height)
        addresses = fields.get("address") or []
        listed = addresses if isinstance(addresses, list) else [addresses]
        topics = fields.get("topics") or []
        if not isinstance(topics, list):
            raise RpcFault(INVALID_PARAMS, "topics must be a list")
        return LogFilter(
            first,
            last,
            frozenset(_address(a, "address") for a in listed),
            [_topic_choices(topic) for topic in topics],
        )

    def _fields(self, index: int) -> dict[str, object]:
        value = self.value(index)
        if not isinstance(value, dict):
            raise RpcFault(INVALID_PARAMS, f"parameter {index} must be an object")
        return cast("dict[str, object]", value)

    def _block_number(self, value: object) -> int:
        if value in (None, "latest", "pending", "safe", "finalized"):
            return self._chain.height
        if value == "earliest":
            return 0
        if isinstance(value, dict):
            return self._block_of_object(cast("dict[str, object]", value))
        number = _quantity(value, "block")
        if self._chain.block(number) is None:
            raise RpcFault(SERVER_ERROR, f"block {number} has not been mined")
        return number

    def _block_of_object(self, value: dict[str, object]) -> int:
        """EIP-1898: a block named by number or hash inside an object."""
        if "blockHash" not in value:
            return self._block_number(value.get("blockNumber"))
        block = self._chain.block_by_hash(_data(value["blockHash"], "blockHash"))
        if block is None:
            raise RpcFault(SERVER_ERROR, "unknown block")
        return int(block.header.block_number)


def _topic_choices(topic: object) -> frozenset[bytes]:
    if topic is None:
        return frozenset()
    choices = topic if isinstance(topic, list) else [topic]
    return frozenset(_data(choice, "topic") for choice in choices)


def _quantity(value: object, name: str, bits: int = 256) -> int:
    number = value
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        number = int(value, 16)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << bits:
        raise RpcFault(
            INVALID_PARAMS,
            f"{name} must be a 0x-prefixed quantity of {bits} bits, not {repr(value)[:80]}",
        )
    return number


def _data(value: object, name: str) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise RpcFault(INVALID_PARAMS, f"{name} must be 0x-prefixed bytes")


def _address(value: object, name: str) -> bytes:
    address = _data(value, name)
    if len(address) != 20:
        raise RpcFault(INVALID_PARAMS, f"{name} must be an address of 20 bytes")
    return address
