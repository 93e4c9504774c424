"""The marketplace's books: double-entry postings, appended in the transaction that moves money."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, Table, desc, insert, select

from headwater_marketplace.seller.tables import JournalRow
from headwater_payments.ledger import GENESIS, Entry, Posting, make_entry
from headwater_wallet.prepared import Prepared

_journal: Table = JournalRow.__table__  # type: ignore[attr-defined]
_INSERT = Prepared(insert(_journal))
_LAST = Prepared(
    select(_journal.c.sequence, _journal.c.hash).order_by(desc(_journal.c.sequence)).limit(1)
)


def append(
    connection: Connection, memo: str, reference: str, postings: Iterable[Posting]
) -> Entry | None:
    """Add an entry inside the caller's transaction; postings of zero only are no entry.

    Raises:
        InvalidInputError: the postings do not balance.
    """
    moved = [posting for posting in postings if posting.amount]
    if not moved:
        return None
    last = _LAST.first(connection, {})
    sequence = 0 if last is None else last[0] + 1
    previous = GENESIS if last is None else bytes.fromhex(last[1])
    entry = make_entry(sequence, memo, reference, moved, previous)
    _INSERT.run(
        connection,
        {
            "sequence": sequence,
            "memo": memo,
            "reference": reference,
            "postings": json.dumps([[p.account, p.asset, str(p.amount)] for p in entry.postings]),
            "previous": entry.previous.hex(),
            "hash": entry.hash.hex(),
        },
    )
    return entry


def read_journal(connection: Connection) -> list[Entry]:
    """The whole journal in order."""
    rows = connection.execute(select(_journal).order_by(_journal.c.sequence))
    return [
        Entry(
            row.sequence,
            row.memo,
            row.reference,
            tuple(
                Posting(account, asset, int(n)) for account, asset, n in json.loads(row.postings)
            ),
            bytes.fromhex(row.previous),
            bytes.fromhex(row.hash),
        )
        for row in rows
    ]
