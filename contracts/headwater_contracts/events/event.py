"""Events as typed records: which log is which event, and its values as Python has them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from eth_abi.exceptions import DecodingError

from headwater_contracts.abi import AbiItem, ContractAbi
from headwater_contracts.records import Log
from headwater_payments.address import parse_address
from headwater_payments.errors import UnavailableError

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, with the log that it was read from.

    A subclass names its fields as the contract does, in Python's spelling; `from` is `sender`.
    """

    log: Log

    event_name: ClassVar[str] = ""
    """The contract's name for it where the class is called otherwise."""

    structs: ClassVar[Mapping[str, Callable[[object], object]]] = {}
    """Field → how its decoded value becomes the field's type, where the ABI's type does not say."""


E_co = TypeVar("E_co", bound=Event, covariant=True)


class EventReader(Generic[E_co]):
    """Reads the events of one contract.

    Args:
        abi: the contract's.
        kinds: a class for each event that it emits.
    """

    def __init__(self, abi: ContractAbi, kinds: Sequence[type[E_co]]) -> None:
        by_name = {kind.event_name or kind.__name__: kind for kind in kinds}
        self._abi = abi
        self._kinds = {
            topic: (item, by_name[item.name])
            for topic, item in abi.events.items()
            if item.name in by_name
        }

    def topics(self, kinds: Sequence[type[Event]] = ()) -> list[bytes]:
        """First topics of these kinds; of all kinds when none is named."""
        return [
            topic
            for topic, (_, kind) in self._kinds.items()
            if not kinds or any(issubclass(kind, wanted) for wanted in kinds)
        ]

    def decode(self, log: Log) -> E_co | None:
        """The event of a log, or None when it is none of this contract's.

        Raises:
            UnavailableError: the log has an event's name and not its shape.
        """
        found = self._kinds.get(log.topics[0]) if log.topics else None
        if found is None:
            return None
        item, kind = found
        try:
            decoded = self._abi.decode_event(log.topics, log.data)
        except (DecodingError, ValueError) as exc:
            raise UnavailableError(
                f"A log of {log.address} is called {item.name} and does not read as one.",
                transaction=log.transaction_hash,
                index=log.index,
            ) from exc
        values = decoded[1] if decoded is not None else {}
        return kind(log=log, **_fields(item, kind, values))


def field_name(abi_name: str) -> str:
    """A parameter's name as the field is called."""
    return "sender" if abi_name == "from" else _CAPITAL.sub("_", abi_name).lower().lstrip("_")


def _fields(item: AbiItem, kind: type[Event], values: Mapping[str, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, abi_type in zip(item.input_names, item.inputs, strict=True):
        field = field_name(name)
        if field in kind.structs:
            fields[field] = kind.structs[field](values[name])
        elif abi_type == "address":
            fields[field] = parse_address(str(values[name]))
        else:
            fields[field] = values[name]
    return fields
