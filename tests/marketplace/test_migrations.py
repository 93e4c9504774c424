"""The migrations make what the code works with, and keep what a database holds."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from headwater_marketplace.catalogue import Catalogue
from headwater_marketplace.migrations import metadata, open_database, upgrade
from headwater_marketplace.seller import SellerStore
from headwater_marketplace.seller.abandoned import LONGEST_CALL_S
from headwater_marketplace.seller.housekeeping import Housekeeper
from headwater_payments.errors import UnavailableError
from headwater_payments.ledger import transfer

pytestmark = pytest.mark.anyio


def test_the_migrations_make_the_tables_that_the_code_declares(database_url: str) -> None:
    upgrade(database_url)
    with create_engine(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata()) == []
        assert context.get_current_revision() == "0006"


async def test_an_upgrade_keeps_the_money(database_url: str) -> None:
    async with open_database(database_url) as database:
        await SellerStore(database).post("gift", "r", transfer("a", "b", "USDC", 5))
    async with open_database(database_url) as database:
        [entry] = await SellerStore(database).journal()
        assert entry.memo == "gift"
        assert await Catalogue(database).search() == []


async def test_a_first_release_database_keeps_its_payments_and_can_end_them(
    database_url: str,
) -> None:
    """A payment reserved before owners were known is released by its age."""
    upgrade(database_url, "0001")
    row = {
        "payment_id": "p1",
        "fingerprint": "f",
        "state": "reserved",
        "scheme": "exact",
        "payer": "0xa",
        "payee": "0xb",
        "route": "/x",
        "amount": 7,
        "max_claimable": 0,
        "charge": 0,
        "cumulative": 0,
        "created_at": 1_000,
    }
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with create_engine(database_url).begin() as connection:
        connection.execute(text(f"INSERT INTO seller_payment ({columns}) VALUES ({values})"), row)
    async with open_database(database_url) as database:
        store = SellerStore(database)
        [payment] = await store.payments("reserved")
        assert (payment.amount, payment.owner) == (7, None)
        assert await Housekeeper(store, now=lambda: 1_000 + LONGEST_CALL_S).tidy() == []
        assert await Housekeeper(store, now=lambda: 1_001 + LONGEST_CALL_S).tidy() == ["p1"]


def test_a_database_of_a_later_release_is_left_alone(database_url: str) -> None:
    upgrade(database_url)
    with create_engine(database_url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnavailableError, match="9999"):
        upgrade(database_url)


@pytest.mark.parametrize("wrong", ["sqlite:////no/such/folder/m.db", "nonsense", "mysql://h/d"])
def test_a_database_that_cannot_be_opened_gets_one_sentence(wrong: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        upgrade(wrong)
    assert "\n" not in caught.value.message
