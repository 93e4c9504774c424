"""Epoch bundles as files: one JSON document, or a directory of tables."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from headwater_attribution.bundle import EpochBundle
from headwater_payments.errors import HeadwaterError, InvalidInputError, MissingExtraError
from headwater_payments.files import read_file

MOST_BYTES: Final = 2**28
"""Of a bundle's file, 256 MiB: checking one takes several times its size in memory."""


def read_bundle(path: Path) -> EpochBundle:
    """Read one bundle: a JSON document, or a directory that `bundle_tables` wrote.

    Raises:
        InvalidInputError: the file can't be read, is too large, or holds no bundle.
        MissingExtraError: it is a directory, and what reads Parquet is not installed.
    """
    try:
        if path.is_dir():
            from headwater_attribution.bundle_tables import read_tables

            return read_tables(path)
        return EpochBundle.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except MissingExtraError:
        raise
    except (ValidationError, HeadwaterError) as exc:
        first = exc.errors()[0] if isinstance(exc, ValidationError) else None
        where = ".".join(map(str, first["loc"])) or "the document" if first else "the document"
        said = first["msg"] if first else str(exc)
        raise InvalidInputError(
            f"The file {path} is not an epoch bundle: at {where}: {said.rstrip('.')}."
        ) from exc
