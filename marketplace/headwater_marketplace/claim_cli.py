"""`headwater claim`: everything that a key is owed, over all assets, in one transaction."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import InvalidInputError
from headwater_wallet.cli_support import KeyFile, password, refusals, table

if TYPE_CHECKING:
    from headwater_attribution.bundle import EpochBundle


def claim(
    keyfile: KeyFile,
    bundles: Annotated[
        list[Path], typer.Argument(help="Epoch bundles, or folders of them (*.json).")
    ],
    rpc: Annotated[str, typer.Option("--rpc", help="The node's URL.")],
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list; send nothing.")] = False,
) -> None:
    """Claim what the key's account is owed by the vaults of these BUNDLES, all at once.

    Bundles whose root is not final, and those of other chains, are passed over and named.
    """
    import anyio

    with refusals():
        anyio.run(_run, keyfile, bundles, rpc, chain_id, index, dry_run)


async def _run(
    keyfile: Path, paths: Sequence[Path], rpc: str, chain_id: int, index: int, dry_run: bool
) -> None:
    from headwater_attribution.bundle_files import read_bundle
    from headwater_contracts.deployments import deployment_on
    from headwater_contracts.reader import ChainReader
    from headwater_marketplace.claiming import claim_everything, owed_to
    from headwater_wallet.keys import SeedKeystore
    from headwater_wallet.transactions import TransactionSender

    files = [file for path in paths for file in _files(path)]
    if not files:
        raise InvalidInputError("There are no bundles (*.json) in what was named.")
    bundles = [read_bundle(file) for file in files]
    async with ChainReader.connect(rpc, chain_id) as reader:
        await reader.require_chain()
        signer = SeedKeystore.load(keyfile, password).signer(index)
        owed = await owed_to(signer.address, bundles, reader, _tell)
        rows: list[tuple[object, ...]] = [
            (each.vault, each.epoch, each.token, each.amount) for each in owed
        ]
        table(("vault", "epoch", "token", "amount"), rows)
        if not owed:
            typer.echo("nothing is owed by the final roots")
        elif not dry_run:
            deployment = await deployment_on(reader)
            sent = await claim_everything(TransactionSender(reader, signer), owed, deployment)
            typer.echo(f"claimed in {sent}" if sent else "no vault would pay; nothing was sent")


def _tell(bundle: "EpochBundle", why: str) -> None:
    typer.echo(f"passed over epoch {bundle.epoch} of {bundle.vault.vault}: {why}", err=True)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) if path.is_dir() else [path]
