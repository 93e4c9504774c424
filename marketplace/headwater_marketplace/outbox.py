"""Transactions written down before they leave, so that a crash leaves no money in doubt.

A process that stops between the broadcast and the receipt finds here what it had sent: it looks
that up, or broadcasts the very same bytes again. A second transaction is never made of it.
"""

from typing import Any

from sqlalchemy import Connection, Row, Select, Table, insert, select

from headwater_marketplace.seller.tables import SellerTable, TransactionRow
from headwater_payments.address import Address
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_wallet.database import Database
from headwater_wallet.transactions import SignedTransaction

_sent: Table = TransactionRow.__table__  # type: ignore[attr-defined]


class Outbox:
    """The transactions of one database whose outcome is not in the books yet.

    `database` holds the seller's tables (`SellerStore.metadata`).
    """

    metadata = SellerTable.metadata

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(
        self, purpose: str, sender: Address, signed: SignedTransaction, now: int
    ) -> None:
        """Keep a transaction; durable on return. Writing the same one again changes nothing.

        Args:
            purpose: what it is for; `find` asks by it.
            sender: whose nonce it uses.
            signed: the transaction.
            now: Unix time in seconds.
        """

        def work(connection: Connection) -> None:
            values = {
                "transaction": signed.transaction_hash,
                "purpose": purpose,
                "sender": sender,
                "nonce": signed.nonce,
                "raw": to_hex(signed.raw),
                "sent_at": now,
            }
            if connection.execute(_by_hash(signed.transaction_hash)).first() is None:
                connection.execute(insert(_sent).values(**values))

        await self._database.write(work)

    async def find(self, purpose: str, sender: Address) -> list[SignedTransaction]:
        """What was sent for a purpose from an account, in the order of the nonces."""
        query = (
            select(_sent)
            .where(_sent.c.purpose == purpose, _sent.c.sender == sender)
            .order_by(_sent.c.nonce, _sent.c.sent_at)
        )

        def work(connection: Connection) -> list[SignedTransaction]:
            return [_as_signed(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def holds(self, purpose: str) -> bool:
        """Whether something that was sent for a purpose, from any account, has no outcome yet."""
        query = select(_sent.c.transaction).where(_sent.c.purpose == purpose).limit(1)
        return await self._database.read(
            lambda connection: connection.execute(query).first() is not None
        )

    async def forget(self, *transaction_hashes: str) -> None:
        """Their outcome is in the books, or they will never have one; all in one commit."""
        await self._database.write(
            lambda connection: connection.execute(
                _sent.delete().where(_sent.c.transaction.in_(transaction_hashes))
            )
        )


def _by_hash(transaction_hash: str) -> "Select[Any]":
    return select(_sent.c.transaction).where(_sent.c.transaction == transaction_hash)


def _as_signed(row: "Row[Any]") -> SignedTransaction:
    return SignedTransaction(row.transaction, parse_hex(row.raw), row.nonce)
