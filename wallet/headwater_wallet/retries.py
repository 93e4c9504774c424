"""Knowing a client library's own retry for what it is, where it bears no key of its own.

The OpenAI and Anthropic libraries send a request again after an error or a time-out, with nothing
in it that names the first but a count of retries. Such a retry is the same payment as the attempt
that failed: the same request, of this wallet, still without an outcome.

Source: the header `x-stainless-retry-count` of libraries that Stainless generates.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headwater_wallet.purchase import Purchase

RETRY_COUNT: Final = "x-stainless-retry-count"
MAX_REQUESTS: Final = 1_024
"""Different requests whose attempts are remembered."""

Attempt = tuple[str, str, bytes]


class Attempts:
    """Attempts of requests that count their retries, as long as they have no outcome."""

    def __init__(self) -> None:
        self._tried: dict[Attempt, list[Purchase]] = {}

    def failed_before(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> "Purchase | None":
        """The attempt that this request repeats; None where it is the first, or counts nothing."""
        count = retries_of(headers)
        if not count:
            return None
        tried = self._tried.get(_named(method, url, body), [])
        open_ones = [each for each in tried if not each.under_way and not _settled(each)]
        return open_ones[-1] if open_ones else None

    def note(
        self, purchase: "Purchase", method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Remember an attempt, where the request counts its retries."""
        if retries_of(headers) is None:
            return
        named = _named(method, url, body)
        tried = [each for each in self._tried.pop(named, []) if not _settled(each)]
        self._tried[named] = [*tried, purchase]
        if len(self._tried) > MAX_REQUESTS:
            self._tried.pop(next(iter(self._tried)))


def retries_of(headers: Mapping[str, str]) -> int | None:
    """How often a request says that it was sent before; None where it does not count."""
    told = next((v for k, v in headers.items() if k.lower() == RETRY_COUNT), "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None


def _named(method: str, url: str, body: bytes) -> Attempt:
    return method, url, hashlib.sha256(body).digest()


def _settled(purchase: "Purchase") -> bool:
    return purchase.intent is not None and purchase.intent.state == "settled"
