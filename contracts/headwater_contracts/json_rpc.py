"""JSON-RPC 2.0 over HTTP: one request, one answer, and errors that say whose move it is.

Plain httpx rather than web3's asynchronous provider, which runs on asyncio alone and takes several
times as long to import.
"""

import itertools
from typing import Final

import httpx

from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError

_TIMEOUT_S: Final = 30.0


class RpcError(HeadwaterError):
    """The node answered with an error; `data` holds revert bytes where a call reverted."""

    code = "chain_rpc_error"
    http_status = 502

    def __init__(self, message: str, *, rpc_code: int, data: bytes | None = None) -> None:
        super().__init__(message, rpc_code=rpc_code)
        self.rpc_code = rpc_code
        self.data = data


class JsonRpc:
    """A connection to one node, kept open between requests.

    Args:
        url: http or https.
        transport: replaces the network in tests.

    Raises:
        InvalidInputError: not an http or https URL.
    """

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInputError(
                f"{url!r} is not a chain's URL: it starts with http:// or https://.", url=url
            )
        self.url = url
        self._client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S, trust_env=False)
        self._ids = itertools.count(1)

    async def request(self, method: str, *params: object) -> object:
        """Ask the node.

        Raises:
            UnavailableError: it did not answer, or not with JSON-RPC. A transaction that was being
                sent may or may not have arrived: look it up by its hash.
            RpcError: it refused.
        """
        body = {
            "jsonrpc": "2.0",
            "id": next(self._ids),
            "method": method,
            "params": list(params),
        }
        try:
            response = await self._client.post(self.url, json=body)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise UnavailableError(
                f"The chain at {self.url} did not answer {method}: {exc or type(exc).__name__}.",
                url=self.url,
                method=method,
            ) from exc
        return self._result(method, answer)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _result(self, method: str, answer: object) -> object:
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise UnavailableError(
                f"What answers at {self.url} does not speak JSON-RPC.", url=self.url, method=method
            )
        error = answer.get("error")
        if error is None:
            result: object = answer.get("result")
            return result
        if not isinstance(error, dict):
            raise RpcError(f"{method} was refused: {error}", rpc_code=0)
        raise RpcError(
            f"{method} was refused: {error.get('message', 'no reason given')}",
            rpc_code=int(error.get("code", 0)),
            data=_revert_data(error.get("data")),
        )


def _revert_data(data: object) -> bytes | None:
    """The bytes a call reverted with; some nodes nest them one level deeper."""
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    return None
