"""The kill switch: one row in the ledger, seen by every process before anything is signed."""

from sqlalchemy.orm import Session

from headwater_wallet.errors import WalletStoppedError
from headwater_wallet.tables import StopRow

_ONLY = 1


def stop(session: Session, why: str) -> None:
    """Turn it on; a stop that stands gets the new reason."""
    session.merge(StopRow(id=_ONLY, reason=why))


def resume(session: Session) -> None:
    """Turn it off; it may be off already."""
    row = session.get(StopRow, _ONLY)
    if row is not None:
        session.delete(row)


def reason(session: Session) -> str | None:
    """Why it is on; None where it is off."""
    row = session.get(StopRow, _ONLY)
    return None if row is None else row.reason


def refuse_if_stopped(session: Session) -> None:
    """Pass while it is off.

    Raises:
        WalletStoppedError: it is on.
    """
    why = reason(session)
    if why is not None:
        raise WalletStoppedError(f"The wallet is stopped: {why.rstrip('.')}.", reason=why)
