"""Story's two royalty policies over a lineage graph: absolute (LAP) and relative (LRP).

A work owes each parent a share of its income. Under the *absolute* policy an ancestor gets its
share of the income of every descendant, however far below. Under the *relative* policy it gets a
share of what its child got, so it thins out from generation to generation.

Symbols: `W` worlds, `n` works in an order in which parents come before their children. Shares are
parts per 10^8.

Source: Story, "Liquid Absolute Percentage" and "Liquid Relative Percentage", docs.story.foundation;
several paths to one ancestor count as in the chain's `ipgraph` precompile.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s, portions
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Royalties:
    """Where the works' sales ended up.

    Attributes:
        kept: `[W, n]` what each work's own vault keeps; sums to the sales.
        received: `[W, n]` what of it came from descendants, before the work's own ancestors.
    """

    kept: Int64s
    received: Int64s


def relative_royalties(sales: Int64s, owed: Int64s) -> Royalties:
    """LRP: each work passes its parents their share of all it gets, sales and royalties alike.

    income_p = sales_p + Σ_children floor(income_c × owed_cp): 10 % of 20 % arrives as 2 %. What
    rounds down stays with the child.

    Args:
        sales: `[W, n]` atomic units, at least 0; each world's sum is below 2^62.
        owed: `[W, n, n]` the share of work `c`'s income due to parent `p`, at `[c, p]`.

    Raises:
        InvalidInputError: a negative amount or share, a parent that comes after its child, or
            parents due more than the whole.
    """
    _check(sales, owed, owed.sum(axis=2))
    received = np.zeros_like(sales)
    passed = np.zeros_like(sales)
    for child in range(sales.shape[1] - 1, -1, -1):
        income = sales[:, child] + received[:, child]
        due = portions(income[:, None], owed[:, child])
        received += due
        passed[:, child] = due.sum(axis=1)
    return Royalties(sales + received - passed, received)


def absolute_royalties(sales: Int64s, owed: Int64s, linked: Bools | None = None) -> Royalties:
    """LAP: each ancestor gets its own share of the sales of every descendant.

    due_da = Σ_paths from d to a of the share on the path's last link; the sum over ancestors is the
    work's royalty stack and must not exceed the whole.

    Args:
        sales: `[W, n]` as for `relative_royalties`.
        owed: `[W, n, n]` the share that parent `p` takes below its child `c`, at `[c, p]`.
        linked: `[W, n, n]` whose child each work is; where something is owed, unless given. A
            parent that takes nothing itself still leads to ancestors that do.

    Raises:
        InvalidInputError: as for `relative_royalties`, where a stack exceeds the whole, and where
            something is owed without a link.
    """
    _check(sales, owed, owed.sum(axis=2))
    links = (owed > 0 if linked is None else linked).astype(np.int64)
    if links.shape != owed.shape or np.triu(links).any() or (owed > links * PARTS).any():
        raise InvalidInputError("Links lead from children to parents that came before them.")
    due = np.zeros_like(owed)
    for child in range(sales.shape[1]):
        due[:, child] = owed[:, child] + np.einsum("wp,wpa->wa", links[:, child], due)
        # Checked in every step: further down, sums of unchecked stacks could leave 64 bits.
        if (due[:, child].sum(axis=1) > PARTS).any():
            raise InvalidInputError("A work's royalty stack exceeds the whole of its sales.")
    paid = portions(sales[:, :, None], due)
    received = paid.sum(axis=1)
    return Royalties(sales + received - paid.sum(axis=2), received)


def _check(sales: Int64s, owed: Int64s, stacks: Int64s) -> None:
    if owed.shape != (*sales.shape, sales.shape[-1]) or sales.ndim != 2:
        raise InvalidInputError("Royalties need sales [W, n] and shares [W, n, n].")
    if (sales < 0).any() or sales.sum(axis=1, dtype=np.float64).max(initial=0.0) >= 2.0**62:
        raise InvalidInputError("Sales are at least 0 and sum to less than 2^62.")
    if (owed < 0).any() or (owed > PARTS).any() or np.triu(owed).any():
        raise InvalidInputError("Shares are 0 to 10^8, and parents come before their children.")
    if (stacks > PARTS).any():
        raise InvalidInputError("A work owes its parents more than the whole.")
