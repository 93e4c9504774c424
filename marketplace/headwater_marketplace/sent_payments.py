"""What a facilitator has sent for each payment, until the outcome is known."""

from collections.abc import Callable

from headwater_contracts.calls import Call
from headwater_contracts.reader import Receipt
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.outbox import Outbox
from headwater_wallet.errors import TransactionError, TransactionPendingError
from headwater_wallet.transactions import BeforeBroadcast, SignedTransaction, TransactionSender


class SentPayments:
    """Sends a payment's transaction and remembers it: in memory, and in the outbox if there is one.

    Args:
        sender: the account that submits.
        outbox: survives the process; None remembers within it only.
        now: Unix time in seconds.
    """

    def __init__(
        self, sender: TransactionSender, outbox: Outbox | None, now: Callable[[], int]
    ) -> None:
        self._sender, self._outbox, self._now = sender, outbox, now
        self._known: dict[str, tuple[SignedTransaction, ...]] = {}

    async def find(self, key: str) -> tuple[SignedTransaction, ...]:
        """The transaction that was sent for a payment and has no known outcome.

        All its versions; empty where there is none.
        """
        if key in self._known or self._outbox is None:
            return self._known.get(key, ())
        kept = await self._outbox.find(_purpose(key), self._sender.address)
        return tuple(each for each in kept if each.nonce == kept[-1].nonce)

    async def outcome(self, key: str, versions: tuple[SignedTransaction, ...]) -> Receipt | None:
        """What became of what was sent for a payment, as `TransactionSender.outcome` finds it."""
        return await self._sender.outcome(*versions, before_broadcast=self._remember(key))

    async def none_under_way(self, key: str) -> bool:
        """Whether surely nothing that was sent for a payment, from any account, is to be mined."""
        if key in self._known or self._outbox is None:
            return False
        return not await self._outbox.holds(_purpose(key))

    async def send(self, key: str, call: Call) -> Receipt:
        """Send a payment's transaction, remembered from before it leaves until it is mined.

        Raises:
            ContractRevertError: the contract refuses; it is forgotten.
            TransactionPendingError: it left, or may have, and is not mined yet; it is remembered.
            TransactionError: the node refuses it, or it was mined and failed; it is forgotten.
            UnavailableError: the chain does not answer, and nothing has left.
            HeadwaterError: anything else that `TransactionSender.send` raises; nothing has left.
        """
        try:
            receipt = await self._sender.send(call, before_broadcast=self._remember(key))
        except TransactionPendingError:
            raise
        except (ContractRevertError, TransactionError):
            await self.forget(key)
            raise
        await self.forget(key)
        return receipt

    async def forget(self, key: str) -> None:
        """Its outcome has been told."""
        versions = await self.find(key)
        self._known.pop(key, None)
        if self._outbox is not None and versions:
            await self._outbox.forget(*(each.transaction_hash for each in versions))

    def _remember(self, key: str) -> BeforeBroadcast:
        async def remember(signed: SignedTransaction) -> None:
            known = await self.find(key)
            if self._outbox is not None:
                await self._outbox.write(_purpose(key), self._sender.address, signed, self._now())
            same = tuple(each for each in known if each.nonce == signed.nonce)
            self._known[key] = (*same, signed)

        return remember


def _purpose(key: str) -> str:
    return f"payment:{key}"
