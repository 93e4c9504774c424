"""What every contract client shares: an address, a reader, and the ABI between them."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.calls import Call
from headwater_contracts.events.event import Event, EventReader
from headwater_contracts.reader import BlockName, ChainReader, Log, Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

E_co = TypeVar("E_co", bound=Event, covariant=True)
_Kind = TypeVar("_Kind", bound=Event)


class ContractClient(Generic[E_co]):
    """Reads one contract and builds calls to it. It never sends anything.

    `E_co` is the union of the events that the contract emits.

    Args:
        reader: the chain.
        address: where the contract is.

    Raises:
        InvalidInputError: not an address.
    """

    contract: ClassVar[str]
    """The artifact's name; set by each client."""

    event_kinds: ClassVar[Sequence[type[Event]]] = ()
    """A class for each event that the contract emits; set by each client."""

    def __init__(self, reader: ChainReader, address: str) -> None:
        self._reader = reader
        self._address = parse_address(address)
        self._abi = load_artifact(self.contract).abi
        self._events: EventReader[E_co] = EventReader(self._abi, self.event_kinds)  # type: ignore[arg-type]

    @property
    def address(self) -> Address:
        """Where the contract is."""
        return self._address

    @property
    def reader(self) -> ChainReader:
        """The chain it is read from."""
        return self._reader

    async def events(
        self,
        from_block: BlockName,
        to_block: BlockName = "latest",
        *,
        kinds: Sequence[type[Event]] = (),
    ) -> list[E_co]:
        """What the contract recorded, in chain order.

        Args:
            from_block: the first block looked at.
            to_block: the last.
            kinds: only events of these classes; all when empty.

        Raises:
            RpcError: the node refuses so wide a range: ask for it in parts.
        """
        topics = self._events.topics(kinds)
        logs = await self._reader.logs(
            self._address, [topics], from_block=from_block, to_block=to_block
        )
        return [event for log in logs if (event := self.decode_log(log)) is not None]

    def decode_log(self, log: Log) -> E_co | None:
        """The event of a log; None for a log of another contract or of an event unknown here.

        Raises:
            UnavailableError: the log has an event's name and not its shape.
        """
        return self._events.decode(log) if log.address == self._address else None

    def _only(self, receipt: Receipt, kind: type[_Kind]) -> _Kind:
        for log in receipt.logs:
            event = self.decode_log(log)
            if isinstance(event, kind):
                return event
        raise InvalidInputError(
            f"Transaction {receipt.transaction_hash} has no {kind.__name__} of {self._address}.",
            transaction=receipt.transaction_hash,
        )

    async def _view(
        self, function: str, *arguments: object, block: BlockName = "latest"
    ) -> tuple[object, ...]:
        call = self._build(f"read {function}", function, *arguments)
        return self._abi.decode_result(function, await self._reader.call(call, block=block))

    async def _view_int(
        self, function: str, *arguments: object, block: BlockName = "latest"
    ) -> int:
        (value,) = await self._view(function, *arguments, block=block)
        return as_int(value)

    async def _view_address(self, function: str, *arguments: object) -> Address:
        (value,) = await self._view(function, *arguments)
        return as_address(value)

    def _build(self, description: str, function: str, *arguments: object) -> Call:
        return Call(self._address, self._abi.encode_call(function, *arguments), 0, description)


def as_int(value: object) -> int:
    """A decoded integer."""
    if not isinstance(value, int):
        raise TypeError(f"expected an integer, decoded {type(value).__name__}")
    return value


def as_bytes(value: object) -> bytes:
    """Decoded bytes."""
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, decoded {type(value).__name__}")
    return value


def as_address(value: object) -> Address:
    """A decoded address, checksummed."""
    return parse_address(str(value))


def as_tuple(value: object) -> tuple[object, ...]:
    """A decoded struct or array."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"expected a tuple, decoded {type(value).__name__}")
    return tuple(value)
