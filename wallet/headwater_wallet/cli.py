"""`headwater wallet`: keys, budgets, payments, people's approvals and the kill switch.

No command prints a key, a seed or a password, and none takes a password as an argument, where
every other user of the machine could read it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from headwater_payments.errors import InvalidInputError
from headwater_wallet.cli_support import Db, KeyFile, ledger_url, password, refusals, table
from headwater_wallet.signer_cli import signer
from headwater_wallet.withdraw_cli import claims, withdraw

# The command line starts fast because the ledger's libraries load when a command runs.
if TYPE_CHECKING:
    from headwater_wallet.audit import AuditEntry, AuditState
    from headwater_wallet.spend_ledger import SpendLedger

T = TypeVar("T")
ABANDONED_AFTER_S = 120

app = typer.Typer(no_args_is_help=True, help="A wallet's keys, books and policies.")
policies = typer.Typer(no_args_is_help=True, help="Spend policies.")
app.add_typer(policies, name="policy")
app.command()(withdraw)
app.command()(claims)
app.command()(signer)

ApprovalId = Annotated[str, typer.Argument(help="The question, as `approvals` lists it.")]


@app.callback()
def main() -> None:
    """A wallet's keys, books and policies."""


@app.command()
def create(keyfile: KeyFile) -> None:
    """Make a new seed and write it to KEYFILE, encrypted; prints the first account's address."""
    from headwater_wallet.keys import SeedKeystore

    with refusals():
        keystore = SeedKeystore.create()
        keystore.save(keyfile, lambda: password(confirm=True))
        typer.echo(keystore.signer(0).address)


@app.command()
def address(
    keyfile: KeyFile,
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
) -> None:
    """Print the address of an account of KEYFILE."""
    from headwater_wallet.keys import SeedKeystore

    with refusals():
        typer.echo(SeedKeystore.load(keyfile, password).signer(index).address)


@app.command()
def budget(db: Db) -> None:
    """List the budgets of DB in atomic units: name, limit, used, charged, left."""
    with refusals():
        states = _with_ledger(db, lambda ledger: ledger.budgets())
    table(
        ("budget", "limit", "used", "charged", "left"),
        [(s.name, s.limit, s.used, s.charged, s.left) for s in states],
    )


@app.command()
def intents(
    db: Db,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the payments of DB, oldest first."""
    from headwater_wallet.export import json_lines
    from headwater_wallet.spend_records import INTENT_STATES

    with refusals():
        if state is not None and state not in INTENT_STATES:
            raise InvalidInputError(f"A payment is {', '.join(INTENT_STATES)}; never {state!r}.")
        states = () if state is None else (state,)
        found = _with_ledger(db, lambda ledger: ledger.intents(*states))
    if as_json:
        typer.echo(json_lines(found), nl=False)
        return
    table(
        ("payment", "state", "amount", "charge", "payee", "url"),
        [(i.payment_id, i.state, i.amount, _shown(i.charge), i.payee, i.url) for i in found],
    )


@app.command()
def export(
    db: Db,
    format: Annotated[  # noqa: A002  the option's name
        Literal["csv", "json"], typer.Option("--format", help="csv, or json for one array.")
    ] = "csv",
) -> None:
    """Write every payment of DB to the standard output; signed headers are left out."""
    from headwater_wallet.export import csv_text, json_array

    with refusals():
        found = _with_ledger(db, lambda ledger: ledger.intents())
    typer.echo(csv_text(found) if format == "csv" else json_array(found), nl=False)


@app.command()
def statements(
    db: Db,
    payment: Annotated[
        str | None, typer.Option("--payment", help="Only those about this payment.")
    ] = None,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Only those that contradict what was agreed or paid.")
    ] = False,
    format: Annotated[  # noqa: A002  the option's name
        Literal["text", "csv", "json"],
        typer.Option("--format", help="text for a table, or all of them as csv or json."),
    ] = "text",
) -> None:
    """List the offers and receipts that sellers signed for DB, and what is wrong with them."""
    from headwater_wallet.export import statements_csv, statements_json

    with refusals():
        found = _with_ledger(db, lambda ledger: ledger.statements(payment, wrong_only=wrong))
    if format != "text":
        typer.echo(statements_csv(found) if format == "csv" else statements_json(found), nl=False)
        return
    table(
        ("payment", "kind", "signer", "vouched", "problem"),
        [
            (s.payment_id, s.kind, s.signer or "-", "yes" if s.vouched else "no", s.problem or "-")
            for s in found
        ],
    )


@app.command()
def reconcile(
    db: Db,
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="A node's URL, to see how single transfers ended.")
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", help="The chain that the node must serve.")
    ] = None,
) -> None:
    """Ask the sellers about every payment of DB without an outcome; nothing is paid.

    With a node, every single transfer is then counted as the chain shows it, once no more of it
    can be taken, and the rest of what it might have cost comes back to its budget.
    """
    import httpx

    from headwater_wallet.reconcile import reconcile as look_up

    async def run(ledger: "SpendLedger") -> int:
        async with httpx.AsyncClient(timeout=10) as client:
            left = await look_up(ledger, client, reserved_before=_now() - ABANDONED_AFTER_S)
        ended = set() if rpc is None or chain_id is None else await _end(ledger, rpc, chain_id)
        unknown = [intent for intent in left if intent.payment_id not in ended]
        for intent in unknown:
            typer.echo(f"{intent.payment_id}\t{intent.state}\t{intent.url}")
        return len(unknown)

    with refusals():
        if (rpc is None) != (chain_id is None):
            raise InvalidInputError("A node is named by --rpc and --chain-id together.")
        unknown = _with_ledger(db, run, writes=True)
    typer.echo(f"{unknown} payments are still unknown.")


async def _end(ledger: "SpendLedger", rpc: str, chain_id: int) -> set[str]:
    from headwater_contracts.reader import ChainReader
    from headwater_wallet.transfer_ends import TransferEnds

    async with ChainReader.connect(rpc, chain_id) as reader:
        ends = await TransferEnds(reader).settle(ledger)
    for end in ends:
        told = "" if end.told in (None, end.taken) else f", where its seller said {end.told}"
        typer.echo(f"{end.payment_id}\ttook {end.taken}{told}; {end.given_back} came back")
    return {end.payment_id for end in ends}


@app.command()
def audit(
    db: Db,
    head: Annotated[
        str | None, typer.Option("--head", help="A head noted before; the log must still hold it.")
    ] = None,
    format: Annotated[  # noqa: A002  the option's name
        Literal["text", "csv", "json"],
        typer.Option("--format", help="text for one line, or every entry as csv or json."),
    ] = "text",
) -> None:
    """Check the audit log of DB, and its payments against it; status 1 says that it is broken."""
    from headwater_wallet.audit import AuditBrokenError
    from headwater_wallet.export import audit_csv, audit_json

    async def run(ledger: "SpendLedger") -> "tuple[AuditState, list[AuditEntry]]":
        return await ledger.check_audit(head), await ledger.audit_log()

    with refusals():
        try:
            state, entries = _with_ledger(db, run)
        except AuditBrokenError as broken:
            typer.echo(broken.line(), err=True)
            raise typer.Exit(1) from broken
    if format == "text":
        typer.echo(f"{state.entries} entries hold {state.payments} payments; head {state.head}")
        return
    typer.echo(audit_csv(entries) if format == "csv" else audit_json(entries), nl=False)


@policies.command()
def explain(
    policy: Annotated[Path, typer.Argument(help="The policy, a TOML file.")],
    amount: Annotated[str, typer.Option("--amount", help="In whole units, such as 0.25.")],
    payee: Annotated[str, typer.Option("--payee", help="Who would be paid.")],
    url: Annotated[str, typer.Option("--url", help="What would be paid for.")],
    db: Annotated[
        str | None, typer.Option("--db", help="A ledger to look back on; without it, none.")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Whose past, in the ledger.")] = "default",
    reputation: Annotated[
        int | None, typer.Option("--reputation", min=0, max=100, help="The payee's.")
    ] = None,
    per_thousand: Annotated[
        tuple[str, str] | None,
        typer.Option("--per-thousand", help="The stated price of 1,000 tokens in, and out."),
    ] = None,
) -> None:
    """Say which rule of POLICY decides about a payment, and why; nothing is signed or asked."""
    from headwater_payments.address import parse_address
    from headwater_payments.pricing import TokenPrice
    from headwater_payments.web_url import require_web_url
    from headwater_wallet.policy import PaymentRequest
    from headwater_wallet.policy_toml import load_policy
    from headwater_wallet.terms import origin_of, route_of

    with refusals():
        loaded = load_policy(policy)
        require_web_url(url)
        asset = loaded.budget.asset
        tokens = per_thousand and TokenPrice(*(asset.amount(each).atomic for each in per_thousand))
        asked = PaymentRequest(
            asset.amount(amount),
            parse_address(payee),
            origin_of(url),
            route_of(url),
            tokens or None,
            reputation,
        )
        if db is None:
            verdict = loaded.explain(asked, now=_now())
        else:
            verdict = _with_ledger(
                db,
                lambda ledger: ledger.consider(
                    lambda history: loaded.explain(asked, history, now=_now())
                ),
                budget,
            )
    rule = "no rule" if verdict.rule is None else f"rule {verdict.rule}"
    typer.echo(f"{verdict.outcome}\t{rule}\t{verdict.code or 'ok'}\t{verdict.reason}")


@app.command()
def stop(
    db: Db,
    reason: Annotated[str, typer.Option("--reason", help="What refused payments are told.")] = (
        "stopped by its operator"
    ),
) -> None:
    """Stop every wallet that uses DB: nothing more is signed until `resume`."""
    with refusals():
        _with_ledger(db, lambda ledger: ledger.stop(reason), writes=True)
    typer.echo("stopped")


@app.command()
def resume(db: Db) -> None:
    """Let the wallets that use DB pay again."""
    with refusals():
        _with_ledger(db, lambda ledger: ledger.resume(), writes=True)
    typer.echo("running")


@app.command()
def approvals(
    db: Db,
    everything: Annotated[bool, typer.Option("--all", help="Answered ones too.")] = False,
) -> None:
    """List the payments of DB that wait for a person."""
    with refusals():
        wanted = None if everything else "pending"
        found = _with_ledger(db, lambda ledger: ledger.approvals.all(wanted))
    table(
        ("approval", "state", "amount", "payee", "url", "reason"),
        [(a.id, a.state, a.amount, a.payee, a.url, a.reason) for a in found],
    )


@app.command()
def approve(
    db: Db,
    approval: ApprovalId,
    reason: Annotated[str, typer.Option("--reason", help="For the books.")] = "",
) -> None:
    """Approve a payment that waits; its wallet pays it at the next try, within a day."""
    _decide(db, approval, approved=True, reason=reason)


@app.command()
def deny(
    db: Db,
    approval: ApprovalId,
    reason: Annotated[str, typer.Option("--reason", help="What the wallet is told.")] = "",
) -> None:
    """Deny a payment that waits; its wallet hears the reason."""
    _decide(db, approval, approved=False, reason=reason)


def _decide(db: str, approval: str, *, approved: bool, reason: str) -> None:
    from headwater_wallet.approvals import Decision

    with refusals():
        answered = _with_ledger(
            db,
            lambda ledger: ledger.approvals.decide(approval, Decision(approved, reason), _now()),
            writes=True,
        )
    typer.echo(f"{answered.id}\t{answered.state}")


def _with_ledger(
    db: str,
    work: "Callable[[SpendLedger], Awaitable[T]]",
    budget: str = "default",
    *,
    writes: bool = False,
) -> T:
    import anyio

    from headwater_wallet.database import Database
    from headwater_wallet.migrations import open_ledger
    from headwater_wallet.spend_ledger import SpendLedger
    from headwater_wallet.tables import WalletTable

    async def run() -> T:
        opened = open_ledger(url) if writes else Database(url, WalletTable.metadata, read_only=True)
        async with opened as database:
            return await work(SpendLedger(database, budget))

    url = ledger_url(db)
    return anyio.run(run)


def _now() -> int:
    import time

    return int(time.time())


def _shown(charge: int | None) -> str:
    return "-" if charge is None else str(charge)
