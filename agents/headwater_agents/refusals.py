"""Errors as an agent's model is told them: a code, a sentence, and whether trying again is safe."""

import json

from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_wallet.errors import PaymentUnknownError


def refusal(error: HeadwaterError) -> dict[str, object]:
    """The error as JSON for a tool result.

    `paid` is `no` or `unknown`. `retry` is true only where the same call may succeed later and
    cannot pay twice; after an unknown outcome it is false, because a model that tries again makes a
    new call, and a new call is a new payment.
    """
    unknown = isinstance(error, PaymentUnknownError)
    return {
        "error": error.code,
        "message": error.message,
        "paid": "unknown" if unknown else "no",
        "retry": isinstance(error, UnavailableError) and not unknown,
        "details": error.problem()["details"],
    }


def refusal_text(error: HeadwaterError) -> str:
    """`refusal` as JSON text."""
    return json.dumps(refusal(error), sort_keys=True)
