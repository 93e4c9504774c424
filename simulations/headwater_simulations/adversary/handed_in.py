"""Deviations in what a coalition hands in, and under which names."""

from dataclasses import dataclass, replace
from typing import ClassVar

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_PARTS, MAX_ROWS
from headwater_simulations.adversary.conduct import Conduct
from headwater_simulations.adversary.deviation import SHARE, Dimension
from headwater_simulations.adversary.squatting import FEWEST_WORDS, MOST_WORDS


@dataclass(frozen=True, slots=True)
class Split:
    """Each member publishes its rows under this many identities (a Sybil attack)."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("identities", 2, MAX_PARTS, 2),)
    identities: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, identities=self.identities)


@dataclass(frozen=True, slots=True)
class Collude:
    """This many members publish under one name and stand together for what each could withhold."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("members", 2, 8, 2),)
    members: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, joined=self.members)


@dataclass(frozen=True, slots=True)
class FreeRide:
    """A share of the coalition's rows is never written, and its cost saved."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *SHARE),)
    share: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, unwritten=self.share)


@dataclass(frozen=True, slots=True)
class Copy:
    """A share of all other authors' rows is copied, with some words replaced."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("share", *SHARE),
        Dimension("edit", 0, PARTS, 0),
    )
    share: int
    edit: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, copied=self.share, copy_edit=self.edit)


@dataclass(frozen=True, slots=True)
class Restate:
    """A share of the coalition's own rows is said again, with some words replaced."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("share", *SHARE),
        Dimension("edit", 0, PARTS, 0),
    )
    share: int
    edit: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, restated=self.share, restate_edit=self.edit)


@dataclass(frozen=True, slots=True)
class Squat:
    """Others' rows, condensed to their rarest words, are handed in before those are.

    Only of rows that are known beforehand. Admission then takes the rows for copies of the lines,
    and questions about them find the lines.
    """

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("share", *SHARE),
        Dimension("words", FEWEST_WORDS, MOST_WORDS, FEWEST_WORDS),
    )
    share: int
    words: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, squatted=self.share, squat_words=self.words)


@dataclass(frozen=True, slots=True)
class Poison:
    """Beside a share of all other authors' rows stands one that says something false about them.

    No likeness shows it, and it answers the same questions. Buyers who got it leave.
    """

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *SHARE),)
    share: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, poisoned=self.share)


@dataclass(frozen=True, slots=True)
class Noise:
    """Rows stuffed with words that make them come up for anything."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("rows", 1, MAX_ROWS, 1, True),)
    rows: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, noise=self.rows)


@dataclass(frozen=True, slots=True)
class FarmPrior:
    """Plausible rows that no query brings up: they count only where rows are counted."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("rows", 1, MAX_ROWS, 1, True),)
    rows: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, filler=self.rows)
