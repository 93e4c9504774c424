"""`headwater wallet signer`: a key in a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

from headwater_payments.address import Address
from headwater_wallet.cli_support import KeyFile, password, refusals


def signer(
    keyfile: KeyFile,
    socket: Annotated[Path, typer.Option("--socket", help="Where wallets ask it.")],
    policy: Annotated[
        Path, typer.Option("--policy", help="A TOML policy: its asset and budget are the limits.")
    ],
    each: Annotated[
        str | None, typer.Option("--each", help="The most one signature may take: 0.25.")
    ] = None,
    payee: Annotated[
        list[str] | None, typer.Option("--payee", help="Transfers go to these only; repeatable.")
    ] = None,
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
    no_payments: Annotated[
        bool, typer.Option("--no-payments", help="Sign nothing that a buyer signs.")
    ] = False,
    sells_for: Annotated[
        list[str] | None,
        typer.Option("--sells-for", help="Sign offers, receipts and claims for this payee."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", help="Offers and receipts name URLs of these only; repeatable."),
    ] = None,
    refunds: Annotated[bool, typer.Option("--refunds", help="Give escrow back, too.")] = False,
    fees: Annotated[
        str | None,
        typer.Option("--fees", help="Sign x402's transactions; they cost at most: 0.05 (coin)."),
    ] = None,
    sign_in: Annotated[
        list[str] | None, typer.Option("--sign-in", help="Sign in at this host; repeatable.")
    ] = None,
) -> None:
    """Sign for wallets of this user that ask at SOCKET, until interrupted; nothing else is told.

    Every question is decoded, checked against the limits and shown. What transfers and deposits
    have taken in all, and transactions in fees, is kept beside KEYFILE, so a restart allows nothing
    anew. What a seller signs, transactions and sign-ins are signed where an option says so.
    """
    import time

    import anyio

    from headwater_payments.address import parse_address
    from headwater_wallet.keys import SeedKeystore
    from headwater_wallet.policy_toml import load_policy
    from headwater_wallet.seller_rules import SellerRules
    from headwater_wallet.signer_service import SignerService
    from headwater_wallet.signing_rules import SigningRules, Taken
    from headwater_wallet.transaction_rules import TransactionRules, x402_calls

    with refusals():
        budget = load_policy(policy).budget
        asset = budget.asset
        most_each = budget if each is None else asset.amount(each)
        payees = None if payee is None else tuple(parse_address(each) for each in payee)
        taken = Taken(keyfile.with_name(f"{keyfile.name}.{index}.taken"))
        seller = sells_for and SellerRules(
            most_each,
            tuple(parse_address(each) for each in sells_for),
            None if origin is None else tuple(origin),
            refunds=refunds,
        )
        transactions = fees and TransactionRules(
            asset.chain_id, x402_calls(asset.address), wei_of(fees)
        )
        key = SeedKeystore.load(keyfile, password).signer(index)
        service = SignerService(
            key,
            None if no_payments else SigningRules(budget, most_each, payees),
            taken,
            now=lambda: int(time.time()),
            show=typer.echo,
            seller=seller or None,
            transactions=transactions or None,
            sign_in=sign_in or (),
        )

        async def run() -> None:
            async with service.listening(socket):
                typer.echo(f"{key.address} signs at {socket}")
                await anyio.sleep_forever()

        anyio.run(run)


def wei_of(coin: str) -> int:
    """Wei of an amount of a chain's own coin, which has 18 decimals.

    Raises:
        InvalidInputError: it is no such amount.
    """
    from headwater_payments.amount import Asset

    zero = Address("0x" + "00" * 20)
    return Asset(1, zero, "coin", 18, "coin", "1").amount(coin).atomic
