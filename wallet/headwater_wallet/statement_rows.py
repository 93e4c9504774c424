"""Sellers' statements as rows, bound to their payments by the audit log."""

from sqlalchemy import Connection, Table, insert, select

from headwater_wallet import audit
from headwater_wallet.statements import KeptStatement
from headwater_wallet.tables import StatementRow

_statements: Table = StatementRow.__table__  # type: ignore[attr-defined]
_COLUMNS = KeptStatement.__dataclass_fields__
# An offer and the receipt that follows it may come within one second; their kinds sort likewise.
_OLDEST_FIRST = (_statements.c.received_at, _statements.c.kind, _statements.c.digest)


def keep(connection: Connection, statement: KeptStatement) -> bool:
    """Store a statement and log it, in the caller's write; gives whether it was new."""
    same = select(_statements.c.digest).where(
        _statements.c.payment_id == statement.payment_id, _statements.c.digest == statement.digest
    )
    if connection.execute(same).first() is not None:
        return False
    values = {name: getattr(statement, name) for name in _COLUMNS}
    connection.execute(insert(_statements), values)
    body = {name: values[name] for name in audit.STATEMENT_BODY}
    audit.append(connection, statement.kind, statement.payment_id, body)
    return True


def read_statements(
    connection: Connection, payment_id: str | None = None, *, wrong_only: bool = False
) -> list[KeptStatement]:
    """The statements about one payment or about all, oldest first."""
    query = select(_statements).order_by(*_OLDEST_FIRST)
    if payment_id is not None:
        query = query.where(_statements.c.payment_id == payment_id)
    if wrong_only:
        query = query.where(_statements.c.problem.is_not(None))
    rows = connection.execute(query)
    return [KeptStatement(**{name: getattr(row, name) for name in _COLUMNS}) for row in rows]
