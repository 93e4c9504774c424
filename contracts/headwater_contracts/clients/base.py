"""What every contract client shares: an address, a reader, and the ABI between them."""

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.calls import Call
from headwater_contracts.reader import BlockName, ChainReader
from headwater_payments.address import Address, parse_address


class ContractClient:
    """Reads one contract and builds calls to it. It never sends anything.

    Args:
        reader: the chain.
        address: where the contract is.

    Raises:
        InvalidInputError: not an address.
    """

    contract: str
    """The artifact's name; set by each client."""

    def __init__(self, reader: ChainReader, address: str) -> None:
        self._reader = reader
        self._address = parse_address(address)
        self._abi = load_artifact(self.contract).abi

    @property
    def address(self) -> Address:
        """Where the contract is."""
        return self._address

    @property
    def reader(self) -> ChainReader:
        """The chain it is read from."""
        return self._reader

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
