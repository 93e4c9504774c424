"""Driving a purchase over any HTTP client: send, look at the answer, pay, send again.

Nothing here buffers a response: a stream is handed on at once, and `stream_watch` looks at it as it
passes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import anyio

from headwater_wallet.addresses import peer_of
from headwater_wallet.purchase import Purchase, unknown_outcome

PAYMENT_REQUIRED_STATUS = 402


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

    @property
    def extensions(self) -> Mapping[str, Any]:
        """What the transport tells beside the response, such as its connection."""
        ...

    async def aread(self) -> bytes:
        """Read the body to its end, so that the connection can be used again."""
        ...

    async def aclose(self) -> None:
        """Close it, read or not."""
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
                answer = await send(extra or purchase.asking_headers)
            except broken:
                if not (paid and send_again and purchase.repeatable):
                    raise
                send_again -= 1
                purchase.may_have_arrived = True
                continue
            try:
                # A connection that is closed tells its address no more.
                told, peer = b"", peer_of(answer.extensions)
                if answer.status_code == PAYMENT_REQUIRED_STATUS:
                    # Before anything is signed: if this body breaks off, no payment hangs on it.
                    told = await answer.aread()
                again = await purchase.answered(answer.status_code, answer.headers, told, peer=peer)
            except BaseException:
                # Nobody else will: an open answer holds its connection, and its handler.
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
                raise
            if again is None:
                purchase.awaits_answer = False
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


__all__ = ["PAYMENT_REQUIRED_STATUS", "Answer", "exchange"]
