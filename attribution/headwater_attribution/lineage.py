"""What is owed up a lineage: relative royalties by edge, absolute ones once to each ancestor.

The reference of `AssetRegistry.sol` and `VaultBooks.sol`, to the atomic unit. A *relative* royalty
is of the child's gross, so it thins out from child to child, and a diamond pays each path. An
*absolute* one is of what a descendant sells first: every descendant owes it directly, once, the
most that any path asks, and what a vault pulled from its children owes nothing more. Shares are
parts per 10^8.

Source: the two policies are Story's LRP and LAP (docs.story.foundation). Paying an ancestor once,
of first sales, is a rule of its own: else the same unit would be levied again at every step up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

MAX_PARENTS = 16
MAX_ANCESTORS = 16
"""Of those with absolute royalties."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a version owes another: parts per 10^8, of gross or, absolutely, of first sales."""

    version_id: int
    royalty: int


@dataclass(frozen=True, slots=True)
class LinkedVersion:
    """A version with what it owes; fixed for good.

    Attributes:
        asked: what it asks: of its direct children, or of all descendants where it `is_absolute`.
        parents: by ascending id, the royalty 0 where the parent's is absolute.
        ancestors: those with absolute royalties, in the order in which the parents lead to them.
    """

    version_id: int
    asked: int
    is_absolute: bool
    parents: tuple[Owed, ...]
    ancestors: tuple[Owed, ...]

    @property
    def links(self) -> tuple[tuple[Owed, bool], ...]:
        """What is paid by which index, and whether it is of first sales only."""
        return (
            *((owed, False) for owed in self.parents),
            *((owed, True) for owed in self.ancestors),
        )

    @property
    def absolute_stack(self) -> int:
        """The sum of the absolute royalties that it owes."""
        return sum(owed.royalty for owed in self.ancestors)

    @property
    def stack(self) -> int:
        """The sum of all royalties that it owes."""
        return self.absolute_stack + sum(owed.royalty for owed in self.parents)


def link_version(
    version_id: int,
    parents: Sequence[Owed],
    published: Mapping[int, LinkedVersion],
    *,
    asked: int = 0,
    is_absolute: bool = False,
) -> LinkedVersion:
    """What a new version owes by what it was made from.

    Args:
        version_id: greater than every parent's.
        parents: what it promises each, at least what that one asks.
        published: the versions before it, by id.
        asked, is_absolute: what it asks itself.

    Raises:
        InvalidInputError: parents do not ascend, are not published or promised too little, are more
            than 16 or lead to more than 16 ancestors, or all royalties exceed the whole.
    """
    ids = [parent.version_id for parent in parents]
    if ids != sorted(set(ids)) or len(ids) > MAX_PARENTS:
        raise InvalidInputError(f"Parents ascend by id, at most {MAX_PARENTS} of them.", ids=ids)
    edges: list[Owed] = []
    most: dict[int, int] = {}
    for parent in parents:
        source = published.get(parent.version_id)
        if source is None or parent.version_id >= version_id:
            raise InvalidInputError(f"There is no version {parent.version_id} to be made from.")
        if parent.royalty < source.asked:
            raise InvalidInputError(
                f"Version {parent.version_id} asks {source.asked} parts, not {parent.royalty}."
            )
        edges.append(Owed(parent.version_id, 0) if source.is_absolute else parent)
        for owed in ((parent,) if source.is_absolute else ()) + source.ancestors:
            if owed.royalty:
                most[owed.version_id] = max(most.get(owed.version_id, 0), owed.royalty)
    linked = LinkedVersion(
        version_id,
        asked,
        is_absolute,
        tuple(edges),
        tuple(Owed(ancestor, royalty) for ancestor, royalty in most.items()),
    )
    if len(most) > MAX_ANCESTORS or linked.stack > PARTS:
        raise InvalidInputError(
            f"A version owes at most {MAX_ANCESTORS} ancestors and {PARTS} parts in all.",
            ancestors=len(most),
            stack=linked.stack,
        )
    return linked


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultShares:
    """A vault's shares of gross; the parents' is the version's `stack`. They sum to 10^8."""

    platform: int
    host: int
    owner: int
    contributors: int


@dataclass(slots=True)
class VaultIncome:
    """What a version's vault took in and what of it is whose: atomic units, all cumulative.

    Attributes:
        income: everything booked.
        royalties: the part that was pulled from children; the rest is first sales.
        paid: to each link, by index.
    """

    version: LinkedVersion
    shares: VaultShares
    income: int = 0
    royalties: int = 0
    paid: dict[int, int] = field(default_factory=dict)

    def receive(self, amount: int) -> None:
        """Book first sales."""
        self.income += amount

    def due(self, index: int) -> int:
        """What link `index` may pull now."""
        owed, is_absolute = self.version.links[index]
        base = self.income - self.royalties if is_absolute else self.income
        return base * owed.royalty // PARTS - self.paid.get(index, 0)

    def pay(self, index: int, payee: "VaultIncome") -> int:
        """Let `payee` pull what link `index` owes it, and give that amount."""
        amount = self.due(index)
        self.paid[index] = self.paid.get(index, 0) + amount
        payee.income += amount
        payee.royalties += amount
        return amount

    def buckets(self) -> tuple[int, int, int, int, int]:
        """What platform, host, owner, parents and pool have been credited.

        Royalty income owes ancestors nothing: the part it would have owed is the owner's.
        """
        relief = self.royalties * self.version.absolute_stack // PARTS
        return (
            self.income * self.shares.platform // PARTS,
            self.income * self.shares.host // PARTS,
            self.income * self.shares.owner // PARTS + relief,
            self.income * self.version.stack // PARTS - relief,
            self.income * self.shares.contributors // PARTS,
        )
