"""What a reward rule may see: integer arrays with a leading axis of worlds.

Symbols: `W` worlds (one in production), `R` receipts, `K` cause slots of a receipt, `A` accounts.
"""

from dataclasses import dataclass, fields

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

NO_ACCOUNT = -1
"""The account of an empty cause slot."""


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """The public facts of one epoch, which nobody can write to through these arrays.

    Attributes:
        charges: `[W, R]` the contributors' money of each receipt, atomic units; the sum over a
            world's receipts is below 2^62.
        accounts: `[W, R, K]` account index of each cause, or -1.
        parts: `[W, R, K]` the cause's share of the answer, parts per 10^8; at most 10^8 a receipt.
        low: `[W, R, K]` the lower end of that share's interval.
        influence: `[W, R, K]` what mere similarity says, in any unit; below 2^31 a receipt.
        rows: `[W, A]` accepted rows of each account; below 2^31 a world.

    Raises:
        InvalidInputError: shapes disagree or a value is out of range.
    """

    charges: Int64s
    accounts: Int64s
    parts: Int64s
    low: Int64s
    influence: Int64s
    rows: Int64s

    def __post_init__(self) -> None:
        shape = self.accounts.shape
        slots = (self.parts, self.low, self.influence)
        agree = self.charges.shape == shape[:2] and all(each.shape == shape for each in slots)
        if len(shape) != 3 or not agree or self.rows.shape[:1] != shape[:1]:
            raise InvalidInputError("The columns of a rule must agree in worlds, receipts, slots.")
        if (self.charges < 0).any() or _largest_sum(self.charges) >= 2**62:
            raise InvalidInputError(
                "A rule takes charges of at least 0 that sum to less than 2^62 in a world."
            )
        inside = (self.low >= 0) & (self.low <= self.parts) & (self.parts <= PARTS)
        if not inside.all() or (self.parts.sum(axis=2) > PARTS).any():
            raise InvalidInputError("Shares need 0 <= low <= parts, and at most 10^8 a receipt.")
        empty = self.accounts == NO_ACCOUNT
        known = (self.accounts >= NO_ACCOUNT) & (self.accounts < self.rows.shape[1])
        if not known.all() or (empty & ((self.parts > 0) | (self.influence != 0))).any():
            raise InvalidInputError("Each cause names an account there is; empty slots are zero.")
        # A rule that could raise the charges in place would pay money that nobody has paid in.
        for each in fields(self):
            only_read = getattr(self, each.name).view()
            only_read.flags.writeable = False
            object.__setattr__(self, each.name, only_read)

    @property
    def worlds(self) -> int:
        """`W`."""
        return len(self.charges)


def _largest_sum(charges: Int64s) -> int:
    """The largest sum over a world's receipts; exact below 2^62, and at least 2^62 above."""
    # A float is off by one part in 2^52 at most, so this tells an overflow apart for certain.
    if charges.sum(axis=1, dtype=np.float64).max(initial=0.0) > 1.5 * 2.0**62:
        return 2**62
    return int(charges.sum(axis=1).max(initial=0))
