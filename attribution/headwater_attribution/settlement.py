"""One epoch's receipts through a reward rule: what each account earned, receipt by receipt."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater_attribution.attribution import Attribution, Share
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.rules import RewardRule
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class PaidShares:
    """A receipt's contributors' money in atomic units, and its attribution."""

    receipt_id: str
    money: int
    attribution: Attribution


@dataclass(frozen=True, slots=True)
class Earnings:
    """What an epoch earned.

    Attributes:
        by_account: for each account, its amount by receipt id (`0x` hex), positive amounts only.
        unattributed: what stays in the pool, atomic units.
    """

    by_account: Mapping[Address, Mapping[str, int]]
    unattributed: int

    @property
    def total(self) -> int:
        """All that was earned, atomic units."""
        return sum(sum(amounts.values()) for amounts in self.by_account.values())


def settle_receipts(
    receipts: Sequence[PaidShares], rule: RewardRule, rows: Mapping[Address, int]
) -> Earnings:
    """Call `rule` with one world that holds these receipts.

    Args:
        receipts: the epoch's, each id once.
        rule: a rule that pays by receipt, since a vault's leaf is opened receipt by receipt.
        rows: accepted rows of each account in the corpus.

    Raises:
        InvalidInputError: the rule doesn't pay by receipt, a receipt stands twice, or money is out
            of range.
    """
    if not rule.by_receipt:
        raise InvalidInputError(
            f"The rule {rule.rule_id} doesn't pay by receipt, so it can't fill a vault's tree."
        )
    if len({receipt.receipt_id for receipt in receipts}) != len(receipts):
        raise InvalidInputError("A receipt stands twice in the epoch.")
    if any(not 0 <= receipt.money < 2**62 for receipt in receipts):
        raise InvalidInputError("A receipt's money is from 0 to 2^62 - 1 atomic units.")
    if any(_influence(receipt) >= 2**31 for receipt in receipts):
        raise InvalidInputError("The influence on a receipt sums to less than 2^31 thousandths.")
    earners = {s.contributor for receipt in receipts for s in receipt.attribution.shares}
    accounts = sorted(earners | rows.keys())
    if not receipts or not accounts:
        return Earnings({}, sum(receipt.money for receipt in receipts))
    payout = rule.settle(_columns(receipts, accounts, rows))
    assert payout.slots is not None
    earned: defaultdict[Address, dict[str, int]] = defaultdict(dict)
    for receipt, paid in zip(receipts, payout.slots[0].tolist(), strict=True):
        for share, amount in zip(receipt.attribution.shares, paid, strict=False):
            if amount:
                of_account = earned[share.contributor]
                of_account[receipt.receipt_id] = of_account.get(receipt.receipt_id, 0) + amount
    return Earnings(dict(earned), int(payout.unattributed[0]))


def _columns(
    receipts: Sequence[PaidShares], accounts: Sequence[Address], rows: Mapping[Address, int]
) -> RuleColumns:
    index = {account: i for i, account in enumerate(accounts)}
    width = max(1, *(len(receipt.attribution.shares) for receipt in receipts))
    empty = (NO_ACCOUNT, 0, 0, 0)
    slots = np.array(
        [
            [_slot(share, index) for share in receipt.attribution.shares]
            + [empty] * (width - len(receipt.attribution.shares))
            for receipt in receipts
        ],
        dtype=np.int64,
    )
    return RuleColumns(
        charges=np.array([[receipt.money for receipt in receipts]], dtype=np.int64),
        accounts=slots[None, :, :, 0],
        parts=slots[None, :, :, 1],
        low=slots[None, :, :, 2],
        influence=slots[None, :, :, 3],
        rows=np.array([[rows.get(account, 0) for account in accounts]], dtype=np.int64),
    )


def _influence(receipt: PaidShares) -> int:
    return sum(share.influence // 1_000 for share in receipt.attribution.shares)


def _slot(share: Share, index: Mapping[Address, int]) -> tuple[int, int, int, int]:
    # Influence is in millionths of a score; thousandths keep a receipt's sum far below 2^31.
    return index[share.contributor], share.parts, share.low, share.influence // 1_000
