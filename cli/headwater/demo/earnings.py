"""Who earned what and why: contributors by row, and cheats against the honest median."""

from collections import Counter
from dataclasses import dataclass, replace
from statistics import median

from headwater.demo.contributions import (
    EXACT,
    FILLER,
    NEAR,
    SPLIT,
    SPLIT_FILLER,
    STUFFING,
)
from headwater.demo.datanet import Datanet
from headwater.demo.parties import Parties
from headwater_attribution.bundle import EpochBundle, ReceiptPart
from headwater_attribution.corpus import Corpus
from headwater_attribution.epoch import PaidAnswer, settle
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.registry import default_method
from headwater_attribution.receipt import attribute_answer
from headwater_attribution.rules import RewardRule
from headwater_payments.address import Address
from headwater_payments.hexadecimal import to_hex

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


def earnings_of(
    datanet: Datanet,
    parties: Parties,
    bundle: EpochBundle,
    answers: list[PaidAnswer],
    rule: RewardRule,
) -> Earnings:
    """Read the epoch's bundle as a table, and measure each cheat."""
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
    twin = unsplit_twin(datanet, parties, bundle, answers, rule)
    cheats.append(_split(lines, twin))
    return Earnings(tuple(lines), tuple(cheats), typical, bundle.unattributed)


def unsplit_twin(
    datanet: Datanet,
    parties: Parties,
    bundle: EpochBundle,
    answers: list[PaidAnswer],
    rule: RewardRule,
) -> int:
    """What the split contribution would have earned as one, on this run's own answers.

    Every row that entered through the ten parts is given to the first part's owner, and the same
    evidence, method and rule pay it. This measures what the payment rule makes of a split. It takes
    admission as it fell: rows that only splitting let in count on both sides.
    """
    parts = [each for each in datanet.submissions if each.kind == SPLIT]
    if not parts:
        return 0
    holder = parts[0].identity
    owner = parties.contributors[holder].address
    rows = []
    for row, (part, _) in zip(datanet.corpus.rows, datanet.kept, strict=True):
        if part.kind == SPLIT:
            rows.append(replace(row, contribution_id=holder, contributor=owner))
        else:
            rows.append(row)
    corpus = Corpus(datanet.corpus.datanet_id, datanet.corpus.version, rows)
    return _paid_to(owner, corpus, bundle, answers, rule)


def _paid_to(
    owner: Address,
    corpus: Corpus,
    bundle: EpochBundle,
    answers: list[PaidAnswer],
    rule: RewardRule,
) -> int:
    """What `owner` would be paid for `answers` if the rows belonged to whom `corpus` names."""
    method = default_method(corpus)
    receipts = [
        ReceiptPart(
            receipt_id=answer.receipt_id,
            charge=answer.charge,
            evidence=(evidence := _relabelled(answer.evidence, corpus)),
            attribution=attribute_answer(answer.receipt_id, evidence, method).attribution,
        )
        for answer in answers
    ]
    paid = settle(receipts, corpus, rule, bundle.contributors_share)
    return sum(paid.by_account.get(owner, {}).values())


def _relabelled(evidence: Evidence, corpus: Corpus) -> Evidence:
    passages = tuple(
        replace(
            passage,
            contribution_id=corpus.row(passage.row).contribution_id,
            contributor=corpus.row(passage.row).contributor,
        )
        for passage in evidence.passages
    )
    return replace(evidence, passages=passages, corpus_root=to_hex(corpus.root))


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


def _split(lines: list[ContributorLine], twin: int) -> CheatLine:
    of_kind = [line for line in lines if line.kind == SPLIT]
    earned = sum(line.earned for line in of_kind)
    return CheatLine(
        kind=SPLIT,
        rows=sum(line.submitted for line in of_kind),
        accepted=sum(line.accepted for line in of_kind),
        earned=earned,
        measure="of the same accepted rows under one owner",
        ratio=earned / twin if twin else float("inf"),
        limit=MOST_A_SPLIT_MAY_EARN,
    )
