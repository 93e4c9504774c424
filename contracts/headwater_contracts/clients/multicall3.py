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
    """Reads and batches with `aggregate3`."""

    contract = "Multicall3"

    async def read(self, calls: Sequence[Call]) -> list[CallResult]:
        """Run calls on one and the same block; each may fail by itself."""
        if not calls:
            return []
        rows = [(call.to, True, call.data) for call in calls]
        (results,) = await self._view("aggregate3", rows)
        return [
            CallResult(bool(success), as_bytes(data))
            for success, data in (as_tuple(row) for row in as_tuple(results))
        ]

    def batch(self, calls: Sequence[Call], description: str) -> Call:
        """One transaction of calls that anyone may make: the called contracts see this one as the
        sender. All of them succeed or none; `read` says beforehand which would be refused.
        """
        # Were a failure allowed, estimating the gas would find an amount at which calls fail.
        rows = [(call.to, False, call.data) for call in calls]
        return self._build(description, "aggregate3", rows)

    async def coin_balance(self, account: Address) -> int:
        """Wei of the chain's own coin."""
        return await self._view_int("getEthBalance", parse_address(account))

    async def block_timestamp(self) -> int:
        """The latest block's time, unix seconds."""
        return await self._view_int("getCurrentBlockTimestamp")
