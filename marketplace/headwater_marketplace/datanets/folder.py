"""A datanet in a folder: its terms, and of each round the seals, what was shown, and the verdicts.

    datanet.json          who judges, by what, and on which chain its signatures are valid
    rounds/1/seals.json   the log; not signed while the round takes seals
    rounds/1/shown.jsonl  openings in the order they came, once the log is signed
    rounds/1/withdrawals.jsonl signed by contributors who take their consent back, as they came
    rounds/1/verdicts.json signed, and the round is over

Everything is derived from these: the version's rows, and the part of a bundle that shows who had
them first. Files are replaced whole, so that a crash leaves the old or the new one.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from headwater_attribution.admission import (
    AdmissionDesk,
    ConsentTerms,
    Contribution,
    LicenceTerms,
    Withdrawal,
)
from headwater_attribution.admission.consent import read_withdrawal
from headwater_attribution.admission.priority import RoundPart, round_part
from headwater_attribution.admission.rounds import Placed, in_order
from headwater_attribution.admission.seal import Opening
from headwater_attribution.admission.seal_log import FIRST_ROUND, SealLog
from headwater_attribution.admission.signed import SignedVerdicts
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.documents import AddressText, Strict, Word
from headwater_marketplace.datanets.opening_file import OpeningFile
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import to_hex

MOST_BYTES: Final = 2**30
"""Of each file."""

_Document = TypeVar("_Document", bound=BaseModel)
_VERDICTS: Final = TypeAdapter(tuple[SignedVerdicts, ...])


class DatanetTerms(Strict):
    """What a datanet was started with.

    Attributes:
        datanet_id: its number, the asset's where it is registered.
        chain_id: of its signatures.
        desk: who signs seals and verdicts.
        licences: SPDX ids that rows may have; any where empty.
        reference: public texts that are nobody's, which the desk knows beforehand.
        consent: SHA-256 of the terms that contributors sign; nobody has to where it is None.
        sold: whether answers made from rows are paid for; None where licences aren't held to it.
        given_out_under: the SPDX id of its versions' licence, where they have one.
    """

    format: Literal["headwater/datanet/1"] = "headwater/datanet/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    chain_id: int = Field(ge=0, lt=2**256)
    desk: AddressText
    licences: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    consent: Word | None = None
    sold: bool | None = None
    given_out_under: str = ""

    def fresh_desk(self) -> AdmissionDesk:
        """A desk that has judged nothing yet."""
        asked = ConsentTerms(self.datanet_id, self.chain_id, self.consent) if self.consent else None
        use = None if self.sold is None else LicenceTerms(self.given_out_under, self.sold)
        return AdmissionDesk(
            licences=self.licences or None,
            reference=self.reference,
            consent=asked,
            licence_terms=use,
        )


class DatanetFolder:
    """A datanet's folder; one process at a time may write to it.

    Args:
        path: of the folder.

    Raises:
        InvalidInputError: there is no datanet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.terms = _read(path / "datanet.json", DatanetTerms)

    @classmethod
    def start(cls, path: Path, terms: DatanetTerms) -> "DatanetFolder":
        """Make the folder of a new datanet, whose first round takes seals.

        Raises:
            InvalidInputError: there is something already, or it can't be written.
        """
        try:
            path.mkdir(parents=True)
        except OSError as exc:
            raise InvalidInputError(f"No datanet can start at {path}: {exc.strerror}.") from exc
        _write(path / "datanet.json", terms.model_dump_json(indent=1))
        return cls(path)

    @property
    def round(self) -> int:
        """The number of the round that is not over."""
        number = 1
        while (self._round(number) / "verdicts.json").exists():
            number += 1
        return number

    def log(self, number: int | None = None) -> SealLog:
        """The log of a round, of the present one by default; empty where nothing was sealed yet."""
        wanted = self.round if number is None else number
        path = self._round(wanted) / "seals.json"
        if path.exists():
            return _read(path, SealLog)
        before = to_hex(self.log(wanted - 1).hash()) if wanted > 1 else FIRST_ROUND
        return SealLog(datanet_id=self.terms.datanet_id, round=wanted, before=before, seals=())

    def write_log(self, log: SealLog) -> None:
        """Keep the log of the present round.

        Raises:
            InvalidInputError: it is signed already, so rows may have been shown.
        """
        if self.log().signature:
            raise InvalidInputError(
                f"Round {log.round} takes no seals any more: wait for the next."
            )
        _write(self._round(log.round) / "seals.json", log.model_dump_json())

    def show(self, opening: OpeningFile) -> Placed:
        """Take in what a contributor shows, and give it a number.

        Raises:
            InvalidInputError: the round still takes seals, so whoever shows rows shows them to
                whoever may still seal.
            SealBrokenError: it was shown already.
        """
        log = self.log()
        if not log.signature:
            raise InvalidInputError(
                f"Round {log.round} still takes seals: show nothing until it is opened."
            )
        number = 1 + sum(len(self._lines(each)) for each in range(1, log.round + 1))
        placed = in_order(log, [*self._shown(log.round), opening.opening(number)])
        lines = [line.decode() for line in self._lines(log.round)]
        path = self._round(log.round) / "shown.jsonl"
        _write(path, "\n".join([*lines, opening.model_dump_json()]))
        return next(p for p in placed if p.contribution.contribution_id == number)

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Take in that a contributor takes back consent, before the present round is judged.

        Raises:
            InvalidInputError: it is not signed by the contributor it names, of another datanet, or
                not of the present round.
        """
        here = self.round
        if withdrawal.until_round != here or not self._holds(withdrawal):
            raise InvalidInputError(
                f"A withdrawal is signed by its contributor, for datanet {self.terms.datanet_id} "
                f"and up to round {here}."
            )
        lines = [each.model_dump_json() for each in self._withdrawals(here)]
        path = self._round(here) / "withdrawals.jsonl"
        _write(path, "\n".join([*lines, withdrawal.model_dump_json()]))

    def placed(self, number: int) -> list[Placed]:
        """What was shown in a round, in the order to be judged in."""
        return in_order(self.log(number), self._shown(number))

    def write_verdicts(self, verdicts: list[SignedVerdicts]) -> None:
        """End the present round."""
        text = _VERDICTS.dump_json(tuple(verdicts)).decode()
        _write(self._round(self.round) / "verdicts.json", text)

    def history(self) -> list[tuple[Contribution, SignedVerdicts]]:
        """Everything judged so far, in order.

        Raises:
            InvalidInputError: verdicts are there for other contributions than were shown, or of
                another round.
        """
        found = []
        for number in range(1, self.round):
            verdicts = self._verdicts(number)
            placed = self.placed(number)
            if len(verdicts) != len(placed):
                raise InvalidInputError(
                    f"Round {number} has {len(verdicts)} verdicts on {len(placed)} contributions."
                )
            if any(each.round != number for each in verdicts):
                raise InvalidInputError(f"Round {number} has verdicts of another round.")
            found += [(p.contribution, v) for p, v in zip(placed, verdicts, strict=True)]
        return found

    def corpus(self) -> Corpus:
        """The version of all rounds that are over: accepted rows, in the order they were judged.

        Rows of contributors who have taken their consent back are left out, and the others keep
        their sequence numbers.

        Raises:
            InvalidInputError: no row was accepted yet, or none is left.
        """
        return Corpus(self.terms.datanet_id, self.round - 1, self.rows_before(self.round))

    def has_rows(self) -> bool:
        """Whether the version has any."""
        return bool(self.rows_before(self.round))

    def rounds(self, corpus: Corpus) -> tuple[RoundPart, ...]:
        """What shows in a bundle who had the rows of a version first."""
        numbers = range(1, self.round)
        return tuple(round_part(self.log(n), self.placed(n), corpus) for n in numbers)

    def rows_before(self, number: int) -> list[CorpusRow]:
        """The rows of the version that round `number`, or an earlier one, started with."""
        rows, sequence, until = [], 0, self._withdrawn(number)
        for contribution, signed in self.history():
            if signed.round >= number:
                continue
            stays = signed.round > until.get(contribution.contributor, 0)
            for verdict in signed.verdicts:
                if not verdict.accepted:
                    continue
                if stays:
                    row = CorpusRow(
                        contribution.contribution_id,
                        contribution.contributor,
                        contribution.licence_id,
                        sequence,
                        contribution.rows[verdict.ref.row],
                    )
                    rows.append(row)
                sequence += 1
        return rows

    def _shown(self, number: int) -> list[Opening]:
        path = self._round(number) / "shown.jsonl"
        first = 1 + sum(len(self._lines(each)) for each in range(1, number))
        try:
            openings = [
                OpeningFile.model_validate_json(line).opening(at)
                for at, line in enumerate(self._lines(number), start=first)
            ]
        except (ValidationError, HeadwaterError) as exc:
            raise InvalidInputError(f"The file {path} holds no openings of seals.") from exc
        withdrawn = {each.contributor: each for each in self._withdrawals(number)}
        return [_withdrawn(each, withdrawn.get(each.contribution.contributor)) for each in openings]

    def _withdrawals(self, number: int) -> list[Withdrawal]:
        path = self._round(number) / "withdrawals.jsonl"
        lines = read_file(path, MOST_BYTES).decode().splitlines() if path.exists() else []
        found = [read_withdrawal(line) for line in lines]
        if any(each.until_round != number or not self._holds(each) for each in found):
            raise InvalidInputError(f"The file {path} holds what is no withdrawal of its round.")
        return found

    def _withdrawn(self, before: int) -> dict[str, int]:
        """Up to which round contributors have taken back consent, in the rounds before one."""
        numbers = range(1, before)
        return {each.contributor: n for n in numbers for each in self._withdrawals(n)}

    def _holds(self, withdrawal: Withdrawal) -> bool:
        return withdrawal.holds(self.terms.datanet_id, self.terms.chain_id)

    def _lines(self, number: int) -> list[bytes]:
        path = self._round(number) / "shown.jsonl"
        return read_file(path, MOST_BYTES).splitlines() if path.exists() else []

    def _verdicts(self, number: int) -> tuple[SignedVerdicts, ...]:
        path = self._round(number) / "verdicts.json"
        try:
            return _VERDICTS.validate_json(read_file(path, MOST_BYTES))
        except (OSError, ValidationError, HeadwaterError) as exc:
            raise InvalidInputError(f"The file {path} holds no verdicts.") from exc

    def _round(self, number: int) -> Path:
        return self._path / "rounds" / str(number)


def _withdrawn(opening: Opening, withdrawal: Withdrawal | None) -> Opening:
    if withdrawal is None:
        return opening
    shown = replace(opening.contribution, withdrawal=withdrawal.model_dump_json())
    return replace(opening, contribution=shown)


def _read(path: Path, kind: type[_Document]) -> _Document:
    try:
        return kind.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        raise InvalidInputError(f"The file {path} is not what a datanet keeps there.") from exc


def _write(path: Path, text: str) -> None:
    """Replace a file whole.

    Raises:
        InvalidInputError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be written: {exc.strerror}.") from exc
