"""The kill switch: one row in the ledger, seen by every process before anything is signed."""

from headwater_wallet.books import Books
from headwater_wallet.errors import WalletStoppedError
from headwater_wallet.records import StopRecord

_ONLY = 1


def stop(books: Books, why: str) -> None:
    """Turn it on; a stop that stands gets the new reason."""
    row = books.get(StopRecord, _ONLY)
    if row is None:
        return books.add(StopRecord(_ONLY, why))
    row.reason = why


def resume(books: Books) -> None:
    """Turn it off; it may be off already."""
    row = books.get(StopRecord, _ONLY)
    if row is not None:
        books.remove(row)


def reason(books: Books) -> str | None:
    """Why it is on; None where it is off."""
    row = books.get(StopRecord, _ONLY)
    return None if row is None else row.reason


def refuse_if_stopped(books: Books) -> None:
    """Pass while it is off.

    Raises:
        WalletStoppedError: it is on.
    """
    why = reason(books)
    if why is not None:
        raise WalletStoppedError(f"The wallet is stopped: {why.rstrip('.')}.", reason=why)
