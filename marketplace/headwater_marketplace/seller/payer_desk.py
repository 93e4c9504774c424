"""What a payer that has signed in is told: what it paid, and the answers that were kept.

`GET` of the lookup path lists its payments; with an id and `/answer` behind it, that payment's
answer is given again.
"""

import json

from headwater_marketplace.seller.kept_answers import Send, replay
from headwater_marketplace.seller.records import Payment
from headwater_marketplace.seller.sign_ins import SignIns
from headwater_payments.address import Address
from headwater_payments.extensions import LOOKUP_PATH
from headwater_payments.x402 import JsonObject

ANSWER = "/answer"


class PayerDesk:
    """Serves one seller's payers.

    Args:
        sign_ins: knows them.
    """

    def __init__(self, sign_ins: SignIns) -> None:
        self._sign_ins = sign_ins

    @staticmethod
    def serves(method: str, path: str) -> bool:
        """Whether a path below the lookup path is for payers that sign in."""
        return method == "GET" and (path == LOOKUP_PATH or path.endswith(ANSWER))

    async def listed(self, payer: Address) -> JsonObject:
        """What a payer paid, as JSON."""
        payments = await self._sign_ins.payments(payer)
        return {"payer": payer, "payments": [_told(payment) for payment in payments]}

    async def give_again(self, payer: Address, path: str, send: Send) -> bool:
        """Give the answer of a payment of this payer's; False where there is none to give."""
        payment_id = path.removeprefix(LOOKUP_PATH).removesuffix(ANSWER)
        kept = await self._sign_ins.kept(payer, payment_id)
        if kept is None:
            return False
        await replay(kept, send)
        return True


def _told(payment: Payment) -> JsonObject:
    receipt = None if payment.receipt is None else json.loads(payment.receipt)
    return {
        "id": payment.payment_id,
        "state": payment.state,
        "method": payment.method,
        "route": payment.route,
        "chargedAmount": str(payment.charge),
        "createdAt": payment.created_at,
        "receipt": receipt,
        "answerKept": payment.state == "charged" and payment.response is not None,
    }
