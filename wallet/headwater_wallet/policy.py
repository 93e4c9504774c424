"""What a wallet may pay, decided outside any model: rules in order, first match, default deny."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_wallet.errors import PolicyRefusedError


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What is about to be paid: the most it may cost, to whom, and for which URL."""

    amount: Amount
    payee: Address
    origin: str
    resource: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy: every condition that is set must hold for the rule to decide.

    `payees` and `origins` are lists of which one must match, in any letter case; None matches
    anything. `most` bounds a single payment in atomic units.
    """

    action: Literal["allow", "deny"]
    reason: str
    payees: frozenset[Address] | None = None
    origins: frozenset[str] | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        # A deny list that misses its payee for want of a capital letter would pay it.
        if self.payees is not None:
            payees = frozenset(parse_address(payee) for payee in self.payees)
            object.__setattr__(self, "payees", payees)
        if self.origins is not None:
            origins = frozenset(origin.lower().rstrip("/") for origin in self.origins)
            object.__setattr__(self, "origins", origins)

    def decides(self, request: PaymentRequest) -> bool:
        """Whether this rule applies to the request."""
        return (
            (self.payees is None or parse_address(request.payee) in self.payees)
            and (self.origins is None or request.origin.lower() in self.origins)
            and (self.most is None or request.amount.atomic <= self.most)
        )


@dataclass(frozen=True, slots=True)
class SpendPolicy:
    """Rules, the asset they speak of, and the budget under which everything is reserved.

    Args:
        budget: the most that may ever be signed away under this policy.
        rules: tried in order; the first that decides, decides. None left means no.
        deposit: how much escrow to place in a channel at a time, at most; None for a fifth of the
            budget. Escrow is not spending, but it is locked until withdrawn.
    """

    budget: Amount
    rules: Sequence[Rule] = field(default_factory=tuple)
    deposit: Amount | None = None

    def check(self, request: PaymentRequest) -> Rule:
        """The rule that allows this payment.

        Raises:
            PolicyRefusedError: another asset, a rule that denies, or no rule that decides.
        """
        if request.amount.asset != self.budget.asset:
            raise PolicyRefusedError(
                f"This wallet pays in {self.budget.asset.symbol} on {self.budget.asset.network} "
                f"only, not in the asset asked for on {request.amount.asset.network}.",
                asset=request.amount.asset.address,
            )
        for rule in self.rules:
            if rule.decides(request):
                if rule.action == "allow":
                    return rule
                raise PolicyRefusedError(
                    f"The wallet's policy refuses {request.amount} to {request.payee}: "
                    f"{rule.reason}.",
                    payee=request.payee,
                    amount=str(request.amount.atomic),
                )
        raise PolicyRefusedError(
            f"No rule of the wallet's policy allows {request.amount} to {request.payee}.",
            payee=request.payee,
            amount=str(request.amount.atomic),
        )

    @property
    def deposit_limit(self) -> int:
        """Atomic units of escrow to place at a time."""
        return self.deposit.atomic if self.deposit else max(1, self.budget.atomic // 5)


def simple_policy(
    budget: Amount, *, per_payment: Amount | None = None, deny: Sequence[Address] = ()
) -> SpendPolicy:
    """A budget, payees never to be paid, and, where `per_payment` is given, a cap on each payment.

    Raises:
        InvalidInputError: the cap and the budget are of different assets.
    """
    rules = []
    if deny:
        rules.append(Rule("deny", "the payee is on its deny list", payees=frozenset(deny)))
    if per_payment is None:
        return SpendPolicy(budget, (*rules, Rule("allow", "within the budget")))
    if per_payment.asset != budget.asset:
        raise InvalidInputError("The cap on a payment and the budget are of different assets.")
    rules.append(Rule("allow", "within the cap on a payment", most=per_payment.atomic))
    rules.append(Rule("deny", f"it is above the cap of {per_payment} on a payment"))
    return SpendPolicy(budget, tuple(rules))
