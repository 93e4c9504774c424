"""Reward rules: how the contributors' money of an epoch's receipts becomes payouts.

A rule is one record around a pure function of arrays. Production closes an epoch by calling it with
one world; the simulator calls the same object with thousands, so what is attacked is what runs.

`CAUSES` is the rule Headwater ships. `BY_ROWS` and `BY_INFLUENCE` are what it is measured against:
pay by quantity, and positive influence normalised to the whole (OpenLedger's whitepaper, 2.2.4).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from headwater_attribution.apportion import Int64s, apportion, portions
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.errors import UnknownMethodError, UnsoundRuleError
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


@dataclass(frozen=True, slots=True)
class RuleParameters:
    """The numbers of the shipped rule, parts per 10^8.

    Attributes:
        shrinkage: how much of the way from the estimate to the lower end of its interval is left
            unattributed: 0 pays the estimate, 10^8 pays the lower end.
        cap: the most of one receipt's money that is paid out at all. It binds the causes together
            and not each by itself, or splitting would lift it.
        confidence: how much of a credit is paid: what calibration confirms of what the method pays
            (`CalibrationCard.confidence`). What it leaves stays unattributed.

    Raises:
        InvalidInputError: one of them lies outside 0 to 10^8.
    """

    shrinkage: int = PARTS // 4
    cap: int = PARTS
    confidence: int = PARTS

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= PARTS:
                raise InvalidInputError(
                    f"A rule's {name} lies between 0 and 10^8, unlike {value}.", parameter=name
                )


@dataclass(frozen=True, slots=True)
class Payout:
    """What a rule pays, atomic units; the three agree by construction.

    Attributes:
        slots: `[W, R, K]` by receipt and cause, or None where the rule doesn't pay by receipt.
        accounts: `[W, A]` by account.
        unattributed: `[W]` what stays in the pool.
    """

    slots: Int64s | None
    accounts: Int64s
    unattributed: Int64s


Pay = Callable[[RuleColumns, RuleParameters], Int64s]


@dataclass(frozen=True, slots=True)
class RewardRule:
    """A named, versioned rule.

    Attributes:
        rule_id: name and version.
        title: what it does, in a phrase.
        by_receipt: whether `pay` gives `[W, R, K]`; else it gives `[W, A]`.
        pay: the pure part that divides the money.
        parameters: its numbers.
    """

    rule_id: str
    title: str
    by_receipt: bool
    pay: Pay
    parameters: RuleParameters = field(default_factory=RuleParameters)

    def settle(self, columns: RuleColumns) -> Payout:
        """Divide the money of all receipts.

        Raises:
            UnsoundRuleError: the rule paid out more than came in, a negative amount or something
                else than integers; no rule here does, and a rule that did must not reach a vault.
        """
        paid = self.pay(columns, self.parameters)
        if not isinstance(paid, np.ndarray) or paid.dtype.kind not in "iu":
            raise UnsoundRuleError(
                f"The rule {self.rule_id} pays {getattr(paid, 'dtype', type(paid).__name__)}: "
                "money is an array of integers, atomic units rounded down."
            )
        slots = paid if self.by_receipt else None
        accounts = _by_account(columns, paid) if self.by_receipt else paid
        unattributed = columns.charges.sum(axis=1) - accounts.sum(axis=1)
        if (paid < 0).any() or (unattributed < 0).any():
            raise UnsoundRuleError(f"The rule {self.rule_id} created money.")
        if slots is not None and (slots.sum(axis=2) > columns.charges).any():
            raise UnsoundRuleError(f"The rule {self.rule_id} moved money between receipts.")
        return Payout(slots, accounts, unattributed)


def pay_causes(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """Each receipt's money to its own causes, less where the evidence is weak.

    Every step rounds down, and the fraction stays unattributed: what two identities get for two
    halves of a share is then never more than one gets for the whole.

    Returns:
        `[W, R, K]` atomic units.
    """
    certain = columns.low
    estimate_weight = np.full((1, 1, 1), PARTS - parameters.shrinkage, dtype=np.int64)
    credited = certain + portions(columns.parts - certain, estimate_weight)
    credited = portions(credited, np.full((1, 1, 1), parameters.confidence, dtype=np.int64))
    total = credited.sum(axis=2, keepdims=True)
    capped = credited * parameters.cap // np.maximum(total, 1)
    credited = np.where(total > parameters.cap, capped, credited)
    return portions(columns.charges[:, :, None], credited)


def pay_influence(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """Each receipt's money by positive influence, normalised to the whole.

    Reward_i = I_i / Σ I_j × F_contributors over I > 0. Where no influence is positive the receipt's
    money stays unattributed, which the whitepaper leaves open.

    Returns:
        `[W, R, K]` atomic units.
    """
    positive = np.maximum(columns.influence, 0)
    anybody = positive.sum(axis=2, keepdims=True) > 0
    weights = np.where(anybody, positive, 1)
    return np.where(anybody, apportion(columns.charges, weights), 0)


def pay_rows(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """All receipts' money by the number of accepted rows.

    Returns:
        `[W, A]` atomic units.
    """
    anybody = columns.rows.sum(axis=1, keepdims=True) > 0
    weights = np.where(anybody, columns.rows, 1)
    return np.where(anybody, apportion(columns.charges.sum(axis=1), weights), 0)


CAUSES = RewardRule("causes/1", "causes of each receipt, shrunk by confidence", True, pay_causes)
BY_INFLUENCE = RewardRule("influence/1", "influence normalised to 100 %", True, pay_influence)
BY_ROWS = RewardRule("rows/1", "pro rata by rows", False, pay_rows)

RULES: Mapping[str, RewardRule] = {rule.rule_id: rule for rule in (CAUSES, BY_INFLUENCE, BY_ROWS)}


def rule_named(rule_id: str) -> RewardRule:
    """The rule with this id, such as `causes/1`.

    Raises:
        UnknownMethodError: there is none.
    """
    if rule_id not in RULES:
        raise UnknownMethodError(
            f"There is no reward rule {rule_id} here; there are {', '.join(RULES)}.",
            rule_id=rule_id,
        )
    return RULES[rule_id]


def _by_account(columns: RuleColumns, paid: Int64s) -> Int64s:
    accounts = np.zeros(columns.rows.shape, dtype=np.int64)
    world, receipt, slot = np.nonzero(columns.accounts != NO_ACCOUNT)
    np.add.at(
        accounts,
        (world, columns.accounts[world, receipt, slot]),
        paid[world, receipt, slot],
    )
    return accounts
