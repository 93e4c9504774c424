"""The money of many worlds: who holds what, in integers that always sum to the same.

Symbols: `C` conducts, `S` worlds, `A` accounts. Amounts are atomic units.
"""

import numpy as np

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.sanctions import Cases
from headwater_simulations.draws import Int64s
from headwater_simulations.errors import ConservationError

ENDOWMENT = 2**45
"""What the public, the coalition, and the others' stakes start with: more than is ever moved."""


class Books:
    """The holdings in each of `[C, S]` worlds."""

    def __init__(self, shape: tuple[int, int], accounts: int) -> None:
        self.public = np.full(shape, ENDOWMENT, dtype=np.int64)
        self.coalition = np.full(shape, ENDOWMENT, dtype=np.int64)
        self.suppliers, self.staked, self.burned, self.others, self.due, self.pool = (
            np.zeros(shape, dtype=np.int64) for _ in range(6)
        )
        self.operator, self.taken = (np.zeros(shape, dtype=np.int64) for _ in range(2))
        self.stakes_of_others = np.full(shape, ENDOWMENT, dtype=np.int64)
        self.accounts = np.zeros((*shape, accounts), dtype=np.int64)

    def pay_suppliers(self, amounts: Int64s) -> None:
        """The coalition pays for rows and identities."""
        self.coalition -= amounts
        self.suppliers += amounts

    def hold_stake(self, amounts: Int64s) -> None:
        """The coalition stakes."""
        self.coalition -= amounts
        self.staked += amounts

    def burn_stake(self, amounts: Int64s) -> None:
        """Audited identities lose their stake."""
        self.staked -= amounts
        self.burned += amounts

    def return_stake(self) -> None:
        """What is left of the stake goes back."""
        self.coalition += self.staked
        self.staked = np.zeros_like(self.staked)

    def lose_bond(self, amounts: Int64s) -> None:
        """Operators that were caught lose their bond to challenger and insurance."""
        self.coalition -= amounts
        self.burned += amounts

    def try_cases(self, cases: Cases) -> None:
        """Accusations are decided: the convicted lose stakes, accusers bonds."""
        self.stakes_of_others -= cases.taken
        self.taken += cases.taken
        self.coalition += cases.rewards - cases.forfeited
        self.burned += cases.taken - cases.rewards + cases.forfeited

    def collect(self, public: Int64s, washed: Int64s, contributors: Int64s, arena: Arena) -> None:
        """Buyers pay: the contributors' money falls due, the rest goes to owner, host, platform.

        What goes to owner and host is the coalition's where it operates the market.
        """
        self.public -= public
        self.coalition -= washed
        operator = (public + washed) * arena.operator_share // PARTS if arena.operator else 0
        self.operator += operator
        self.others += public + washed - contributors - operator
        self.due += contributors

    def pay_out(self, accounts: Int64s, unattributed: Int64s) -> None:
        """What the rule decided; what it leaves stays in the pool."""
        self.accounts += accounts
        self.pool += unattributed
        self.due -= accounts.sum(axis=2) + unattributed

    def spent_by_coalition(self) -> Int64s:
        """`[C, S]` what the coalition paid out of its own, less what came back."""
        return np.asarray(ENDOWMENT - self.coalition, dtype=np.int64)

    def check(self) -> None:
        """Nothing appeared, vanished or is owed beyond what there was.

        Raises:
            ConservationError: it did.
        """
        held = (
            self.public,
            self.coalition,
            self.suppliers,
            self.staked,
            self.burned,
            self.others,
            self.due,
            self.pool,
            self.operator,
            self.stakes_of_others,
        )
        total = sum(held) + self.accounts.sum(axis=2)
        negative = any((each < 0).any() for each in (*held, self.accounts))
        if negative or (total != 3 * ENDOWMENT).any():
            wrong = int(np.abs(total - 3 * ENDOWMENT).max())
            raise ConservationError(
                f"In a world under attack the money changed by {wrong}.", difference=wrong
            )
