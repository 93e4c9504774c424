"""A seller or a buyer in a process of its own that kills itself at a durable commit, for tests.

The n-th commit after the process has started is met either just before it, or just after it is
durable and before anybody has heard of it. Nothing of the product knows about this.

The processes are forked off one that has imported everything already, which takes most of the time
that a process needs to start.
"""

import os
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio

from headwater_contracts.deployments import DEVELOPMENT
from headwater_contracts.reader import ChainReader
from headwater_marketplace.chain_facilitator import ChainFacilitator
from headwater_marketplace.outbox import Outbox
from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_marketplace.seller.resume import TransferResumer
from headwater_marketplace.serving import bind, serve
from headwater_payments.amount import Amount
from headwater_wallet.database import Database
from headwater_wallet.keys import LocalSigner
from headwater_wallet.policy import simple_policy
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.wallet import open_wallet
from headwater_wallet.writers import Writer
from support.forking import forking
from support.shop import PAYEE, PRICE, USDC, application


class Mortal:
    """Such a process, seen from the test.

    Args:
        role: `seller` or `buyer`.
        told: what it has to know.
    """

    def __init__(self, role: str, **told: Any) -> None:
        forks = forking()
        self._pipe, theirs = forks.Pipe()
        self._process = forks.Process(target=live, args=(role, told, theirs), daemon=True)
        self._process.start()
        theirs.close()

    async def word(self) -> str:
        """What it says next; nothing if it has ended."""

        def hear() -> str:
            try:
                return str(self._pipe.recv()) if self._pipe.poll(60) else ""
            except EOFError:
                return ""

        return await anyio.to_thread.run_sync(hear)

    async def ended(self) -> int | None:
        """Let it end, if it has not been killed; its status."""
        self._pipe.close()
        await anyio.to_thread.run_sync(self._process.join, 60)
        return self._process.exitcode


def live(role: str, told: dict[str, Any], pipe: Connection) -> None:
    """What happens in the process."""
    anyio.run({"seller": sell, "buyer": buy}[role], told, pipe)


def arm(at: int, when: str) -> None:
    """Die at the `at`-th commit from now on; 0 never."""
    commit, seen = Writer.commit, 0

    def mortal(self: Writer, works: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcomes = commit(self, works)
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    Writer.commit = mortal  # type: ignore[method-assign]


def now() -> int:
    return int(time.time())


async def sell(told: dict[str, Any], pipe: Connection) -> None:
    """Tidy up after an earlier life, then serve until the test hangs up."""
    operator = LocalSigner(bytes.fromhex(told["key"]))
    async with (
        ChainReader.connect(told["rpc"], DEVELOPMENT.chain_id) as reader,
        Database(f"sqlite:///{told['database']}", SellerStore.metadata) as database,
    ):
        store, sender = SellerStore(database), TransactionSender(reader, operator)
        facilitator = ChainFacilitator(sender, DEVELOPMENT, now, outbox=Outbox(database))
        resumer = TransferResumer(store, facilitator, operator, facilitator)
        await Housekeeper(store, resumer, now=lambda: now() + told["later_s"]).tidy()
        offer = Offer(r"/paid/.*", Amount(PRICE, USDC), PAYEE, schemes=(told["scheme"],))
        app = PaymentMiddleware(
            application,  # type: ignore[arg-type]
            offers=[offer],
            store=store,
            signer=operator,
            facilitator=facilitator,
            chain=facilitator,
        )
        arm(told["at"], told["when"])
        async with serve(app, bind(port=told["port"])) as url:
            pipe.send(url)
            with suppress(EOFError):
                await anyio.to_thread.run_sync(pipe.recv)


async def buy(told: dict[str, Any], pipe: Connection) -> None:
    """Pay twice, and say so."""
    signer = LocalSigner(bytes.fromhex(told["key"]))
    policy = simple_policy(Amount(10 * PRICE, USDC))
    async with open_wallet(signer, policy, database=Path(told["database"])) as wallet:
        arm(told["at"], told["when"])
        async with wallet.client(timeout=60) as client:
            for _ in range(2):
                answer = await client.post(told["url"] + "/paid/x", json={"charge": 400})
                assert answer.status_code == 200, answer.text
        await wallet.budget()
    pipe.send("paid")
