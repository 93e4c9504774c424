"""An epoch bundle as tables: a directory of Parquet files that other programs and `verify` read.

`bundle.json` holds all but the rows, receipts and leaves, and the SHA-256 of the three files that
hold those. Amounts are decimals of whole atomic units, shares lists of structures; evidence stays
JSON. Nothing is lost: what is read back equals the bundle that was written.

Needs polars (`headwater[parquet]`).
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from headwater_attribution.bundle import EpochBundle
from headwater_payments.errors import InvalidInputError, needing
from headwater_payments.files import read_file
from headwater_payments.json_text import read_json

with needing("A bundle in Parquet", "parquet"):
    import polars as pl

HEAD: Final = "bundle.json"
TABLES: Final = ("rows", "receipts", "leaves")
MOST_BYTES: Final = 2**28
"""Of each file."""
MOST_ROWS: Final = 2**24
"""Of each table."""

_AMOUNT: Final = pl.Decimal(38, 0)
_SHARES: Final = pl.List(
    pl.Struct(
        {
            "contribution_id": pl.Int64(),
            "contributor": pl.String(),
            **dict.fromkeys(("parts", "low", "high", "influence"), pl.Int64()),
        }
    )
)
_SCHEMAS: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    "rows": {
        "contribution_id": pl.Int64(),
        "contributor": pl.String(),
        "licence_id": pl.String(),
        "sequence": pl.UInt64(),
        "text": pl.String(),
    },
    "receipts": {
        "receipt_id": pl.String(),
        "charge": _AMOUNT,
        "evidence": pl.String(),
        "shares": _SHARES,
    },
    "leaves": {
        "position": pl.Int64(),
        "account": pl.String(),
        "cumulative": _AMOUNT,
        "detail_root": pl.String(),
        "proof": pl.List(pl.Struct({"hash": pl.String(), "sum": pl.String()})),
    },
}

Body = dict[str, JsonValue]


def write_tables(bundle: EpochBundle, directory: Path) -> None:
    """Write a bundle as `bundle.json` and three Parquet files into a new directory.

    Raises:
        InvalidInputError: the directory is there already, or a number is too large for a table.
        OSError: it can't be written; what was is left.
    """
    _check_numbers(bundle)
    head = bundle.model_dump(
        mode="json", exclude={"receipts": True, "leaves": True, "corpus": {"rows": True}}
    )
    tables: dict[str, list[dict[str, Any]]] = {
        "rows": [each.model_dump(mode="json") for each in bundle.corpus.rows],
        "receipts": [_flat(each.model_dump(mode="json")) for each in bundle.receipts],
        "leaves": [
            each.model_dump(mode="json") | {"cumulative": Decimal(each.cumulative)}
            for each in bundle.leaves
        ],
    }
    try:
        directory.mkdir()
    except FileExistsError as exc:
        raise InvalidInputError(f"There is something at {directory} already.") from exc
    hashes = {}
    for name, rows in tables.items():
        path = _file(directory, name)
        pl.DataFrame(rows, schema=_SCHEMAS[name], orient="row").write_parquet(path)
        hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    document = {"format": "headwater/epoch-tables/1", "sha256": hashes, "bundle": head}
    (directory / HEAD).write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def read_tables(directory: Path) -> EpochBundle:
    """The bundle that `write_tables` wrote.

    A Parquet file may unpack to many times its size, so read those of publishers you know.

    Raises:
        InvalidInputError: a file is missing, too large, altered, or no such table.
        OSError: a file can't be read.
        ValidationError: it is no bundle.
    """
    document = read_json(read_file(directory / HEAD, MOST_BYTES))
    head = document.get("bundle") if isinstance(document, dict) else None
    hashes = document.get("sha256") if isinstance(document, dict) else None
    corpus = head.get("corpus") if isinstance(head, dict) else None
    if not isinstance(head, dict) or not isinstance(hashes, dict) or not isinstance(corpus, dict):
        raise InvalidInputError(f"The file {directory / HEAD} is not the head of a bundle.")
    tables = {name: _table(directory, name, hashes.get(name)) for name in TABLES}
    body = {
        **head,
        "corpus": {**corpus, "rows": tables["rows"]},
        "receipts": [_nested(each) for each in tables["receipts"]],
        "leaves": [each | {"cumulative": str(each["cumulative"])} for each in tables["leaves"]],
    }
    return EpochBundle.model_validate_json(json.dumps(body))


def _check_numbers(bundle: EpochBundle) -> None:
    amounts = [*(r.charge for r in bundle.receipts), *(leaf.cumulative for leaf in bundle.leaves)]
    numbers = [row.contribution_id for row in bundle.corpus.rows]
    for receipt in bundle.receipts:
        for share in receipt.attribution.shares:
            numbers += [share.contribution_id, share.influence]
    if max(amounts, default=0) >= 10**38 or not all(-(2**63) <= each < 2**63 for each in numbers):
        raise InvalidInputError("A number of the bundle is too large for a table.")


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.parquet"


def _table(directory: Path, name: str, wanted: object) -> list[Body]:
    path = _file(directory, name)
    raw = read_file(path, MOST_BYTES)
    if hashlib.sha256(raw).hexdigest() != wanted:
        raise InvalidInputError(f"The file {path} is not the one that {HEAD} names.")
    try:
        if pl.scan_parquet(raw).select(pl.len()).collect().item() > MOST_ROWS:
            raise InvalidInputError(f"The table {path} has more than {MOST_ROWS} rows.")
        table = pl.read_parquet(raw, schema=_SCHEMAS[name])
        return table.to_dicts()
    except pl.exceptions.PolarsError as exc:
        raise InvalidInputError(f"The file {path} holds no table of {name}.") from exc


def _flat(receipt: dict[str, Any]) -> dict[str, Any]:
    return {
        "receipt_id": receipt["receipt_id"],
        "charge": Decimal(receipt["charge"]),
        "evidence": json.dumps(receipt["evidence"], separators=(",", ":")),
        "shares": receipt["attribution"]["shares"],
    }


def _nested(receipt: Body) -> Body:
    return {
        "receipt_id": receipt["receipt_id"],
        "charge": str(receipt["charge"]),
        "evidence": read_json(str(receipt["evidence"])),
        "attribution": {"shares": receipt["shares"]},
    }
