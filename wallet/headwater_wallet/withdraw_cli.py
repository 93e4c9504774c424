"""`headwater wallet claims` and `withdraw`: what sellers took of the escrow, and what they left."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.hexadecimal import to_hex
from headwater_wallet.cli_support import Db, KeyFile, ledger_url, password, refusals, table

if TYPE_CHECKING:
    from headwater_wallet.withdrawals import Withdrawals


def withdraw(
    db: Db,
    keyfile: KeyFile,
    rpc: Annotated[str, typer.Option("--rpc", help="The node's URL.")],
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
    idle_days: Annotated[
        int, typer.Option("--idle-days", min=0, help="Leave channels used since then alone.")
    ] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list; send nothing.")] = False,
) -> None:
    """Ask back the escrow of idle channels, and take out what is ready; run it again later.

    A seller keeps what it charged, and has the channel's delay to claim it.
    """
    import anyio

    with refusals():
        anyio.run(_run, ledger_url(db), keyfile, rpc, chain_id, index, idle_days, dry_run)


def claims(
    db: Db,
    rpc: Annotated[str, typer.Option("--rpc", help="The node's URL.")],
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
    from_block: Annotated[int, typer.Option("--from-block", min=0, help="Where to begin.")] = 0,
) -> None:
    """Note what sellers have claimed on chain in the audit log of DB; nothing is noted twice."""
    import anyio

    with refusals():
        new = anyio.run(_note, ledger_url(db), rpc, chain_id, from_block)
    typer.echo(f"{new} claims are new.")


async def _note(url: str, rpc: str, chain_id: int, from_block: int) -> int:
    from headwater_contracts.clients.batch_settlement import BatchSettlementClient
    from headwater_contracts.reader import ChainReader
    from headwater_payments.channels import BATCH_SETTLEMENT
    from headwater_wallet.claims import ClaimWatch
    from headwater_wallet.migrations import open_ledger
    from headwater_wallet.spend_ledger import SpendLedger

    async with ChainReader.connect(rpc, chain_id) as reader, open_ledger(url) as database:
        ledger = SpendLedger(database, "default")
        contract = BatchSettlementClient(reader, BATCH_SETTLEMENT)
        return await ClaimWatch(ledger, contract, from_block=from_block).look()


async def _run(
    url: str, keyfile: Path, rpc: str, chain_id: int, index: int, idle_days: int, dry_run: bool
) -> None:
    from headwater_contracts.clients.batch_settlement import BatchSettlementClient
    from headwater_contracts.reader import ChainReader
    from headwater_payments.channels import BATCH_SETTLEMENT
    from headwater_wallet.keys import SeedKeystore
    from headwater_wallet.migrations import open_ledger
    from headwater_wallet.transactions import TransactionSender
    from headwater_wallet.withdrawals import Withdrawals

    async with (
        ChainReader.connect(rpc, chain_id) as reader,
        open_ledger(url) as database,
    ):
        signer = SeedKeystore.load(keyfile, password).signer(index)
        sender = TransactionSender(reader, signer)
        contract = BatchSettlementClient(reader, BATCH_SETTLEMENT)
        await _withdraw(Withdrawals(database, sender, contract), idle_days * 86_400, dry_run)


async def _withdraw(withdrawals: "Withdrawals", idle_s: int, dry_run: bool) -> None:
    rows: list[tuple[object, ...]] = []
    for escrow in await withdrawals.escrows(idle_s=idle_s):
        done = "-"
        if escrow.stage == "ready":
            done = "take out" if dry_run else f"took out {await withdrawals.finish(escrow)}"
        elif escrow.stage == "idle":
            done = "ask back" if dry_run else "asked back"
            if not dry_run:
                await withdrawals.start(escrow)
        name, receiver = to_hex(escrow.channel.identifier), escrow.channel.config.receiver
        rows.append((name, receiver, escrow.stage, escrow.free, escrow.ready_at or "-", done))
    table(("channel", "receiver", "stage", "free", "ready_at", "done"), rows)
