"""web3's asynchronous client over this package's own HTTP connection.

web3's own provider opens aiohttp sessions, which run on asyncio alone. This one sends through
`JsonRpc`, so a chain is read on asyncio and trio alike, with one pool of connections.
"""

from typing import Any, cast

from web3 import AsyncWeb3
from web3.exceptions import ProviderConnectionError
from web3.manager import RequestManager
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from headwater_contracts.json_rpc import JsonRpc
from headwater_payments.errors import UnavailableError


class HttpxProvider(AsyncJSONBaseProvider):
    """Sends web3's requests through a `JsonRpc`.

    Requests raise `UnavailableError` where the node does not answer. Batches of web3's own
    (`web3.batch_requests()`) gather with asyncio and need its loop; `Multicall3Client` reads many
    values at once on either.
    """

    # A contract may answer a call with URLs to fetch (EIP-3668). Whoever reads a contract here has
    # not agreed to requests to hosts that the contract chooses.
    global_ccip_read_enabled = False

    def __init__(self, rpc: JsonRpc) -> None:
        super().__init__()
        self._rpc = rpc

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request; a refusal is part of the answer, as web3 expects."""
        answer = await self._rpc.exchange(method, self.encode_rpc_request(method, params))
        if not isinstance(answer, dict):
            raise self._rpc.not_a_node(method)
        return cast("RPCResponse", answer)

    async def make_batch_request(
        self, requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send many requests at once; answers in the order of the requests."""
        answer = await self._rpc.exchange("a batch", self.encode_batch_rpc_request(requests))
        if isinstance(answer, dict):
            return cast("RPCResponse", answer)
        if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
            raise self._rpc.not_a_node("a batch")
        return sorted(cast("list[RPCResponse]", answer), key=lambda row: int(row.get("id") or 0))

    async def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the node answers.

        Raises:
            ProviderConnectionError: it does not, and `show_traceback` is set.
        """
        try:
            return await super().is_connected(show_traceback)
        except UnavailableError as exc:
            if show_traceback:
                raise ProviderConnectionError(exc.message) from exc
            return False

    async def disconnect(self) -> None:
        """Close the connections."""
        await self._rpc.aclose()


_LEFT_OUT = frozenset({"ens_name_to_address", "validation"})
"""Names: an address here is an address; a payment must not go to wherever a name points just then.
Validation: it asks for the chain's id twice more with every call; a reader asks once."""


def web3_over(rpc: JsonRpc) -> AsyncWeb3[HttpxProvider]:
    """web3 over this connection, with its usual middleware but for names and validation."""
    usual = RequestManager.get_default_middleware()
    middleware = [(layer, name) for layer, name in usual if name not in _LEFT_OUT]
    return AsyncWeb3(HttpxProvider(rpc), middleware=middleware)
