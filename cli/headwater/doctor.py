"""`headwater doctor`: is everything in place, and is money at risk?"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater_contracts.reader import ChainReader
    from headwater_payments.address import Address
    from headwater_wallet.examination import Finding

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
DAY_S = 86_400


def doctor(
    rpc: Annotated[str | None, typer.Option("--rpc", help="The node's URL.")] = None,
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")] = 84532,
    token: Annotated[str, typer.Option("--token", help="The token that is paid in.")] = USDC,
    account: Annotated[
        str | None, typer.Option("--account", help="An address, for its balances and escrow.")
    ] = None,
    wallet: Annotated[
        str | None, typer.Option("--wallet", help="A spend ledger: a file or an SQLAlchemy URL.")
    ] = None,
    seller: Annotated[
        str | None, typer.Option("--seller", help="A seller's database: a file or a URL.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Check a wallet's or a seller's set-up: a line each, ok, warn or fail, with a code.

    Exit status: 0 where nothing fails, 1 where something does, 2 for a wrong command line. Nothing
    is sent, and no secret is read.
    """
    import anyio

    try:
        found = anyio.run(_examine, rpc, chain_id, token, account, wallet, seller)
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=1))
    else:
        for each in found:
            typer.echo(f"{each.status:4}  {each.code:10}  {each.message}")
    raise typer.Exit(1 if any(each.status == "fail" for each in found) else 0)


async def _examine(
    rpc: str | None,
    chain_id: int,
    token: str,
    account: str | None,
    wallet: str | None,
    seller: str | None,
) -> "list[Finding]":
    from contextlib import AsyncExitStack

    from headwater_contracts.reader import ChainReader
    from headwater_payments.address import parse_address
    from headwater_payments.errors import InvalidInputError
    from headwater_wallet.examination import examine_chain

    if rpc is None and wallet is None and seller is None:
        raise InvalidInputError("Name what to check: --rpc, --wallet or --seller.")
    whose = None if account is None else parse_address(account)
    found: list[Finding] = []
    async with AsyncExitStack() as stack:
        reader = None
        if rpc is not None:
            reader = await stack.enter_async_context(ChainReader.connect(rpc, chain_id))
            chain = await examine_chain(reader, parse_address(token), whose, _now())
            found += chain
            if any(each.status == "fail" for each in chain):
                reader = None
        if wallet is not None:
            found += await _wallet(wallet, reader, whose)
        if seller is not None:
            found += await _seller(seller, reader)
    return found


async def _wallet(
    db: str, reader: "ChainReader | None", account: "Address | None"
) -> "list[Finding]":
    from headwater_wallet.cli_support import database_url
    from headwater_wallet.database import Database
    from headwater_wallet.examination import examine_escrow, examine_ledger, in_thread
    from headwater_wallet.tables import LEDGER_TABLES, WalletTable
    from headwater_wallet.withdrawals import IDLE_S

    url = database_url(db)
    found = await in_thread(url, "The wallet's ledger", LEDGER_TABLES)
    if any(each.status == "fail" for each in found):
        return found
    async with Database(url, WalletTable.metadata, read_only=True) as database:
        found += await examine_ledger(database, _now())
        if reader is not None and account is not None:
            found += await examine_escrow(database, reader, account, idle_s=IDLE_S)
    return found


async def _seller(db: str, reader: "ChainReader | None") -> "list[Finding]":
    from headwater_marketplace.examination import (
        SELLER_TABLES,
        examine_migrations,
        examine_seller,
        examine_vouchers,
    )
    from headwater_marketplace.seller import SellerStore
    from headwater_wallet.cli_support import database_url
    from headwater_wallet.database import Database
    from headwater_wallet.examination import in_thread

    url = database_url(db, "There are no seller's books")
    found = await in_thread(url, "The seller's database", SELLER_TABLES)
    if not any(each.status == "fail" for each in found):
        found.append(examine_migrations(url))
    if any(each.status == "fail" for each in found):
        return found
    async with Database(url, SellerStore.metadata, read_only=True) as database:
        store = SellerStore(database)
        found += await examine_seller(store, _now())
        if reader is not None:
            found += await examine_vouchers(store, reader)
    return found


def _now() -> int:
    import time

    return int(time.time())
