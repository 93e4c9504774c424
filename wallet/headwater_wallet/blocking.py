"""The wallet for code that blocks: scripts, notebooks, frameworks without an event loop."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.signing import Signer
from headwater_wallet.blocking_httpx import BlockingPayingTransport
from headwater_wallet.policy import SpendPolicy
from headwater_wallet.portals import run_in
from headwater_wallet.spend_records import BudgetState, Intent
from headwater_wallet.statements import KeptStatement
from headwater_wallet.wallet import Wallet, open_wallet

_NONE: Final[Mapping[str, str]] = {}


class BlockingWallet:
    """A `Wallet` whose methods wait, for any thread; open one with `open_blocking_wallet`."""

    def __init__(self, portal: BlockingPortal, wallet: Wallet) -> None:
        self._portal, self._wallet = portal, wallet

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._wallet.address

    @property
    def policy(self) -> SpendPolicy:
        """What may be paid."""
        return self._wallet.policy

    @property
    def wallet(self) -> Wallet:
        """The wallet itself, whose methods run in `portal`."""
        return self._wallet

    @property
    def portal(self) -> BlockingPortal:
        """The event loop that the wallet lives in, for transports of one's own."""
        return self._portal

    def transport(self, inner: httpx.BaseTransport | None = None) -> BlockingPayingTransport:
        """A paying transport for an `httpx.Client` of one's own."""
        return BlockingPayingTransport(self._wallet.buyer, self._portal, inner)

    def client(self, **options: Any) -> httpx.Client:
        """An `httpx.Client` that pays; options are httpx's own. Close it before the wallet."""
        return httpx.Client(transport=self.transport(options.pop("transport", None)), **options)

    def budget(self) -> BudgetState:
        """What is left to spend, what is signed away, what was charged."""
        return run_in(self._portal, self._wallet.budget)

    def statements(self, payment_id: str | None = None) -> list[KeptStatement]:
        """What sellers signed, oldest first, as `Wallet.statements`."""
        return run_in(self._portal, self._wallet.statements, payment_id)

    def reconcile(self) -> list[Intent]:
        """Resolve every payment without an outcome, as `Wallet.reconcile`."""
        return run_in(self._portal, self._wallet.reconcile)

    def refund(self, method: str, url: str, amount: Amount | None = None) -> Amount:
        """Have a seller give escrow back at once, as `Wallet.refund`."""
        return run_in(self._portal, self._wallet.refund, method, url, amount)

    def answered_before(
        self, method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str] = _NONE
    ) -> httpx.Response:
        """What this account paid for at a seller, given again, as `Wallet.answered_before`."""

        async def ask() -> httpx.Response:
            return await self._wallet.answered_before(method, url, content=content, headers=headers)

        return run_in(self._portal, ask)

    def __repr__(self) -> str:
        return f"BlockingWallet({self.address}, budget {self.policy.budget})"


@contextmanager
def open_blocking_wallet(
    signer: Signer,
    policy: SpendPolicy,
    **options: Any,
) -> Iterator[BlockingWallet]:
    """Open a wallet for code that blocks; it lives in an event loop of its own, in a thread.

    Args:
        signer: the account.
        policy: what it may pay.
        options: as `open_wallet` takes them; `database` is needed.

    Raises:
        UnavailableError: the database cannot be opened.
        InvalidInputError: as `open_wallet` says.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_wallet(signer, policy, **options)) as wallet,
    ):
        yield BlockingWallet(portal, wallet)
