"""Deviations in what a coalition buys, accuses and, as operator, posts; and when it deviates."""

from dataclasses import dataclass, replace
from typing import ClassVar

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import MAX_ACCUSED, MAX_EPOCHS, MAX_TRIES, MAX_WASH
from headwater_simulations.adversary.conduct import Conduct
from headwater_simulations.adversary.deviation import SHARE, Dimension


@dataclass(frozen=True, slots=True)
class Wash:
    """The coalition buys answers that its own rows give, at this share of the ordinary price."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("purchases", 1, MAX_WASH, 1, True),
        Dimension("price", PARTS // 100, PARTS, PARTS // 100, True),
    )
    purchases: int
    price: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, wash=self.purchases, wash_price=self.price)


@dataclass(frozen=True, slots=True)
class Whitewash:
    """An expelled identity comes back under a new name after this many epochs.

    It pays for the name, stakes again and hands its rows in again.
    """

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("patience", 1, MAX_EPOCHS, MAX_EPOCHS),
    )
    patience: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, patience=self.patience)


@dataclass(frozen=True, slots=True)
class Grief:
    """This many honest authors are accused of what they didn't do.

    A case that is lost costs its bond; one that is won by mistake brings a part of the stake of the
    accused.
    """

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("accused", 1, MAX_ACCUSED, 1),)
    accused: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, accused=self.accused)


@dataclass(frozen=True, slots=True)
class OmitReceipts:
    """The operator leaves a share of the receipts about others out of each epoch.

    Their money stays in the pool, so it pays where a rule divides the pool and not each receipt.
    """

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *SHARE),)
    share: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, omitted=self.share)


@dataclass(frozen=True, slots=True)
class Fabricate:
    """The operator states that its own rows caused a share of the receipts about others."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("share", *SHARE),)
    share: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, fabricated=self.share)


@dataclass(frozen=True, slots=True)
class GrindSeeds:
    """The operator tries orders of an epoch's receipts until the seed that follows suits it."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (Dimension("tries", 2, MAX_TRIES, 2, True),)
    tries: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, tries=self.tries)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The other deviations begin in this epoch, counted from 1, and last so many; honest else."""

    dimensions: ClassVar[tuple[Dimension, ...]] = (
        Dimension("begin", 1, MAX_EPOCHS, MAX_EPOCHS),
        Dimension("lasting", 1, MAX_EPOCHS, 1),
    )
    begin: int
    lasting: int

    def apply(self, conduct: Conduct) -> Conduct:
        """See `Deviation`."""
        return replace(conduct, begin=self.begin - 1, lasting=self.lasting)
