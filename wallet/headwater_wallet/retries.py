"""Knowing a client library's own retry for what it is, where it bears no key of its own.

The OpenAI and Anthropic libraries send a request again after an error or a time-out, with nothing
in it that names the first but a count of retries. Such a retry is the same payment as the attempt
that failed: the same request, under the same budget, over and still without an outcome. Where
several such requests failed, each of their retries is another one's payment.

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

Attempt = tuple[str, str, str, bytes]


class Attempts:
    """Attempts of requests that count their retries, as long as they have no outcome."""

    def __init__(self) -> None:
        self._tried: dict[Attempt, list[Purchase]] = {}

    def take_failed(
        self, budget: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> "Purchase | None":
        """The attempt that this request repeats; None where it is the first, or counts nothing.

        It is given to one retry only, which is then the payment's latest attempt.
        """
        if not retries_of(headers):
            return None
        tried = self._tried.get(_named(budget, method, url, body), [])
        found = next((each for each in reversed(tried) if _failed(each)), None)
        if found is not None:
            tried.remove(found)
        return found

    def note(
        self,
        purchase: "Purchase",
        budget: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Remember an attempt, where the request counts its retries."""
        if retries_of(headers) is None:
            return
        named = _named(budget, method, url, body)
        tried = [each for each in self._tried.pop(named, []) if not _settled(each)]
        self._tried[named] = [*tried, purchase]
        if len(self._tried) > MAX_REQUESTS:
            self._tried.pop(next(iter(self._tried)))


def retries_of(headers: Mapping[str, str]) -> int | None:
    """How often a request says that it was sent before; None where it does not count."""
    told = next((v for k, v in headers.items() if k.lower() == RETRY_COUNT), "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None


def _named(budget: str, method: str, url: str, body: bytes) -> Attempt:
    # Tasks share a wallet, and a payment belongs to the budget that it was reserved under.
    return budget, method, url, hashlib.sha256(body).digest()


def _failed(purchase: "Purchase") -> bool:
    # One whose answer is still awaited is no retry's: it may be a twin's that is paid right now.
    return not (purchase.awaits_answer or purchase.under_way or _settled(purchase))


def _settled(purchase: "Purchase") -> bool:
    return purchase.intent is not None and purchase.intent.state == "settled"
