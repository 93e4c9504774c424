"""The audit log: what became of every payment, each entry bound to the one before by its hash.

An entry is appended in the transaction that changes the ledger, under the lock that reservations
take, so there is none without the change and no change without it, whichever process made it. It
commits to what was signed (the hash of the header with the voucher) and to what was answered (the
hash of the receipt), and so binds intent, voucher, receipt and claim together.

Whoever can write the database can write the whole log anew; that shows against a head that was
noted elsewhere before.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, desc, insert, select

from headwater_payments.errors import HeadwaterError
from headwater_wallet.prepared import Prepared
from headwater_wallet.records import TABLES, IntentRecord
from headwater_wallet.tables import AuditRow, StatementRow

GENESIS: Final = "00" * 32
_log: Table = AuditRow.__table__  # type: ignore[attr-defined]
_intents = TABLES[IntentRecord]
_statements: Table = StatementRow.__table__  # type: ignore[attr-defined]
_AGREED: Final = (
    *("budget", "scheme", "url", "payee", "network", "asset", "amount", "budgeted"),
    *("max_claimable", "deposit", "channel_id", "created_at"),
)
STATEMENT_BODY: Final = ("digest", "signer", "vouched", "problem")
"""What an entry says of a seller's signed statement."""
_STATEMENTS: Final = ("offer", "receipt")
_NOT_PAYMENTS: Final = ("limit", "claimed", *_STATEMENTS)


class AuditBrokenError(HeadwaterError):
    """The log and the ledger don't hold together: something was changed behind their back."""

    code = "audit_broken"
    http_status = 409


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry; `body` is canonical JSON, hashes are hexadecimal.

    `event` is a state of a payment, and `subject` the payment; `offer` and `receipt`, what its
    seller signed about it; or `limit` and a budget, `claimed` and a channel. `opening` takes over a
    payment from a ledger that kept no log.
    """

    sequence: int
    event: str
    subject: str
    body: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditState:
    """A log that holds: its entries, the payments of the ledger, and the hash of the last entry."""

    entries: int
    payments: int
    head: str


def append(connection: Connection, event: str, subject: str, body: Mapping[str, object]) -> None:
    """Add an entry in the caller's transaction, which must hold the write lock."""
    last = _last(connection)
    if last is None:
        for row in connection.execute(select(_intents).order_by(_intents.c.created_at)):
            # The payment that is being changed is taken over as its entry will show it.
            if row.payment_id != subject or event in _NOT_PAYMENTS:
                last = _write(connection, last, "opening", row.payment_id, payment_body(row))
    _write(connection, last, event, subject, body)


def append_once(
    connection: Connection, event: str, subject: str, body: Mapping[str, object]
) -> bool:
    """Add an entry unless the very same is there already; gives whether it was added."""
    same = select(_log.c.sequence).where(
        _log.c.subject == subject, _log.c.event == event, _log.c.body == _canonical(body)
    )
    if connection.execute(same).first() is not None:
        return False
    append(connection, event, subject, body)
    return True


def check(connection: Connection, head: str | None = None) -> AuditState:
    """Check the whole log, and every payment against it.

    Raises:
        AuditBrokenError: names the first entry or payment that does not hold.
    """
    entries = read_log(connection)
    found = check_log(entries, head)
    check_statements(connection, entries)
    return AuditState(len(entries), check_payments(connection, entries), found)


def payment_body(row: "Row[Any] | IntentRecord") -> dict[str, object]:
    """What an entry says of a payment: everything agreed, and hashes of what was exchanged."""
    return {
        **{name: getattr(row, name) for name in _AGREED},
        "state": row.state,
        "charge": row.charge,
        "header_sha256": _digest(row.header),
        "receipt_sha256": _digest(row.receipt),
    }


def read_log(connection: Connection) -> list[AuditEntry]:
    """The whole log, in order."""
    rows = connection.execute(select(_log).order_by(_log.c.sequence))
    return [_as_entry(row) for row in rows]


def check_log(entries: Iterable[AuditEntry], head: str | None = None) -> str:
    """Check that nothing in the log was changed, removed or moved; gives the head.

    Args:
        entries: the whole log.
        head: a hash that was noted before: it must be that of one of the entries.

    Raises:
        AuditBrokenError: names the first entry that does not hold, or the head that is missing.
    """
    previous, seen = GENESIS, head is None or head == GENESIS
    for position, entry in enumerate(entries):
        if entry.sequence != position:
            raise AuditBrokenError(f"Entry {position} was removed.", entry=position)
        if entry.hash != entry_hash(entry):
            raise AuditBrokenError(f"Entry {position} was changed.", entry=position)
        if entry.previous != previous:
            raise AuditBrokenError(
                f"Entry {position} does not follow the one before it.", entry=position
            )
        previous = entry.hash
        seen = seen or entry.hash == head
    if not seen:
        raise AuditBrokenError(f"No entry has the hash {head}: the log was rewritten or cut off.")
    return previous


def check_payments(connection: Connection, entries: Iterable[AuditEntry]) -> int:
    """Check that every payment of the ledger is as the log last showed it; gives their number.

    Raises:
        AuditBrokenError: names the first payment that differs, is missing or is not in the log.
    """
    shown = {e.subject: (e.sequence, e.body) for e in entries if e.event not in _NOT_PAYMENTS}
    rows = {row.payment_id: row for row in connection.execute(select(_intents))}
    if not shown:
        return len(rows)
    for payment_id, row in rows.items():
        if payment_id not in shown:
            raise AuditBrokenError(f"The payment {payment_id} is not in the log.")
        sequence, body = shown[payment_id]
        if _canonical(payment_body(row)) != body:
            raise AuditBrokenError(
                f"The payment {payment_id} is not as entry {sequence} shows it.", entry=sequence
            )
    if missing := sorted(set(shown) - set(rows)):
        sequence = shown[missing[0]][0]
        raise AuditBrokenError(
            f"The payment {missing[0]} of entry {sequence} was removed.", entry=sequence
        )
    return len(rows)


def check_statements(connection: Connection, entries: Iterable[AuditEntry]) -> None:
    """Check that every seller's statement is as it was logged, and none is missing.

    Raises:
        AuditBrokenError: names the payment whose statement differs, is missing or was never logged.
    """
    logged = {(e.subject, e.body) for e in entries if e.event in _STATEMENTS}
    kept = set()
    for row in connection.execute(select(_statements)):
        body = {name: getattr(row, name) for name in STATEMENT_BODY}
        kept.add((row.payment_id, _canonical(body)))
        if _digest(row.signed) != row.digest:
            raise AuditBrokenError(f"A statement about the payment {row.payment_id} was changed.")
    if different := sorted(logged ^ kept):
        raise AuditBrokenError(
            f"The statements about the payment {different[0][0]} are not as they were logged."
        )


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the canonical JSON of everything else in the entry."""
    return _hash(entry.sequence, entry.event, entry.subject, entry.body, entry.previous)


def _last(connection: Connection) -> tuple[int, str] | None:
    row = _LAST.first(connection, {})
    return None if row is None else (row[0], row[1])


def _write(
    connection: Connection,
    last: tuple[int, str] | None,
    event: str,
    subject: str,
    body: Mapping[str, object],
) -> tuple[int, str]:
    sequence, previous = (0, GENESIS) if last is None else (last[0] + 1, last[1])
    text = _canonical(body)
    own = _hash(sequence, event, subject, text, previous)
    _INSERT.run(
        connection,
        {
            "sequence": sequence,
            "event": event,
            "subject": subject,
            "body": text,
            "previous": previous,
            "hash": own,
        },
    )
    return sequence, own


_INSERT = Prepared(insert(_log))
_LAST = Prepared(select(_log.c.sequence, _log.c.hash).order_by(desc(_log.c.sequence)).limit(1))


def _hash(sequence: int, event: str, subject: str, body: str, previous: str) -> str:
    text = _canonical([sequence, event, subject, body, previous])
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _as_entry(row: "Row[Any]") -> AuditEntry:
    return AuditEntry(row.sequence, row.event, row.subject, row.body, row.previous, row.hash)
