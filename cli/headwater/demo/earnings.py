"""Who earned what and why: contributors by row, and cheats against the honest median."""

from collections import Counter
from dataclasses import dataclass
from statistics import median

from headwater.demo.contributions import (
    EXACT,
    FILLER,
    NEAR,
    SPLIT,
    SPLIT_FILLER,
    STUFFING,
)
from headwater.demo.twin import Economy, handed_in_whole, under_one_owner
from headwater_attribution.bundle import EpochBundle

CHEATS = (EXACT, NEAR, FILLER, STUFFING, SPLIT_FILLER)
MOST_A_CHEAT_MAY_EARN = 0.05
MOST_A_SPLIT_MAY_EARN = 1.02


@dataclass(frozen=True, slots=True)
class ContributorLine:
    """One contribution's outcome; `earned` in atomic units, `answers` that its rows caused."""

    name: str
    kind: str
    account: str
    submitted: int
    accepted: int
    answers: int
    earned: int

    @property
    def per_row(self) -> float:
        """Atomic units for each row handed in."""
        return self.earned / self.submitted


@dataclass(frozen=True, slots=True)
class CheatLine:
    """A way of cheating against honest work; `ratio` is what it brought of the honest measure."""

    kind: str
    rows: int
    accepted: int
    earned: int
    measure: str
    ratio: float
    limit: float

    @property
    def held(self) -> bool:
        """Whether cheating stayed within its limit."""
        return self.ratio <= self.limit


@dataclass(frozen=True, slots=True)
class Earnings:
    """Everybody's outcome."""

    contributors: tuple[ContributorLine, ...]
    cheats: tuple[CheatLine, ...]
    honest_median_per_row: float
    unattributed: int


async def earnings_of(economy: Economy, bundle: EpochBundle) -> Earnings:
    """Read the epoch's bundle as a table, and measure each cheat."""
    datanet, parties = economy.datanet, economy.parties
    earned = {leaf.account: leaf.cumulative for leaf in bundle.leaves}
    caused: Counter[str] = Counter()
    for receipt in bundle.receipts:
        caused.update({share.contributor for share in receipt.attribution.shares if share.parts})
    accepted = datanet.accepted()
    lines = []
    for submission in datanet.submissions:
        account = parties.contributors[submission.identity].address
        lines.append(
            ContributorLine(
                name=submission.name,
                kind=submission.kind,
                account=account,
                submitted=len(submission.rows),
                accepted=accepted[submission.identity],
                answers=caused[account],
                earned=earned.get(account, 0),
            )
        )
    typical = median(line.per_row for line in lines if line.kind == "honest")
    cheats = [_cheat(kind, lines, typical) for kind in CHEATS]
    whole, alone = await handed_in_whole(economy), under_one_owner(economy)
    cheats.append(_split(lines, whole, f"{SPLIT} of the work", "of the same work handed in whole"))
    entered = f"{SPLIT} of what entered"
    cheats.append(_split(lines, alone, entered, "of the same rows' pay to one"))
    return Earnings(tuple(lines), tuple(cheats), typical, bundle.unattributed)


def _cheat(kind: str, lines: list[ContributorLine], typical: float) -> CheatLine:
    of_kind = [line for line in lines if line.kind == kind]
    rows = sum(line.submitted for line in of_kind)
    earned = sum(line.earned for line in of_kind)
    return CheatLine(
        kind=kind,
        rows=rows,
        accepted=sum(line.accepted for line in of_kind),
        earned=earned,
        measure="of the median honest pay per row",
        ratio=earned / rows / typical if rows and typical else float("inf"),
        limit=MOST_A_CHEAT_MAY_EARN,
    )


def _split(lines: list[ContributorLine], twin: int, kind: str, measure: str) -> CheatLine:
    of_kind = [line for line in lines if line.kind == SPLIT]
    earned = sum(line.earned for line in of_kind)
    return CheatLine(
        kind=kind,
        rows=sum(line.submitted for line in of_kind),
        accepted=sum(line.accepted for line in of_kind),
        earned=earned,
        measure=measure,
        ratio=earned / twin if twin else float("inf"),
        limit=MOST_A_SPLIT_MAY_EARN,
    )
