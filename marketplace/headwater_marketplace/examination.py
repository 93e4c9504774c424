"""Checking a seller's set-up: its database's form, and the vouchers that a payer may take back."""

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.reader import ChainReader
from headwater_marketplace import migrations
from headwater_marketplace.seller.abandoned import abandoned
from headwater_marketplace.seller.store import SellerStore
from headwater_payments.channels import BATCH_SETTLEMENT
from headwater_payments.errors import HeadwaterError
from headwater_wallet.engines import cause, new_engine
from headwater_wallet.examination import Finding

SELLER_TABLES = frozenset({"seller_channel", "seller_payment"})
"""What a seller's database of any release has, and another has not."""


def examine_migrations(url: str) -> Finding:
    """Whether a marketplace's database has the form that this release works with; reads only."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        engine = new_engine(url)
        try:
            with engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        finally:
            engine.dispose()
    except HeadwaterError as exc:
        return Finding("migrations", "fail", exc.message)
    except SQLAlchemyError as exc:
        return Finding("migrations", "fail", f"The database cannot be read: {cause(exc)}.")
    if found == head:
        return Finding("migrations", "ok", f"The database is at revision {head}.")
    said = f"The database is at revision {found}, not {head}: open it with `open_database`."
    return Finding("migrations", "fail", said)


async def examine_seller(store: SellerStore, now: int) -> list[Finding]:
    """What a crash left open in a seller's books."""
    left = await abandoned(store, now)
    waiting = await store.transfers()
    said = f"{len(left)} reservations and {len(waiting)} transfers were left: run a Housekeeper."
    if left or waiting:
        return [Finding("abandoned", "warn", said)]
    return [Finding("abandoned", "ok", "Nothing was left open by a crash.")]


async def examine_vouchers(store: SellerStore, reader: ChainReader) -> list[Finding]:
    """Charges that are lost unless they are claimed before a payer's withdrawal ends."""
    contract = BatchSettlementClient(reader, BATCH_SETTLEMENT)
    amount, soonest, channels = 0, 0, 0
    try:
        now = (await reader.block()).timestamp
        for record in await store.unclaimed():
            pending = await contract.pending_withdrawal(record.identifier)
            if pending.initiated_at:
                ends = pending.initiated_at + record.config.withdraw_delay
                soonest = min(soonest or ends, ends)
                amount += record.state.charged - record.state.claimed
                channels += 1
    except HeadwaterError as exc:
        return [Finding("vouchers", "fail", exc.message)]
    if not channels:
        return [Finding("vouchers", "ok", "No payer is withdrawing what is not claimed yet.")]
    said = f"{amount} atomic units in {channels} channels can be lost in {max(0, soonest - now)} s."
    return [Finding("vouchers", "fail", f"{said} Claim at once, and run a ClaimScheduler.")]
