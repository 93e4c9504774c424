"""The wallet's books inside one transaction: what is read once, and what is written at its end."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from headwater_wallet.books import Books, in_books, selecting
from headwater_wallet.records import BUDGETS, SIGNED, TABLES, BudgetRecord, SignedRecord
from headwater_wallet.tables import WalletTable


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    WalletTable.metadata.create_all(engine)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def signed(payment: str, atomic: int) -> SignedRecord:
    return SignedRecord(payment, "main", "0x1", "https://a", atomic, atomic, signed_at=1)


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_a_record_has_the_columns_of_its_table(kind: type) -> None:
    assert {each.name for each in fields(kind)} == {each.name for each in TABLES[kind].columns}


def test_what_was_added_and_changed_is_there_for_the_next_who_reads(connection: Connection) -> None:
    in_books(lambda books: books.add(BudgetRecord("main", limit=10)))(connection)

    def use(books: Books) -> None:
        row = books.get(BudgetRecord, "main")
        assert row is not None
        row.used = 4

    in_books(use)(connection)
    found = Books(connection).get(BudgetRecord, "main")
    assert found is not None
    assert (found.limit, found.used) == (10, 4)


def test_a_record_asked_for_twice_is_one_object_however_it_was_found(
    connection: Connection,
) -> None:
    books = Books(connection)
    books.add(made := BudgetRecord("main", limit=10))
    assert books.get(BudgetRecord, "main") is made
    query = selecting(BudgetRecord).where(BUDGETS.limit == 10)
    assert books.found(BudgetRecord, query) == [made]
    made.used = 3
    assert books.first(BudgetRecord, selecting(BudgetRecord).where(BUDGETS.used == 3)) is made


def test_only_columns_that_changed_are_written_and_only_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_books(lambda books: books.add(BudgetRecord("main", limit=10)))(connection)
    books, written = Books(connection), list[str]()

    execute = connection.dialect.do_execute

    def note(cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.startswith("SELECT"):
            written.append(statement.split(" WHERE")[0])
        execute(cursor, statement, *rest)

    monkeypatch.setattr(connection.dialect, "do_execute", note)

    row = books.get(BudgetRecord, "main")
    assert row is not None
    books.flush()
    row.used = 1
    books.flush()
    books.flush()
    assert written == ["UPDATE wallet_budget SET used=?"]


def test_a_removed_record_is_gone_and_its_key_may_be_used_again(connection: Connection) -> None:
    books = Books(connection)
    books.add(old := BudgetRecord("main", limit=10, used=10))
    books.remove(old)
    assert books.get(BudgetRecord, "main") is None
    books.add(BudgetRecord("main", limit=5))
    books.flush()
    assert books.value(selecting(BudgetRecord).with_only_columns(BUDGETS.used)) == 0


def test_rows_that_the_database_numbers_are_found_with_their_numbers(
    connection: Connection,
) -> None:
    books = Books(connection)
    books.add(signed("first", 1), signed("second", 2))
    found = books.found(SignedRecord, selecting(SignedRecord).order_by(SIGNED.id))
    assert [(each.id, each.payment_id) for each in found] == [(1, "first"), (2, "second")]
    books.remove(found[0])
    assert books.rows(selecting(SignedRecord).with_only_columns(SIGNED.id)) == [(2,)]
