"""Asking a seller as the payer that one is: for what was paid, or for an answer once more.

Source: x402's extension `sign-in-with-x`.
"""

import httpx

from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.sign_in import SIGN_IN, SIGN_IN_HEADER, SignInSigner, message_for
from headwater_payments.signing import Signer
from headwater_payments.x402 import PAYMENT_REQUIRED, PaymentRequired
from headwater_wallet.errors import PaymentRefusedError

_PAYMENT_REQUIRED = 402


async def ask_as_payer(
    signer: Signer, http: httpx.AsyncClient, request: httpx.Request, *, network: str
) -> httpx.Response:
    """Send a request without a payment; where the seller asks who is there, sign in and repeat it.

    Nothing but a text is signed, and only one that names the site that was asked.

    Args:
        signer: the payer; it must be able to sign in.
        http: a client that does not pay.
        request: what is asked for.
        network: the chain that the account is on, in CAIP-2.

    Raises:
        InvalidInputError: the signer cannot sign in, or the seller asks for no sign-in of its own.
        PaymentRefusedError: the seller has nothing of this account's to give.
        UnavailableError: the seller does not answer.
    """
    if not isinstance(signer, SignInSigner):
        raise InvalidInputError(f"The signer of {signer.address} cannot sign in.")
    url = str(request.url)
    try:
        answer = await http.send(request)
        if answer.status_code != _PAYMENT_REQUIRED:
            return answer
        asked = PaymentRequired.from_header(answer.headers.get(PAYMENT_REQUIRED, ""))
        extension = (asked.extensions or {}).get(SIGN_IN)
        message = message_for(extension, signer.address, network, url)
        header = message.to_header(await signer.sign_in(message))
        headers = {**request.headers, SIGN_IN_HEADER: header}
        again = http.build_request(request.method, url, headers=headers, content=request.content)
        answer = await http.send(again)
    except httpx.TransportError as exc:
        raise UnavailableError(f"{url} did not answer: {type(exc).__name__}.") from exc
    if answer.status_code == _PAYMENT_REQUIRED:
        refused = PaymentRequired.from_header(answer.headers.get(PAYMENT_REQUIRED, ""))
        raise PaymentRefusedError(
            f"The seller at {request.url.host} has nothing to give {signer.address} again: "
            f"{refused.error or 'it knows of no such payment, or did not keep the answer'}.",
            reason=refused.error or "not_paid",
        )
    return answer
