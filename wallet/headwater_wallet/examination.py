"""Checking a set-up before it costs money: the chain, the contracts, an account, a ledger.

Each check gives findings instead of errors. Nothing is sent, and no secret is read.
"""

import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import anyio.to_thread
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.reader import ChainReader
from headwater_payments.address import Address
from headwater_payments.channels import BATCH_SETTLEMENT, ERC3009_DEPOSIT_COLLECTOR, channel_id
from headwater_payments.errors import HeadwaterError, UnavailableError
from headwater_payments.structs import ChannelConfig
from headwater_wallet.audit import AuditBrokenError
from headwater_wallet.database import Database
from headwater_wallet.engines import cause, new_engine, tables_of
from headwater_wallet.spend_ledger import SpendLedger
from headwater_wallet.transactions import TransactionSender
from headwater_wallet.withdrawals import Withdrawals

SLOW_BLOCK_S: Final = 120
AHEAD_S: Final = 30
UNRESOLVED_S: Final = 120
MOST_DECIMALS: Final = 36
"""Of a token: a policy takes no more."""

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `warn` costs money or patience later, `fail` stops payments."""

    code: str
    status: Status
    message: str


async def examine_chain(
    reader: ChainReader, token: Address, account: Address | None, now: int
) -> list[Finding]:
    """The node, its clock, the contracts and, where one is named, an account's means.

    Args:
        reader: the node, and the chain that it should serve.
        token: the token that is paid in.
        account: whose balances to look at.
        now: Unix time in seconds, of this machine.
    """
    try:
        await reader.require_chain()
        behind = now - (await reader.block()).timestamp
    except HeadwaterError as exc:
        return [Finding("rpc", "fail", exc.message)]
    found = [Finding("rpc", "ok", f"The node serves chain {reader.expected_chain_id}.")]
    found.append(_clock(behind))
    try:
        found += await _contracts(reader, token)
        if account is not None:
            found += await _means(reader, token, account)
    except HeadwaterError as exc:
        found.append(Finding("contracts", "fail", exc.message))
    return found


async def examine_ledger(database: Database, now: int) -> list[Finding]:
    """The wallet's payments: those without an outcome, and the audit log."""
    ledger = SpendLedger(database, "default")
    found = []
    open_ones = await ledger.intents("sent", "unknown")
    old = [each for each in open_ones if now - each.created_at > UNRESOLVED_S]
    said = f"{len(old)} payments have no outcome: run `headwater wallet reconcile`."
    found.append(
        Finding("unresolved", "warn", said)
        if old
        else Finding("unresolved", "ok", "Every payment has an outcome.")
    )
    try:
        state = await ledger.check_audit()
    except AuditBrokenError as exc:
        found.append(Finding("audit", "fail", exc.message))
    else:
        found.append(Finding("audit", "ok", f"The log's {state.entries} entries hold."))
    return found


async def examine_escrow(
    database: Database, reader: ChainReader, account: Address, *, idle_s: int
) -> list[Finding]:
    """Deposits that stand in channels nobody uses, and withdrawals that are ready.

    Args:
        database: the wallet's ledger.
        reader: the chain.
        account: whose channels.
        idle_s: seconds without a payment after which a channel counts as left behind.
    """
    contract = BatchSettlementClient(reader, BATCH_SETTLEMENT)
    watching = TransactionSender(reader, _Watcher(account))
    try:
        escrows = await Withdrawals(database, watching, contract).escrows(idle_s=idle_s)
    except HeadwaterError as exc:
        return [Finding("escrow", "fail", exc.message)]
    left = [each for each in escrows if each.stage in ("idle", "ready")]
    if not left:
        return [Finding("escrow", "ok", "No escrow was left behind.")]
    amount = sum(each.withdrawing or each.free for each in left)
    said = f"{amount} atomic units stand in {len(left)} idle channels: `headwater wallet withdraw`."
    return [Finding("escrow", "warn", said)]


def examine_database(url: str, name: str, tables: Collection[str] = ()) -> list[Finding]:
    """Whether a database takes a write and keeps it through a power cut; blocks its thread.

    Args:
        url: an SQLAlchemy URL.
        name: how to call it, as a sentence begins.
        tables: those that it has if it is what it is taken for; else nothing is tried on it.
    """
    try:
        if missing := set(tables) - tables_of(url):
            said = f"{name} is none: it has no table {min(missing)}."
            return [Finding("database", "fail", said)]
        engine = new_engine(url)
        try:
            with engine.connect() as connection:
                found = [_writable(connection, name)]
            with engine.connect() as connection:
                found.append(_durable(connection, name))
            return found
        finally:
            engine.dispose()
    except HeadwaterError as exc:
        return [Finding("database", "fail", exc.message)]
    except (SQLAlchemyError, OSError) as exc:
        return [Finding("database", "fail", f"{name} cannot be written: {cause(exc)}.")]


class _Watcher:
    """An account that only looks."""

    def __init__(self, address: Address) -> None:
        self.address = address

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        """Refused: nothing is sent here."""
        raise HeadwaterError("An examination sends nothing.")


def _clock(behind: int) -> Finding:
    if behind < -AHEAD_S:
        said = f"This machine's clock is {-behind} s behind the chain's: signatures come too early."
        return Finding("clock", "fail", said)
    if behind > SLOW_BLOCK_S:
        said = f"The newest block is {behind} s old: the clock is ahead, or the node lags."
        return Finding("clock", "warn", said)
    return Finding("clock", "ok", f"The newest block is {max(0, behind)} s old.")


async def _contracts(reader: ChainReader, token: Address) -> list[Finding]:
    named = {"channels": BATCH_SETTLEMENT, "deposits": ERC3009_DEPOSIT_COLLECTOR, "token": token}
    for name, address in named.items():
        if not await reader.code(address):
            return [Finding("contracts", "fail", f"No code at {address} ({name}).")]
    if (wrong := await _not_a_token(reader, token)) is not None:
        return [Finding("contracts", "fail", wrong)]
    config = ChannelConfig(token, token, token, token, token, 900, bytes(32))
    theirs = await BatchSettlementClient(reader, BATCH_SETTLEMENT).channel_id(config)
    if theirs != channel_id(config, reader.expected_chain_id):
        said = f"The contract at {BATCH_SETTLEMENT} identifies channels in another way than x402's."
        return [Finding("contracts", "fail", said)]
    return [Finding("contracts", "ok", "Channels, deposits and token are in place.")]


async def _not_a_token(reader: ChainReader, address: Address) -> str | None:
    """What keeps a contract from being paid in by signed transfers; None where nothing does."""
    token = SettlementTokenClient(reader, address)
    try:
        digits = await token.decimals()
        domain = await token.domain_separator()
        await token.authorization_used(address, bytes(32))
    except UnavailableError:
        raise
    except HeadwaterError:
        return f"The contract at {address} is no token that takes EIP-3009 authorizations."
    if digits > MOST_DECIMALS or not any(domain):
        return f"The contract at {address} answers as no token does: {digits} decimals."
    return None


async def _means(reader: ChainReader, token: Address, account: Address) -> list[Finding]:
    held = await SettlementTokenClient(reader, token).balance(account)
    wei = await reader.balance(account)
    gas = "for gas: claims and withdrawals need some"
    return [
        Finding("balance", "ok" if held else "warn", f"{account} holds {held} atomic units."),
        Finding("gas", "ok" if wei else "warn", f"{account} has {wei} wei {gas}."),
    ]


def _writable(connection: Connection, name: str) -> Finding:
    begin = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "SELECT 1"
    connection.exec_driver_sql(begin)
    connection.exec_driver_sql("CREATE TABLE headwater_doctor_probe (x INTEGER)")
    connection.rollback()
    return Finding("database", "ok", f"{name} takes writes.")


def _durable(connection: Connection, name: str) -> Finding:
    if connection.dialect.name == "postgresql":
        setting = {
            name: connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("fsync", "synchronous_commit")
        }
        off = [name for name, value in setting.items() if value == "off"]
        if off:
            return Finding(
                "durable", "fail", f"{name}: the server runs with {' and '.join(off)} off."
            )
        return Finding("durable", "ok", f"{name}: commits wait for the server's disk.")
    folder = Path(connection.engine.url.database or "").resolve().parent
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"headwater")
        probe.flush()
        os.fsync(probe.fileno())
    return Finding("durable", "ok", f"{name}: the disk takes fsync.")


async def in_thread(url: str, name: str, tables: Collection[str]) -> list[Finding]:
    """`examine_database` without blocking the caller's loop."""
    return await anyio.to_thread.run_sync(examine_database, url, name, tables)
