"""Statements of the paid path, compiled once and handed to the database's driver as they are.

Compiling a statement's cache key, its parameters and its result's columns anew for each execution
takes several times what SQLite takes to run it, and a payment runs some thirty of them. What is
prepared is an SQLAlchemy statement all the same: dialects, types and errors are SQLAlchemy's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

Processor = Callable[[Any], Any]


class Prepared:
    """One statement, run with named parameters in the caller's transaction.

    Args:
        statement: what to run; it has no list of parameters whose length may vary. An insert or an
            update may be run for some of its columns: those that are named.
    """

    __slots__ = ("_compiled", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def run(self, connection: Connection, named: Mapping[str, Any]) -> None:
        """Execute it for what it changes.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        form = self._form(connection.dialect, tuple(named))
        _execute(connection, form, named, fetch=False)

    def rows(self, connection: Connection, named: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Execute it for its rows, in the order of the columns that it selects.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        form = self._form(connection.dialect, ())
        found = _execute(connection, form, named, fetch=True)
        return [form.row(row) for row in found] if form.results else found

    def first(self, connection: Connection, named: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first of its rows; None where there is none."""
        rows = self.rows(connection, named)
        return rows[0] if rows else None

    def _form(self, dialect: Dialect, columns: tuple[str, ...]) -> "_Compiled":
        form = self._compiled.get((dialect.name, columns))
        if form is None:
            form = _Compiled.of(self._statement, dialect, columns)
            self._compiled[dialect.name, columns] = form
        return form


def _execute(
    connection: Connection, form: "_Compiled", named: Mapping[str, Any], *, fetch: bool
) -> list[tuple[Any, ...]]:
    if connection.get_transaction() is None:
        connection.begin()
    dialect, cursor = connection.dialect, connection.connection.cursor()
    try:
        dialect.do_execute(cursor, form.text, form.parameters(named))
        # SQLite reads as rows are fetched, so that is where a damaged file shows.
        found: Any = cursor.fetchall() if fetch else []
    except dialect.loaded_dbapi.Error as exc:
        raise _told(connection, form, cursor, exc) from exc
    cursor.close()
    return list(found)


def _told(
    connection: Connection, form: "_Compiled", cursor: Any, error: Any
) -> DBAPIError | StatementError:
    """The driver's error as SQLAlchemy has it; a connection that was lost is given up."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
    if lost:
        connection.invalidate(error)
    else:
        cursor.close()
    told: DBAPIError | StatementError = DBAPIError.instance(
        form.text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
    return told


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in one dialect; `order` is None where parameters are passed by name."""

    text: str
    order: tuple[str, ...] | None
    constants: Mapping[str, Any]
    binds: tuple[tuple[str, Processor], ...]
    results: tuple[Processor | None, ...]

    @classmethod
    def of(
        cls, statement: ClauseElement, dialect: Dialect, columns: tuple[str, ...]
    ) -> "_Compiled":
        changes = getattr(statement, "is_dml", False)
        keys = list(columns) if changes else None
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        assert not compiled.post_compile_params, "a list of parameters cannot be prepared"
        binds = ((name, _binding(each.type, dialect)) for name, each in compiled.binds.items())
        given = compiled.construct_params(_check=False)
        selected = () if changes else getattr(statement, "selected_columns", ())
        results = tuple(_reading(column.type, dialect) for column in selected)
        return cls(
            text=str(compiled),
            order=tuple(compiled.positiontup or ()) if compiled.positional else None,
            constants={name: value for name, value in given.items() if value is not None},
            binds=tuple((name, process) for name, process in binds if process is not None),
            results=results if any(results) else (),
        )

    def parameters(self, named: Mapping[str, Any]) -> Any:
        values: Mapping[str, Any] = named
        if self.constants or self.binds:
            changed = {**self.constants, **named}
            for name, process in self.binds:
                changed[name] = process(changed[name])
            values = changed
        return values if self.order is None else tuple([values[name] for name in self.order])

    def row(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        pairs = zip(found, self.results, strict=True)
        return tuple([value if read is None else read(value) for value, read in pairs])


def _binding(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reading(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
