"""What a contributor keeps until rows may be shown: the rows, and the salt of their seal."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from headwater_attribution.admission import Contribution
from headwater_attribution.admission.seal import SALT, Opening
from headwater_attribution.documents import AddressText, Strict, Word
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json

MOST_BYTES: Final = 2**28
"""Of a file of rows, 256 MiB."""


class OpeningFile(Strict):
    """One contribution with its salt; whoever has it can try out what the seal hides."""

    format: Literal["headwater/opening/1"] = "headwater/opening/1"
    contributor: AddressText
    licence_id: str
    salt: Word = Field(repr=False)
    rows: tuple[str, ...] = Field(min_length=1, repr=False)
    consent: str = Field(default="", repr=False)
    sources: tuple[str, ...] = ()

    def opening(self, number: int) -> Opening:
        """The same as admission takes it, under the number that the datanet gave."""
        who = parse_address(self.contributor)
        shown = Contribution(
            number, who, self.licence_id, self.rows, self.consent, sources=self.sources
        )
        return Opening(shown, parse_hex(self.salt, length=SALT))


def make_opening(
    rows: Path,
    contributor: Address,
    licence_id: str,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> OpeningFile:
    """Read a contributor's rows (`read_texts`), and draw a salt.

    Raises:
        InvalidInputError: the file can't be read, or a line is no row.
    """
    texts = read_texts(rows)
    salt = to_hex(random_bytes(SALT))
    return OpeningFile(contributor=contributor, licence_id=licence_id, salt=salt, rows=texts)


def read_texts(path: Path) -> tuple[str, ...]:
    """Read texts: a JSON string, or an object with a `text`, on each line.

    Raises:
        InvalidInputError: the file can't be read, holds nothing, or a line is no text.
    """
    try:
        lines = read_file(path, MOST_BYTES).decode().split("\n")
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise InvalidInputError(f"The file {path} is not UTF-8.") from exc
    texts = tuple(_text(line, number, path) for number, line in enumerate(lines, 1) if line.strip())
    if not texts:
        raise InvalidInputError(f"The file {path} holds no rows.")
    return texts


def hash_of_terms(path: Path) -> str:
    """`0x` and the SHA-256 of a file of terms, byte for byte.

    Raises:
        InvalidInputError: the file can't be read.
    """
    try:
        return to_hex(hashlib.sha256(read_file(path, MOST_BYTES)).digest())
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc


def write_opening(opening: OpeningFile, path: Path) -> None:
    """Write it to a new file that nobody else may read.

    Raises:
        InvalidInputError: there is something already, or it can't be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(opening.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be written: {exc.strerror}.") from exc


def read_opening(path: Path) -> OpeningFile:
    """Read such a file.

    Raises:
        InvalidInputError: it can't be read, or holds something else.
    """
    try:
        return OpeningFile.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        # What the file holds is secret, so nothing of it is repeated.
        raise InvalidInputError(f"The file {path} is no opening of a seal.") from exc


def _text(line: str, number: int, path: Path) -> str:
    try:
        found = read_json(line)
    except (HeadwaterError, ValueError) as exc:
        raise InvalidInputError(f"Line {number} of {path} is not JSON.") from exc
    text = found.get("text") if isinstance(found, dict) else found
    if not isinstance(text, str):
        raise InvalidInputError(
            f"Line {number} of {path} is neither a JSON string nor an object with a text."
        )
    return text
