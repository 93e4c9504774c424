"""`headwater datanet`: rows are sealed, and shown afterwards, so nobody is first with them.

A contributor uses `seal`, then `commit` (or sends the seal to whoever runs the datanet, for `take`)
and, once the round is open, `show`; `withdraw` takes consent back. Whoever runs the datanet uses
the others.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_wallet.cli_support import password, refusals, table

# The command line starts fast because chains, signing and admission load when a command runs.
if TYPE_CHECKING:
    from headwater_contracts.clients.row_commitments import RowCommitmentsClient
    from headwater_marketplace.datanets.folder import DatanetFolder
    from headwater_marketplace.datanets.opening_file import OpeningFile
    from headwater_wallet.keys import LocalSigner

app = typer.Typer(no_args_is_help=True, help="Datanets: seal rows, show them, judge them.")

_Result = TypeVar("_Result")
Folder = Annotated[Path, typer.Argument(help="The datanet's folder.")]
SealText = Annotated[str, typer.Argument(help="The seal: 0x and 32 bytes.")]
OpeningPath = Annotated[Path, typer.Argument(help="The file with the rows and their salt.")]
KeyOption = Annotated[Path, typer.Option("--keyfile", help="The encrypted seed that signs.")]
Index = Annotated[int, typer.Option("--index", min=0, help="Which of the seed's accounts.")]
Rpc = Annotated[str, typer.Option("--rpc", help="The node's URL.")]


class DatanetRefusedError(HeadwaterError):
    """A datanet's seals, verdicts or rows contradict each other."""

    code = "datanet_refused"
    http_status = 422


@app.callback()
def main() -> None:
    """Datanets: rows are sealed, then shown, then judged in the order of their seals."""


@app.command()
def start(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    datanet_id: Annotated[int, typer.Option("--datanet", min=0, help="Its number.")],
    keyfile: KeyOption,
    licences: Annotated[
        list[str] | None, typer.Option("--licence", help="Taken (SPDX); any where none is named.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Public texts that are nobody's, as JSON lines: the desk knows them."),
    ] = None,
    terms: Annotated[
        Path | None,
        typer.Option(help="The terms, in a file: rows enter with their contributor's consent."),
    ] = None,
    sold: Annotated[
        bool | None,
        typer.Option("--sold/--free", help="Refuse rows whose licence forbids what it does."),
    ] = None,
    given_out_under: Annotated[
        str, typer.Option("--given-out-under", help="The versions' licence (SPDX); with --sold.")
    ] = "",
    chain_id: Annotated[int, typer.Option("--chain-id", min=1, help="Of signatures.")] = 84_532,
    index: Index = 0,
) -> None:
    """Start a datanet in FOLDER; its first round takes seals."""
    with refusals():
        from headwater_marketplace.datanets.folder import DatanetFolder, DatanetTerms
        from headwater_marketplace.datanets.opening_file import hash_of_terms, read_texts

        if given_out_under and sold is None:
            raise InvalidInputError("Say what the versions are for: --sold or --free.")
        signer = _signer(keyfile, index)
        started = DatanetTerms(
            datanet_id=datanet_id,
            chain_id=chain_id,
            desk=signer.address,
            licences=tuple(licences or ()),
            reference=() if reference is None else read_texts(reference),
            consent=None if terms is None else hash_of_terms(terms),
            sold=sold,
            given_out_under=given_out_under,
        )
        DatanetFolder.start(folder, started)
        typer.echo(f"datanet {datanet_id} takes seals; its desk is {signer.address}")


@app.command()
def seal(
    rows: Annotated[Path, typer.Argument(help="JSON lines: strings, or objects with a text.")],
    opening: Annotated[Path, typer.Argument(help="A new file, to be shown later: keep it secret.")],
    contributor: Annotated[str, typer.Option(help="The account that is paid.")],
    licence: Annotated[str, typer.Option(help="The rows' licence (SPDX).")],
    sources: Annotated[
        list[str] | None,
        typer.Option("--source-licence", help="Of a work the rows were made from (SPDX)."),
    ] = None,
    terms: Annotated[
        Path | None, typer.Option(help="The datanet's terms, to consent to; needs --keyfile.")
    ] = None,
    keyfile: Annotated[
        Path | None, typer.Option("--keyfile", help="The contributor's encrypted seed.")
    ] = None,
    datanet_id: Annotated[int, typer.Option("--datanet", min=0, help="Its number.")] = 0,
    chain_id: Annotated[int, typer.Option("--chain-id", min=1, help="Of signatures.")] = 84_532,
    index: Index = 0,
) -> None:
    """Seal ROWS: write what will be shown to OPENING, and print the 32 bytes to commit."""
    with refusals():
        from headwater_attribution.admission.seal import seal as sealed
        from headwater_marketplace.datanets.opening_file import make_opening, write_opening
        from headwater_payments.address import parse_address
        from headwater_payments.hexadecimal import to_hex

        plain = make_opening(rows, parse_address(contributor), licence)
        made = plain.model_copy(update={"sources": tuple(sources or ())})
        if terms is not None:
            if keyfile is None:
                raise InvalidInputError("Consent is signed: name the contributor's --keyfile.")
            made = _consented(made, terms, datanet_id, chain_id, _signer(keyfile, index))
        write_opening(made, opening)
        typer.echo(to_hex(sealed(made.opening(0))))


@app.command()
def withdraw(
    datanet_id: Annotated[int, typer.Option("--datanet", min=0, help="Its number.")],
    until: Annotated[int, typer.Option(min=1, help="The present round, the last one it covers.")],
    keyfile: KeyOption,
    chain_id: Annotated[int, typer.Option("--chain-id", min=1, help="Of signatures.")] = 84_532,
    index: Index = 0,
) -> None:
    """Take back your consent to all rows up to a round: print what the datanet has to honour."""
    with refusals():
        import anyio

        from headwater_attribution.admission.consent import sign_withdrawal

        signer = _signer(keyfile, index)
        made = anyio.run(sign_withdrawal, datanet_id, until, chain_id, signer)
        typer.echo(made.model_dump_json())


@app.command()
def honour(
    folder: Folder,
    withdrawal: Annotated[Path, typer.Argument(help="The file of a withdrawal.")],
) -> None:
    """Take in a WITHDRAWAL: rows of this round are refused, and versions leave earlier ones out."""
    with refusals():
        from headwater_attribution.admission.consent import read_withdrawal
        from headwater_marketplace.datanets.folder import DatanetFolder
        from headwater_payments.files import read_file

        try:
            found = read_withdrawal(read_file(withdrawal, 2**16).decode(errors="replace"))
        except OSError as exc:
            raise InvalidInputError(f"{withdrawal} can't be read: {exc.strerror}.") from exc
        DatanetFolder(folder).withdraw(found)
        typer.echo(f"{found.contributor} takes part up to round {found.until_round} no more")


@app.command()
def commit(
    seal: SealText,
    keyfile: KeyOption,
    rpc: Rpc,
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
    index: Index = 0,
) -> None:
    """Commit a SEAL on chain, where its block is its place; whose it is, it doesn't tell."""
    from headwater_payments.hexadecimal import parse_hex
    from headwater_wallet.transactions import TransactionSender

    async def send(contract: "RowCommitmentsClient") -> str:
        signer = _signer(keyfile, index)
        call = contract.commit(parse_hex(seal, length=32))
        receipt = await TransactionSender(contract.reader, signer).send(call)
        return f"committed in block {receipt.block_number}"

    with refusals():
        typer.echo(_on_chain(rpc, chain_id, send))


@app.command()
def take(folder: Folder, seal: SealText, keyfile: KeyOption, index: Index = 0) -> None:
    """Take a SEAL into the present round, and print its signed place for the contributor."""
    with refusals():
        import anyio

        from headwater_attribution.admission.seal_log import sign_place
        from headwater_payments.hexadecimal import parse_hex

        datanet, signer = _opened(folder, keyfile, index)
        sealed = parse_hex(seal, length=32)
        log = datanet.log().with_seal(sealed)
        datanet.write_log(log)
        place = log.seals.index(seal.lower())
        given = anyio.run(sign_place, log, place, signer, datanet.terms.chain_id)
        typer.echo(given.model_dump_json())


@app.command("open")
def open_round(
    folder: Folder,
    keyfile: KeyOption,
    rpc: Annotated[
        str, typer.Option("--rpc", help="Take the seals from this node's chain, and no others.")
    ] = "",
    from_block: Annotated[
        int, typer.Option("--from-block", min=0, help="The first one that counts.")
    ] = 0,
    index: Index = 0,
) -> None:
    """End the taking of seals: sign their log. From now on contributors show their rows."""
    with refusals():
        import anyio

        from headwater_attribution.admission.seal_log import sign_log
        from headwater_marketplace.datanets.chain_seals import log_from_chain

        datanet, signer = _opened(folder, keyfile, index)
        log, chain_id = datanet.log(), datanet.terms.chain_id
        if rpc:
            first = _first_block(datanet, log.round, from_block)
            log = _on_chain(rpc, chain_id, lambda chain: log_from_chain(log, chain, first))
        datanet.write_log(anyio.run(sign_log, log, signer, chain_id))
        typer.echo(f"round {log.round} is open, with {len(log.seals)} seals")


@app.command()
def show(folder: Folder, opening: OpeningPath) -> None:
    """Show the rows of an OPENING. What wasn't sealed for this round is judged after what was."""
    with refusals():
        from headwater_marketplace.datanets.folder import DatanetFolder
        from headwater_marketplace.datanets.opening_file import read_opening

        placed = DatanetFolder(folder).show(read_opening(opening))
        number = placed.contribution.contribution_id
        where = (
            "dated at its opening" if placed.place is None else f"sealed at place {placed.place}"
        )
        typer.echo(f"contribution {number}, {where}")


@app.command()
def admit(folder: Folder, keyfile: KeyOption, index: Index = 0) -> None:
    """Judge what was shown in the order of the seals, sign the verdicts, and end the round."""
    with refusals():
        import anyio

        from headwater_attribution.admission.rounds import review_round
        from headwater_attribution.admission.signed import FIRST
        from headwater_payments.hexadecimal import to_hex

        datanet, signer = _opened(folder, keyfile, index)
        number = datanet.round
        if not datanet.log().signature:
            raise InvalidInputError(f"Round {number} still takes seals: open it first.")
        desk, before = datanet.terms.fresh_desk(), FIRST
        for contribution, signed in datanet.history():
            desk.review(contribution, signed.round)
            before = to_hex(signed.hash())
        placed = datanet.placed(number)
        chain_id = datanet.terms.chain_id
        verdicts = anyio.run(review_round, desk, placed, before, signer, chain_id)
        datanet.write_verdicts(verdicts)
        rows: list[tuple[object, ...]] = [
            (v.ref.contribution_id, v.ref.row, v.rule, v.reason)
            for each in verdicts
            for v in each.verdicts
        ]
        table(("contribution", "row", "rule", "reason"), rows)


@app.command()
def trial(
    folder: Folder,
    opening: OpeningPath,
    questions: Annotated[
        Path, typer.Argument(help="JSON lines: objects with a question and its answer.")
    ],
    keyfile: Annotated[
        Path | None, typer.Option("--keyfile", help="The desk's encrypted seed, to sign.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="A signed trial: try again, status 1 where it differs.")
    ] = None,
    index: Index = 0,
) -> None:
    """Say what an OPENING's rows would change for held-out QUESTIONS; nothing enters."""
    with refusals():
        import anyio

        from headwater_marketplace.datanets.folder import DatanetFolder
        from headwater_marketplace.datanets.opening_file import read_opening
        from headwater_marketplace.datanets.trial import (
            read_trial,
            sign_trial,
            trial_faults,
            try_batch,
        )

        batch = read_opening(opening).opening(0).contribution
        if check is not None:
            faults = trial_faults(DatanetFolder(folder), batch, questions, read_trial(check))
            if faults:
                typer.echo(DatanetRefusedError(" ".join(faults)).line(), err=True)
                raise typer.Exit(1)
            typer.echo("the trial holds")
            return
        if keyfile is None:
            raise InvalidInputError("A trial is signed: name the desk's --keyfile, or --check one.")
        datanet, signer = _opened(folder, keyfile, index)
        found = try_batch(datanet, batch, questions)
        signed = anyio.run(sign_trial, found, signer, datanet.terms.chain_id)
        typer.echo(signed.model_dump_json())
        told = f"{found.better} answers better, {found.worse} worse, of {len(found.effects)}"
        typer.echo(f"{found.rule}: {told}; {found.taken} of {found.handed_in} rows", err=True)


@app.command()
def version(
    folder: Folder,
    output: Annotated[Path, typer.Argument(help="A new file.")],
) -> None:
    """Write the version of all rounds that are over: rows, root, and the seals that order them."""
    with refusals():
        from headwater_marketplace.datanets.folder import DatanetFolder
        from headwater_marketplace.datanets.version_file import version_of

        made = version_of(DatanetFolder(folder))
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(made.model_dump_json() + "\n")
        except OSError as exc:
            raise InvalidInputError(f"{output} can't be written: {exc.strerror}.") from exc
        rows = len(made.corpus.rows)
        typer.echo(f"version {made.corpus.version}, {rows} rows, root {made.corpus.root}")


@app.command()
def check(
    folder: Folder,
    rpc: Annotated[str, typer.Option("--rpc", help="Ask this node for seals on chain.")] = "",
    from_block: Annotated[
        int, typer.Option("--from-block", min=0, help="The first one that counts.")
    ] = 0,
) -> None:
    """Judge everything again, and hold rows against their seals; status 1 where they differ."""
    with refusals():
        from headwater_marketplace.datanets.chain_seals import chain_faults
        from headwater_marketplace.datanets.folder import DatanetFolder
        from headwater_marketplace.datanets.version_file import datanet_faults

        datanet = DatanetFolder(folder)
        faults = datanet_faults(datanet)
        logs = [datanet.log(number) for number in range(1, datanet.round)]
        for log in logs if rpc else ():
            first = _first_block(datanet, log.round, from_block)
            ask = partial(chain_faults, log, first=first)
            faults += _on_chain(rpc, datanet.terms.chain_id, ask)
    for fault in faults:
        typer.echo(fault)
    if faults:
        error = DatanetRefusedError(
            f"The datanet does not hold: {len(faults)} faults, named above."
        )
        typer.echo(error.line(), err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(logs)} rounds hold")


def _first_block(datanet: "DatanetFolder", number: int, from_block: int) -> int:
    """The block after the last one of the round before."""
    before = datanet.log(number - 1).chain if number > 1 else None
    return from_block if before is None else before.opened + 1


def _opened(folder: Path, keyfile: Path, index: int) -> "tuple[DatanetFolder, LocalSigner]":
    from headwater_marketplace.datanets.folder import DatanetFolder

    datanet, signer = DatanetFolder(folder), _signer(keyfile, index)
    if signer.address != datanet.terms.desk:
        raise InvalidInputError(
            f"The desk of this datanet is {datanet.terms.desk}, and the key is {signer.address}."
        )
    return datanet, signer


def _consented(
    made: "OpeningFile", terms: Path, datanet_id: int, chain_id: int, signer: "LocalSigner"
) -> "OpeningFile":
    import anyio

    from headwater_attribution.admission.consent import ConsentTerms, sign_consent
    from headwater_marketplace.datanets.opening_file import hash_of_terms

    asked = ConsentTerms(datanet_id, chain_id, hash_of_terms(terms))
    given = anyio.run(sign_consent, made.opening(0).contribution, asked, signer)
    return made.model_copy(update={"consent": given.model_dump_json()})


def _signer(keyfile: Path, index: int) -> "LocalSigner":
    from headwater_wallet.keys import SeedKeystore

    return SeedKeystore.load(keyfile, password).signer(index)


def _on_chain(
    rpc: str, chain_id: int, ask: "Callable[[RowCommitmentsClient], Awaitable[_Result]]"
) -> _Result:
    import anyio

    from headwater_contracts.clients.row_commitments import RowCommitmentsClient
    from headwater_contracts.deployments import deployment_on
    from headwater_contracts.reader import ChainReader

    async def asked() -> _Result:
        async with ChainReader.connect(rpc, chain_id) as reader:
            await reader.require_chain()
            deployment = await deployment_on(reader)
            return await ask(RowCommitmentsClient(reader, deployment.row_commitments))

    return anyio.run(asked)
