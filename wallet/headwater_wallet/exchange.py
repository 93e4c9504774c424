"""Driving a purchase over any HTTP client: send, look at the answer, pay, send again.

Nothing here buffers a response: a stream is handed on at once and watched as it passes for the
event that carries its receipt.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from headwater_payments.errors import InvalidInputError
from headwater_payments.extensions import RECEIPT_EVENT
from headwater_payments.json_text import read_json
from headwater_payments.x402 import SettlementResponse
from headwater_wallet.purchase import Purchase, unknown_outcome

MAX_EVENT_BYTES = 65_536
_PAYMENT_REQUIRED = 402


class Answer(Protocol):
    """The head of a response whose body has not been read."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, looked up in any letter case."""
        ...

    async def aread(self) -> bytes:
        """Read the body to its end, so that the connection can be used again."""
        ...


AnswerT = TypeVar("AnswerT", bound=Answer)


async def exchange(
    purchase: Purchase,
    send: Callable[[dict[str, str]], Awaitable[AnswerT]],
    *,
    never_left: tuple[type[Exception], ...],
    broken: tuple[type[Exception], ...],
    transport_errors: tuple[type[Exception], ...],
) -> AnswerT:
    """Send a request, paying where it is asked for; the answer's body is still to be read.

    A connection that breaks under a payment with an id is tried once more with the *same* payment:
    the seller serves it now, or answers as it did, and charges once either way.

    Args:
        purchase: the payment side of the request.
        send: sends the request with these headers added.
        never_left: errors after which nothing can have reached the seller.
        broken: errors of a connection that broke, such as one that the seller had just closed.
        transport_errors: errors after which something may have reached the seller.

    Raises:
        PaymentUnknownError: the payment left and no answer came.
        HeadwaterError: as `Purchase.answered` says.
    """
    paid = False
    send_again = 1
    try:
        extra = await purchase.first_headers()
        while True:
            paid = bool(extra)
            try:
                answer = await send(extra)
            except broken:
                if not (paid and send_again and purchase.repeatable):
                    raise
                send_again -= 1
                purchase.may_have_arrived = True
                continue
            if answer.status_code == _PAYMENT_REQUIRED:
                # Before anything is signed: if this body breaks off, no payment hangs on it.
                await answer.aread()
            again = await purchase.answered(answer.status_code, answer.headers)
            if again is None:
                return answer
            extra = again
    except never_left as exc:
        await purchase.abandon()
        await purchase.failed()
        if purchase.may_have_arrived:
            raise unknown_outcome(purchase, type(exc).__name__) from exc
        raise
    except transport_errors as exc:
        await purchase.ended()
        await purchase.failed()
        if paid:
            raise unknown_outcome(purchase, type(exc).__name__) from exc
        raise
    except BaseException:
        await purchase.ended()
        raise


class ReceiptWatch:
    """Reads a passing server-sent-event stream for its payment receipt; bytes are left as they are.

    The receipt is the stream's last event, so only the tail is kept.
    """

    def __init__(self, purchase: Purchase) -> None:
        self._purchase = purchase
        self._tail = b""

    def passed(self, chunk: bytes) -> None:
        """Note a chunk on its way to the reader."""
        self._tail = (self._tail + chunk)[-MAX_EVENT_BYTES:]

    async def ended(self) -> None:
        """The stream is over: settle what it was charged, or leave it to be reconciled.

        Raises:
            SellerMisbehavedError: the charge breaks the terms.
        """
        found = find_receipt(self._tail)
        try:
            if found is not None and self._purchase.awaits_receipt:
                await self._purchase.settled(*found)
        finally:
            await self._purchase.ended()


def find_receipt(tail: bytes) -> tuple[SettlementResponse, str | None] | None:
    """The settlement and the signed receipt in the last event of a stream, if it is one."""
    start = tail.rfind(b"event: " + RECEIPT_EVENT.encode())
    if start < 0:
        return None
    lines = tail[start:].split(b"\n")
    data = next((line[5:].strip() for line in lines if line.startswith(b"data:")), None)
    if data is None:
        return None
    try:
        body = read_json(data)
        if not isinstance(body, dict):
            return None
        settlement = SettlementResponse.from_json(body.get("settlement"))
    except InvalidInputError:
        return None
    receipt = body.get("receipt")
    return settlement, receipt if isinstance(receipt, str) else None


__all__ = [
    "Answer",
    "ReceiptWatch",
    "exchange",
    "find_receipt",
]
