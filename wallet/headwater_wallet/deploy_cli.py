"""`headwater chain deploy`: bring Headwater's contracts to a public chain."""

from pathlib import Path
from typing import Annotated

import typer

from headwater_wallet.cli_support import KeyFile, password, refusals


def deploy(
    keyfile: KeyFile,
    rpc: Annotated[str, typer.Option("--rpc", help="The node's URL.")],
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is missing; send nothing.")
    ] = False,
) -> None:
    """Create the contracts that a configured chain lacks; the key's account pays the gas.

    Their addresses follow from their code, so it doesn't matter who pays, and nobody owns what was
    created. A deployment that was cut short goes on where it stopped.
    """
    import anyio

    with refusals():
        anyio.run(_deploy, keyfile, rpc, chain_id, index, dry_run)


async def _deploy(keyfile: Path, rpc: str, chain_id: int, index: int, dry_run: bool) -> None:
    from headwater_contracts.deployments.plan import DeploymentPlan
    from headwater_contracts.deployments.public import public_deployment
    from headwater_contracts.reader import ChainReader
    from headwater_wallet.keys import SeedKeystore
    from headwater_wallet.transactions import TransactionSender

    plan = DeploymentPlan(public_deployment(chain_id))
    async with ChainReader.connect(rpc, chain_id) as reader:
        await reader.require_chain()
        call = await plan.next_call(reader)
        if dry_run:
            typer.echo(f"next: {call.description}" if call else "everything is there")
            return
        sender = TransactionSender(reader, SeedKeystore.load(keyfile, password).signer(index))
        while call is not None:
            receipt = await sender.send(call)
            typer.echo(f"{call.description}: {receipt.transaction_hash}")
            call = await plan.next_call(reader)
        for name, address in plan.deployment.contracts().items():
            typer.echo(f"{name} {address}")
