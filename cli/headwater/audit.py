"""`headwater attribution audit`: what of a version's credit right answers confirm.

Run before a version is published it shows who makes answers worse, while nobody has lost anything
to them yet; run beside an epoch, which parts of each credit are paid.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from headwater_payments.errors import HeadwaterError, InvalidInputError

if TYPE_CHECKING:
    from headwater_attribution.attribution import Attribution
    from headwater_attribution.audit_documents import AuditDocument
    from headwater_attribution.corpus import Corpus

MOST_BYTES: Final = 2**26
MODEL: Final = "version"


class KnownAnswer(BaseModel):
    """A question, and what a right answer says; a line of the file of questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    truth: str


def audit(
    version: Annotated[
        Path, typer.Argument(help="A version, as `headwater datanet version` wrote it.")
    ],
    questions: Annotated[
        Path, typer.Argument(help="JSON lines: objects with a `question` and its `truth`.")
    ],
    output: Annotated[Path, typer.Argument(help="A new file for the audits.")],
    keyfile: Annotated[
        Path | None, typer.Option("--keyfile", help="The auditor's encrypted seed, to sign with.")
    ] = None,
    index: Annotated[int, typer.Option("--index", min=0, help="Which of its accounts.")] = 0,
    chain_id: Annotated[int, typer.Option(min=1, help="Of the signatures.")] = 84_532,
) -> None:
    """Ask the embedded model over VERSION, and hold what it says against right answers.

    Prints of each contribution the part of its credit that is confirmed, and which ones should be
    left out, since answers are nearer to the truth without them. Status 1 where there are such.
    """
    import anyio

    try:
        from headwater_attribution.tables import show_table
        from headwater_marketplace.datanets.version_file import read_version

        corpus = read_version(version).corpus.corpus()
        known = _read_questions(questions)
        found = anyio.run(_asked, corpus, known, keyfile, index, chain_id)
        _write(output, [document for document, _ in found])
        rows, gone = _rows(found)
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    from rich.console import Console

    headings = ("contribution", "audits", "confirmed", "left out")
    show_table(Console(), headings, rows, right=headings[1:3])
    typer.echo(f"{len(found)} audits are in {output}.")
    if gone:
        raise typer.Exit(1)


async def _asked(
    corpus: "Corpus",
    known: Sequence[KnownAnswer],
    keyfile: Path | None,
    index: int,
    chain_id: int,
) -> "list[tuple[AuditDocument, Attribution]]":
    from headwater_attribution.audit_documents import sign_audit
    from headwater_attribution.clusters import star_centres
    from headwater_attribution.methods import default_method
    from headwater_models.audit import audit_answer
    from headwater_models.chat import ChatRequest
    from headwater_models.completion import CompletionFrame, complete
    from headwater_models.corpus_backend import CorpusBackend, CorpusRow
    from headwater_payments.hexadecimal import to_hex
    from headwater_wallet.cli_support import password
    from headwater_wallet.keys import SeedKeystore

    signer = None if keyfile is None else SeedKeystore.load(keyfile, password).signer(index)
    rows = [
        CorpusRow(corpus.row_id(number), row.contribution_id, row.contributor, "", row.text)
        for number, row in enumerate(corpus.rows)
    ]
    backend = CorpusBackend(MODEL, rows, to_hex(corpus.root), centres=star_centres(corpus))
    method = default_method(corpus)
    found = []
    for each in known:
        message = {"role": "user", "content": each.question}
        request = ChatRequest.model_validate({"model": MODEL, "messages": [message]})
        _, finish = await complete(backend, request, CompletionFrame("", 0, MODEL))
        credited = method.attribute(finish.evidence)
        document = await audit_answer(backend, request, finish.evidence, credited, each.truth)
        if signer is not None:
            document = await sign_audit(document, signer, chain_id)
        found.append((document, credited))
    return found


def _rows(
    found: "Sequence[tuple[AuditDocument, Attribution]]",
) -> tuple[list[tuple[str, ...]], frozenset[int]]:
    from headwater_attribution.audits import confirmed_parts, refuted
    from headwater_payments.split import PARTS

    shown = [share for document, credited in found for share in document.shares(credited)]
    gone = refuted(shown)
    rows: list[tuple[str, ...]] = [
        (
            str(number),
            str(sum(share.contribution_id == number for share in shown)),
            f"{parts / PARTS:.1%}",
            "yes" if number in gone else "",
        )
        for number, parts in confirmed_parts(shown).items()
    ]
    return rows, gone


def _read_questions(path: Path) -> list[KnownAnswer]:
    from headwater_payments.files import read_file

    try:
        lines = read_file(path, MOST_BYTES).splitlines()
        return [KnownAnswer.model_validate_json(line) for line in lines if line.strip()]
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except ValidationError as exc:
        raise InvalidInputError(
            f"The file {path} has a line that is no object with a question and its truth."
        ) from exc


def _write(path: Path, audits: "list[AuditDocument]") -> None:
    from headwater_attribution.audit_documents import AuditDocument

    try:
        with path.open("xb") as file:
            file.write(TypeAdapter(list[AuditDocument]).dump_json(audits) + b"\n")
    except OSError as exc:
        raise InvalidInputError(f"The audits can't be written to {path}: {exc.strerror}.") from exc
