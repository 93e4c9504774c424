"""Many reads in one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never

from headwater_contracts.calls import Call
from headwater_contracts.clients.base import ContractClient, as_bytes, as_tuple
from headwater_payments.address import Address, parse_address


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one of the calls gave: returned bytes, or revert data when it did not succeed."""

    success: bool
    data: bytes


class Multicall3Client(ContractClient[Never]):
    """Reads with `aggregate3`; every call may fail by itself."""

    contract = "Multicall3"

    async def read(self, calls: Sequence[Call]) -> list[CallResult]:
        """Run calls on one and the same block; results in the order of the calls."""
        if not calls:
            return []
        rows = [(call.to, True, call.data) for call in calls]
        (results,) = await self._view("aggregate3", rows)
        return [
            CallResult(bool(success), as_bytes(data))
            for success, data in (as_tuple(row) for row in as_tuple(results))
        ]

    async def coin_balance(self, account: Address) -> int:
        """Wei of the chain's own coin."""
        return await self._view_int("getEthBalance", parse_address(account))

    async def block_timestamp(self) -> int:
        """The latest block's time, unix seconds."""
        return await self._view_int("getCurrentBlockTimestamp")
