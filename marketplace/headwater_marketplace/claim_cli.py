"""`headwater claim`: all that a key is owed over all assets, in one transaction on each chain."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_wallet.cli_support import KeyFile, password, refusals, table

if TYPE_CHECKING:
    from headwater_attribution.bundle import EpochBundle
    from headwater_wallet.keys import LocalSigner


def claim(
    keyfile: KeyFile,
    bundles: Annotated[
        list[Path], typer.Argument(help="Epoch bundles, or folders of them (*.json).")
    ],
    rpc: Annotated[
        list[str], typer.Option("--rpc", help="The node's URL; repeated for further chains.")
    ],
    chain_id: Annotated[
        list[int], typer.Option("--chain-id", help="The chain it must serve; one for each --rpc.")
    ],
    index: Annotated[int, typer.Option("--index", help="Which of the seed's accounts.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list; send nothing.")] = False,
) -> None:
    """Claim what the key's account is owed by the vaults of these BUNDLES, all at once.

    Bundles whose root is not final, and those of other chains, are passed over and named. Of
    several chains one that fails keeps no other from being claimed: it is named, and the status
    is 1.
    """
    import anyio

    with refusals():
        if len(rpc) != len(chain_id):
            raise InvalidInputError("Each --rpc needs its --chain-id, in the same order.")
        failed = anyio.run(
            _run, keyfile, bundles, list(zip(rpc, chain_id, strict=True)), index, dry_run
        )
    if failed:
        raise typer.Exit(1)


async def _run(
    keyfile: Path,
    paths: Sequence[Path],
    chains: Sequence[tuple[str, int]],
    index: int,
    dry_run: bool,
) -> bool:
    """Whether a chain of several failed; that of a single one is raised."""
    from headwater_attribution.bundle_files import read_bundle
    from headwater_wallet.keys import SeedKeystore

    files = [file for path in paths for file in _files(path)]
    if not files:
        raise InvalidInputError("There are no bundles (*.json) in what was named.")
    bundles = [read_bundle(file) for file in files]
    signer = SeedKeystore.load(keyfile, password).signer(index)
    asked = {chain_id for _, chain_id in chains}
    for bundle in bundles:
        if bundle.vault.chain_id not in asked:
            _tell(bundle, f"it is of chain {bundle.vault.chain_id}")
    failed = False
    for rpc, chain_id in chains:
        there = [bundle for bundle in bundles if bundle.vault.chain_id == chain_id]
        try:
            await _claim_on(rpc, chain_id, there, signer, dry_run=dry_run)
        except HeadwaterError as error:
            if len(chains) == 1:
                raise
            failed = True
            typer.echo(f"chain {chain_id}: {error.line()}", err=True)
    return failed


async def _claim_on(
    rpc: str,
    chain_id: int,
    bundles: "Sequence[EpochBundle]",
    signer: "LocalSigner",
    *,
    dry_run: bool,
) -> None:
    from headwater_contracts.deployments import deployment_on
    from headwater_contracts.reader import ChainReader
    from headwater_marketplace.claiming import claim_everything, owed_to
    from headwater_wallet.transactions import TransactionSender

    async with ChainReader.connect(rpc, chain_id) as reader:
        await reader.require_chain()
        owed = await owed_to(signer.address, bundles, reader, _tell)
        rows: list[tuple[object, ...]] = [
            (chain_id, each.vault, each.epoch, each.token, each.amount) for each in owed
        ]
        table(("chain", "vault", "epoch", "token", "amount"), rows)
        if not owed:
            typer.echo(f"nothing is owed by the final roots of chain {chain_id}")
        elif not dry_run:
            deployment = await deployment_on(reader)
            sent = await claim_everything(TransactionSender(reader, signer), owed, deployment)
            where = f"on chain {chain_id}"
            typer.echo(
                f"claimed {where} in {sent}" if sent else f"no vault {where} would pay; none sent"
            )


def _tell(bundle: "EpochBundle", why: str) -> None:
    typer.echo(f"passed over epoch {bundle.epoch} of {bundle.vault.vault}: {why}", err=True)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) if path.is_dir() else [path]
