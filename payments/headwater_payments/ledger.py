"""Double-entry bookkeeping: balanced postings in an append-only, hash-chained journal.

A balance is never stored: it is the sum of an account's postings. Each entry's hash covers the one
before, so an entry that was changed, dropped or slipped in later shows when the chain is checked.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater_payments.errors import HeadwaterError, InvalidInputError

GENESIS = bytes(32)


class LedgerBrokenError(HeadwaterError):
    """The journal does not check out: an entry was changed, or postings do not balance."""

    code = "ledger_broken"


@dataclass(frozen=True, slots=True)
class Posting:
    """Atomic units of `asset` into (positive) or out of (negative) an account."""

    account: str
    asset: str
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money: postings that sum to zero for each asset."""

    sequence: int
    memo: str
    reference: str
    postings: tuple[Posting, ...]
    previous: bytes
    hash: bytes


def make_entry(
    sequence: int, memo: str, reference: str, postings: Iterable[Posting], previous: bytes
) -> Entry:
    """Build the entry that follows `previous`.

    Raises:
        InvalidInputError: postings do not balance, or there are none.
    """
    kept = tuple(posting for posting in postings if posting.amount)
    if not kept or any(_sums(kept).values()):
        raise InvalidInputError(
            f"The postings of {memo!r} do not balance to zero.", reference=reference
        )
    return Entry(
        sequence, memo, reference, kept, previous, _hash(sequence, memo, reference, kept, previous)
    )


def transfer(source: str, destination: str, asset: str, amount: int) -> tuple[Posting, Posting]:
    """The two postings that move `amount` atomic units between accounts."""
    return Posting(source, asset, -amount), Posting(destination, asset, amount)


def check_journal(entries: Sequence[Entry]) -> None:
    """Check order, balance and hash chain of a whole journal.

    Raises:
        LedgerBrokenError: names the first entry that does not hold.
    """
    previous = GENESIS
    for position, entry in enumerate(entries):
        expected = _hash(position, entry.memo, entry.reference, entry.postings, previous)
        if entry.sequence != position or entry.previous != previous or entry.hash != expected:
            raise LedgerBrokenError(
                f"Entry {position} of the journal was altered or is out of order.", entry=position
            )
        if any(_sums(entry.postings).values()):
            raise LedgerBrokenError(f"Entry {position} does not balance.", entry=position)
        previous = entry.hash


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """The balance of each (account, asset), in atomic units."""
    result: dict[tuple[str, str], int] = {}
    for entry in entries:
        for posting in entry.postings:
            key = (posting.account, posting.asset)
            result[key] = result.get(key, 0) + posting.amount
    return result


def _sums(postings: Iterable[Posting]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.asset] = sums.get(posting.asset, 0) + posting.amount
    return sums


def _hash(
    sequence: int, memo: str, reference: str, postings: tuple[Posting, ...], previous: bytes
) -> bytes:
    body = [
        sequence,
        memo,
        reference,
        [[posting.account, posting.asset, str(posting.amount)] for posting in postings],
    ]
    return hashlib.sha256(previous + json.dumps(body, separators=(",", ":")).encode()).digest()
