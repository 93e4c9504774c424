"""The tables of a chain index: what contracts recorded, as facts that are added and never changed.

Each fact names the block and the log that it was read from, so a reorganization is undone by
deleting what stands above the last common block. Amounts are decimal text, since a vault's may
exceed 64 bits; hashes and addresses are `0x` text. The index can always be made anew from the
chain, so its tables have no migrations: another `FORM` starts from the beginning.
"""

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

FORM = 1
"""Of the tables and of what is put into them."""


class IndexTable(SQLModel, registry=registry()):
    """Base of the index's tables."""


class CursorRow(IndexTable, table=True):
    """How far the index has read: one row."""

    __tablename__ = "index_cursor"

    id: int = Field(default=1, primary_key=True)
    form: int
    chain_id: int = Field(sa_type=BigInteger)
    number: int = Field(sa_type=BigInteger)
    hash: str


class BlockRow(IndexTable, table=True):
    """A block with something in it."""

    __tablename__ = "index_block"

    number: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    hash: str
    timestamp: int = Field(sa_type=BigInteger)


class Fact(IndexTable):
    """What every fact has: where on the chain it was read."""

    block_number: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    log_index: int = Field(primary_key=True)


class EventRow(Fact, table=True):
    """Any event: its kind as in Python, and its fields as JSON with integers as text."""

    __tablename__ = "index_event"

    transaction_hash: str
    contract: str = Field(index=True)
    kind: str = Field(index=True)
    body: str = Field(sa_type=Text)


class AssetRow(Fact, table=True):
    """An asset came to be."""

    __tablename__ = "index_asset"

    asset_id: int = Field(sa_type=BigInteger, index=True)
    kind: str
    owner: str = Field(index=True)


class OwnerRow(Fact, table=True):
    """An asset has an owner from here on."""

    __tablename__ = "index_owner"

    asset_id: int = Field(sa_type=BigInteger, index=True)
    owner: str = Field(index=True)


class VersionRow(Fact, table=True):
    """A version was published."""

    __tablename__ = "index_version"

    version_id: int = Field(sa_type=BigInteger, index=True)
    asset_id: int = Field(sa_type=BigInteger, index=True)
    content_root: str
    licence_hash: str


class VaultRow(Fact, table=True):
    """A vault was created."""

    __tablename__ = "index_vault"

    vault: str = Field(index=True)
    version_id: int = Field(sa_type=BigInteger, index=True)
    host: str
    token: str


class RootRow(Fact, table=True):
    """A root was posted, made final or cancelled."""

    __tablename__ = "index_root"

    vault: str = Field(index=True)
    epoch: int = Field(sa_type=BigInteger)
    posting: int = Field(sa_type=BigInteger)
    state: str
    root: str


class MovementRow(Fact, table=True):
    """Money came into a vault or left it; `purpose` says for whom, `position` of a contributor."""

    __tablename__ = "index_movement"

    vault: str = Field(index=True)
    purpose: str
    account: str | None = Field(default=None, index=True)
    position: int | None = Field(default=None, sa_type=BigInteger)
    amount: str
