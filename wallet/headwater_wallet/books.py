"""The wallet's books inside one transaction: each row is read once, and written if it changed.

A payment reads six rows and changes four. The statements for that are prepared, and a record is a
plain value, which together costs a small part of what an object-relational session takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, Select, Table, bindparam, insert, select, update

from headwater_wallet.prepared import Prepared
from headwater_wallet.records import TABLES

Query: TypeAlias = Prepared | Executable
"""Prepared where it runs with every payment."""
R = TypeVar("R")
T = TypeVar("T")
_KEY: Final = "key_"
"""Before the names of a key's parameters, which may not be those of columns."""


class Books:
    """Records of the wallet's tables, read and changed in the caller's transaction.

    What is asked for twice is the same object. Whoever makes one calls `flush` at the end, as
    `in_books` does; a query flushes first, so that it sees what was changed.
    """

    __slots__ = ("_added", "_connection", "_known", "_read")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[type[Any], tuple[Any, ...]], Any] = {}
        self._read: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        self._added: list[Any] = []

    @property
    def connection(self) -> Connection:
        """The transaction."""
        return self._connection

    def get(self, kind: type[R], *key: object) -> R | None:
        """One record by its key, in the order of the table's columns; None where there is none."""
        known: R | None = self._known.get((kind, key))
        if known is not None:
            return known
        form = _FORMS[kind]
        row = form.by_key.first(self._connection, form.named(key))
        return None if row is None else self._seen(kind, form, row)

    def found(self, kind: type[R], query: Query, **parameters: object) -> list[R]:
        """The records of a query that begins with `selecting(kind)`, in its order."""
        form = _FORMS[kind]
        return [self._seen(kind, form, tuple(row)) for row in self.rows(query, **parameters)]

    def first(self, kind: type[R], query: Query, **parameters: object) -> R | None:
        """The first record of such a query; None where there is none."""
        return next(iter(self.found(kind, query, **parameters)), None)

    def rows(self, query: Query, **parameters: object) -> Sequence[Any]:
        """The rows of any query."""
        self.flush()
        if isinstance(query, Prepared):
            return query.rows(self._connection, parameters)
        return self._connection.execute(query, parameters).all()

    def value(self, query: Query, **parameters: object) -> Any:
        """The first column of a query's first row; None where there is no row."""
        rows = self.rows(query, **parameters)
        return rows[0][0] if rows else None

    def add(self, *records: object) -> None:
        """Write new records at the end, in this order; one that is there already is an error."""
        for record in records:
            self._added.append(record)
            form = _FORMS[type(record)]
            self._known[type(record), form.key_of(form.values_of(record))] = record

    def remove(self, record: object) -> None:
        """Delete a record that was read."""
        self.flush()
        form = _FORMS[type(record)]
        key = form.key_of(form.values_of(record))
        self._known.pop((type(record), key), None)
        self._read.pop(id(record), None)
        form.delete.run(self._connection, form.named(key))

    def flush(self) -> None:
        """Write what was changed and added since the last time."""
        for record, before in list(self._read.values()):
            form = _FORMS[type(record)]
            after = form.values_of(record)
            if after != before:
                self._read[id(record)] = (record, after)
                pairs = zip(form.names, before, after, strict=True)
                changed = {name: new for name, old, new in pairs if new != old}
                form.update.run(self._connection, changed | form.named(form.key_of(after)))
        added, self._added = self._added, []
        for record in added:
            form = _FORMS[type(record)]
            values = form.values_of(record)
            named = dict(zip(form.names, values, strict=True))
            if None in form.key_of(values):
                # The database numbers it: what was added is found again by a query only.
                self._known.pop((type(record), form.key_of(values)), None)
                named = {name: v for name, v in named.items() if name not in form.keys}
            else:
                self._read[id(record)] = (record, values)
            form.insert.run(self._connection, named)

    def _seen(self, kind: type[R], form: "_Form", values: tuple[Any, ...]) -> R:
        key = (kind, form.key_of(values))
        known: R | None = self._known.get(key)
        if known is not None:
            return known
        record = kind(**dict(zip(form.names, values, strict=True)))
        self._known[key] = record
        self._read[id(record)] = (record, values)
        return record


def selecting(kind: type[Any]) -> Select[Any]:
    """A query for all records of a kind, to be narrowed and ordered."""
    return _FORMS[kind].select


def in_books(work: Callable[[Books], T]) -> Callable[[Connection], T]:
    """Work over books as work over a connection, in the form that `Database` takes."""

    def run(connection: Connection) -> T:
        books = Books(connection)
        result = work(books)
        books.flush()
        return result

    return run


@dataclass(frozen=True, slots=True)
class _Form:
    """The statements of one kind of record; `values_of` gives its fields in the order of names."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    places: tuple[int, ...]
    select: Select[Any]
    by_key: Prepared
    insert: Prepared
    update: Prepared
    delete: Prepared

    @classmethod
    def of(cls, kind: type[Any], table: Table) -> "_Form":
        names = tuple(each.name for each in fields(kind))
        keys = tuple(column.name for column in table.primary_key)
        this_one = [table.c[name] == bindparam(_KEY + name) for name in keys]
        every = select(*(table.c[name] for name in names))
        return cls(
            names=names,
            keys=keys,
            values_of=attrgetter(*names),
            places=tuple(names.index(name) for name in keys),
            select=every,
            by_key=Prepared(every.where(*this_one)),
            insert=Prepared(insert(table)),
            update=Prepared(update(table).where(*this_one)),
            delete=Prepared(table.delete().where(*this_one)),
        )

    def key_of(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(values[place] for place in self.places)

    def named(self, key: tuple[Any, ...]) -> dict[str, Any]:
        return {_KEY + name: value for name, value in zip(self.keys, key, strict=True)}


_FORMS: Final = {kind: _Form.of(kind, table) for kind, table in TABLES.items()}
