"""Prepared statements: SQLAlchemy's types, errors and transactions, without its work each time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from headwater_wallet.prepared import Prepared

METADATA = MetaData()
KINDS = Table(
    "kinds",
    METADATA,
    SqlColumn("name", String, primary_key=True),
    SqlColumn("yes", Boolean),
    SqlColumn("raw", LargeBinary),
    SqlColumn("big", BigInteger),
)
INSERT = Prepared(insert(KINDS))
UPDATE = Prepared(update(KINDS).where(KINDS.c.name == bindparam("which")))
READ = Prepared(select(KINDS).where(KINDS.c.name == bindparam("which")))
FIRST_BIG = Prepared(select(KINDS.c.name).where(KINDS.c.big > 7).order_by(KINDS.c.big).limit(1))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    METADATA.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as opened:
        yield opened


def test_values_come_back_as_their_types_have_them(connection: Connection) -> None:
    row = {"name": "a", "yes": True, "raw": b"\x00\xff", "big": 2**62}
    INSERT.run(connection, row)
    found = READ.first(connection, {"which": "a"})
    assert found == tuple(row.values())
    assert found is not None
    assert found[1] is True
    assert type(found[2]) is bytes
    assert found == tuple(connection.execute(select(KINDS)).one())


def test_only_the_columns_that_are_named_are_written(connection: Connection) -> None:
    INSERT.run(connection, {"name": "a", "big": 1})
    UPDATE.run(connection, {"which": "a", "yes": False})
    UPDATE.run(connection, {"which": "a", "big": 5, "raw": b"x"})
    assert READ.rows(connection, {"which": "a"}) == [("a", False, b"x", 5)]
    assert READ.first(connection, {"which": "b"}) is None


def test_what_a_statement_says_itself_is_no_parameter(connection: Connection) -> None:
    for name, big in (("low", 7), ("mid", 9), ("high", 11)):
        INSERT.run(connection, {"name": name, "big": big})
    assert FIRST_BIG.rows(connection, {}) == [("mid",)]


def test_it_takes_part_in_the_transaction_and_begins_one_where_there_is_none(
    engine: Engine, connection: Connection
) -> None:
    INSERT.run(connection, {"name": "gone"})
    assert connection.in_transaction()
    connection.rollback()
    with connection.begin(), connection.begin_nested():
        INSERT.run(connection, {"name": "kept"})
    with engine.connect() as other:
        assert READ.first(other, {"which": "gone"}) is None
        assert READ.first(other, {"which": "kept"}) is not None


def test_a_refusal_is_sqlalchemys_error_and_tells_no_values(connection: Connection) -> None:
    INSERT.run(connection, {"name": "twice"})
    with pytest.raises(IntegrityError) as caught:
        INSERT.run(connection, {"name": "twice", "raw": b"secret"})
    assert caught.value.orig is not None
    assert "secret" not in str(caught.value)


def test_a_connection_that_was_lost_is_given_up_and_made_again(postgres: str) -> None:
    engine = create_engine(postgres)
    query = Prepared(select(text("pg_backend_pid()")))
    with engine.connect() as victim, engine.connect() as killer:
        ((pid,),) = query.rows(victim, {})
        victim.rollback()
        killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(OperationalError) as caught:
            query.rows(victim, {})
        assert caught.value.connection_invalidated
        assert victim.invalidated
        victim.rollback()
        assert query.rows(victim, {}) != [(pid,)]
    engine.dispose()


def test_a_list_of_any_length_cannot_be_prepared(connection: Connection) -> None:
    listed = Prepared(select(KINDS).where(KINDS.c.name.in_(bindparam("names", expanding=True))))
    with pytest.raises(AssertionError, match="cannot be prepared"):
        listed.rows(connection, {"names": ["a"]})


def test_a_statement_that_the_database_does_not_know_is_an_error_too(
    connection: Connection,
) -> None:
    missing = Table("missing", MetaData(), SqlColumn("x", String))
    with pytest.raises(DBAPIError):
        Prepared(select(missing)).rows(connection, {})


def test_a_damaged_file_is_sqlalchemys_error_when_its_rows_are_read(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'damaged.db'}")
    METADATA.create_all(engine)
    with engine.begin() as connection:
        for number in range(400):
            INSERT.run(connection, {"name": f"{number:04}", "raw": bytes(500)})
    engine.dispose()
    path = tmp_path / "damaged.db"
    content = bytearray(path.read_bytes())
    content[20_000:] = b"\xff" * (len(content) - 20_000)
    path.write_bytes(content)
    with engine.connect() as connection, pytest.raises(DBAPIError):
        Prepared(select(KINDS)).rows(connection, {})
