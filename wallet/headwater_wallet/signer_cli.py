"""`headwater wallet signer`: a key in a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Sign for wallets of this user that ask at SOCKET, until interrupted; nothing else is told.

    Every question is decoded, checked against the limits and shown. What transfers and deposits
    have taken in all is kept beside KEYFILE, so a restart allows nothing anew.
    """
    import time

    import anyio

    from headwater_payments.address import parse_address
    from headwater_wallet.keys import SeedKeystore
    from headwater_wallet.policy_toml import load_policy
    from headwater_wallet.signer_service import SignerService
    from headwater_wallet.signing_rules import SigningRules, Taken

    with refusals():
        budget = load_policy(policy).budget
        rules = SigningRules(
            budget,
            None if each is None else budget.asset.amount(each),
            None if payee is None else tuple(parse_address(each) for each in payee),
        )
        taken = Taken(keyfile.with_name(f"{keyfile.name}.{index}.taken"))
        key = SeedKeystore.load(keyfile, password).signer(index)
        service = SignerService(key, rules, taken, now=lambda: int(time.time()), show=typer.echo)

        async def run() -> None:
            async with service.listening(socket):
                typer.echo(f"{key.address} signs at {socket}")
                await anyio.sleep_forever()

        anyio.run(run)
