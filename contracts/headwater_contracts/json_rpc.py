"""JSON-RPC 2.0 over HTTP: one request, one answer, and errors that say whose move it is.

web3 sends through this connection too (`provider.py`); by itself it needs no import of web3, which
takes longer than all the rest of this package.
"""

import itertools
import json
from typing import Final

import httpx

from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.json_text import read_json
from headwater_payments.web_url import require_web_url

_TIMEOUT_S: Final = 30.0
_HEADERS: Final = {"Content-Type": "application/json"}


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
        require_web_url(url, "a chain's URL")
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
        answer = await self.exchange(method, json.dumps(body).encode())
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise self.not_a_node(method)
        error = answer.get("error")
        if error is not None:
            raise refusal(method, error)
        result: object = answer.get("result")
        return result

    async def exchange(self, method: str, body: bytes) -> object:
        """Send a body and give the decoded JSON of the answer, whatever it says.

        Args:
            method: what is asked, for errors.
            body: a request or batch as JSON.

        Raises:
            UnavailableError: no answer, or not one of JSON.
        """
        try:
            response = await self._client.post(self.url, content=body, headers=_HEADERS)
            answer: object = read_json(response.content)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, InvalidInputError) as exc:
            reason = str(exc) or type(exc).__name__
            raise UnavailableError(
                f"The chain at {self.url} did not answer {method}: {reason}.",
                url=self.url,
                method=method,
            ) from exc
        return answer

    def not_a_node(self, method: str) -> UnavailableError:
        """The error for an answer that is JSON and not JSON-RPC."""
        return UnavailableError(
            f"What answers at {self.url} does not speak JSON-RPC.", url=self.url, method=method
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def refusal(method: str, error: object) -> RpcError:
    """The exception for the `error` of an answer, however a node fills it."""
    if not isinstance(error, dict):
        return RpcError(f"{method} was refused: {error}", rpc_code=0)
    code = error.get("code")
    return RpcError(
        f"{method} was refused: {error.get('message', 'no reason given')}",
        rpc_code=code if isinstance(code, int) else 0,
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
