"""Rules with a flaw built in, and sound ones: what an attacker is measured on.

Each rule is a small object whose numbers say how bad the flaw is. All pay by account; what a rule
doesn't hand out stays in the pool. The search knows none of them.

Symbols: `W` worlds, `A` accounts. Amounts are atomic units.
"""

from dataclasses import dataclass

import numpy as np

from headwater_attribution.apportion import Int64s, apportion, portions
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.rules import CAUSES, RuleParameters, pay_influence
from headwater_payments.split import PARTS

_FINE = 10**6


@dataclass(frozen=True, slots=True)
class Power:
    """The causes' pay dealt out anew by its power: below 1 splitting pays, above 1 joining."""

    exponent: float

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        paid = causes(columns, parameters)
        total = paid.sum(axis=1)
        share = paid / np.maximum(total, 1)[:, None]
        return _divide(total, np.rint(share**self.exponent * _FINE).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """No account gets more than a share of all that is paid: splitting pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        paid = causes(columns, parameters)
        return np.minimum(paid, portions(columns.charges.sum(axis=1), _parts(self.share))[:, None])


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accounts with less than a share of all that is paid get nothing: joining pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        paid = causes(columns, parameters)
        least = portions(columns.charges.sum(axis=1), _parts(self.share))
        return np.where(paid >= least[:, None], paid, 0)


@dataclass(frozen=True, slots=True)
class Presence:
    """A share of each receipt to all that came up, in equal parts: noise pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        there = (columns.accounts != NO_ACCOUNT).astype(np.int64)
        anybody = there.any(axis=2, keepdims=True)
        equal = np.where(anybody, apportion(columns.charges, np.where(anybody, there, 1)), 0)
        return _mixed(self.share, _by_account(columns, equal), causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Similarity:
    """A share of each receipt by mere similarity: copies pay."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        similar = _by_account(columns, pay_influence(columns, parameters))
        return _mixed(self.share, similar, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Stipend:
    """A share of the money to every account with a row, in equal parts: not working pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        equal = _divide(columns.charges.sum(axis=1), (columns.rows > 0).astype(np.int64))
        return _mixed(self.share, equal, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Volume:
    """A share of the money by accepted rows: filler pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        rows = _divide(columns.charges.sum(axis=1), columns.rows)
        return _mixed(self.share, rows, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Usage:
    """A share of the money by how many receipts an account is the main cause of: washing pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        main = _by_account(columns, _main_causes(columns))
        counted = _divide(columns.charges.sum(axis=1), main)
        return _mixed(self.share, counted, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Jackpot:
    """A share of the money to accounts with just so many rows: a narrow flaw, hard to hit."""

    share: int
    first: int
    last: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        hit = ((columns.rows >= self.first) & (columns.rows <= self.last)).astype(np.int64)
        won = _divide(columns.charges.sum(axis=1), hit)
        return _mixed(self.share, won, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Lock:
    """A share to accounts with many rows and just so many receipts: only two deviations open it."""

    share: int
    least_rows: int
    first: int
    last: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        main = _by_account(columns, _main_causes(columns))
        opened = (main >= self.first) & (main <= self.last) & (columns.rows >= self.least_rows)
        won = _divide(columns.charges.sum(axis=1), opened.astype(np.int64))
        return _mixed(self.share, won, causes(columns, parameters))


@dataclass(frozen=True, slots=True)
class Remainder:
    """A share of what nobody caused to all, by their pay: leaving receipts out pays."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        paid = causes(columns, parameters)
        left = columns.charges.sum(axis=1) - paid.sum(axis=1)
        return paid + _divide(portions(left, _parts(self.share)), paid)


@dataclass(frozen=True, slots=True)
class Certain:
    """A share of what is certain, and nothing for estimates: sound."""

    share: int

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        certain = portions(columns.low, np.full((1, 1, 1), self.share, dtype=np.int64))
        return _by_account(columns, portions(columns.charges[:, :, None], certain))


@dataclass(frozen=True, slots=True)
class MainCause:
    """The largest cause's own part, and nothing for the others: sound."""

    def __call__(self, columns: RuleColumns, parameters: RuleParameters) -> Int64s:
        """`[W, A]` pay."""
        first = np.argmax(columns.low, axis=2, keepdims=True)
        main = np.arange(columns.low.shape[2]) == first
        credit = np.where(main, columns.low, 0)
        return _by_account(columns, portions(columns.charges[:, :, None], credit))


def causes(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """`[W, A]` what the shipped rule pays with these parameters."""
    return _by_account(columns, CAUSES.pay(columns, parameters))


def _main_causes(columns: RuleColumns) -> Int64s:
    """`[W, R, K]` 1 for the largest cause of each receipt."""
    best = columns.parts.max(axis=2, keepdims=True)
    return np.asarray((columns.parts == best) & (best > 0), dtype=np.int64)


def _by_account(columns: RuleColumns, slots: Int64s) -> Int64s:
    """`[W, R, K]` amounts summed by account."""
    worlds, accounts = columns.rows.shape
    there = columns.accounts != NO_ACCOUNT
    flat = columns.accounts + np.arange(worlds)[:, None, None] * accounts
    # Sums of amounts below 2^53 are exact in the floats that bincount adds up.
    summed = np.bincount(flat[there], slots[there].astype(np.float64), worlds * accounts)
    return summed.astype(np.int64).reshape(worlds, accounts)


def _divide(amounts: Int64s, weights: Int64s) -> Int64s:
    """`[W, A]` each amount by weights; nothing where all of them are zero."""
    anybody = weights.any(axis=1, keepdims=True)
    return np.where(anybody, apportion(amounts, np.where(anybody, weights, 1)), 0)


def _mixed(share: int, flawed: Int64s, sound: Int64s) -> Int64s:
    return portions(flawed, _parts(share)) + portions(sound, _parts(PARTS - share))


def _parts(share: int) -> Int64s:
    return np.full(1, share, dtype=np.int64)
