"""Payments and what sellers signed as CSV and JSON: everything but the signed headers."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from headwater_payments.json_text import read_json
from headwater_wallet.audit import AuditEntry
from headwater_wallet.spend_records import Intent
from headwater_wallet.statements import KeptStatement

COLUMNS: Final = tuple(name for name in Intent.__dataclass_fields__ if name != "header")
"""What is exported. A signed header can be sent again by whoever holds it, so it stays inside."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(intents: Iterable[Intent]) -> str:
    """CSV with a head line; a text that a spreadsheet would run is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for intent in intents:
        writer.writerow([_inert(value) for value in _record(intent).values()])
    return out.getvalue()


def json_array(intents: Iterable[Intent]) -> str:
    """One JSON array; amounts are integers of atomic units."""
    return json.dumps([_record(intent) for intent in intents], indent=1) + "\n"


def json_lines(intents: Iterable[Intent]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(_record(intent)) + "\n" for intent in intents)


def audit_csv(entries: Iterable[AuditEntry]) -> str:
    """The audit log as CSV, with a head line; `body` is JSON, whose hash the entry's covers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(AuditEntry.__dataclass_fields__)
    for entry in entries:
        writer.writerow([_inert(value) for value in asdict(entry).values()])
    return out.getvalue()


def audit_json(entries: Iterable[AuditEntry]) -> str:
    """The audit log as one JSON array of the entries as they are hashed."""
    return json.dumps([asdict(entry) for entry in entries], indent=1) + "\n"


def statements_csv(statements: Iterable[KeptStatement]) -> str:
    """Sellers' statements as CSV, with a head line; `signed` is JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(KeptStatement.__dataclass_fields__)
    for statement in statements:
        writer.writerow([_inert(value) for value in asdict(statement).values()])
    return out.getvalue()


def statements_json(statements: Iterable[KeptStatement]) -> str:
    """Sellers' statements as one JSON array; `signed` is the object that they signed."""
    found = [{**asdict(each), "signed": read_json(each.signed)} for each in statements]
    return json.dumps(found, indent=1) + "\n"


def _record(intent: Intent) -> dict[str, object]:
    values = asdict(intent)
    return {name: values[name] for name in COLUMNS}


def _inert(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
