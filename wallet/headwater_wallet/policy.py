"""What a wallet may pay, decided outside any model: rules in order, first match, default deny.

After a rule has allowed a payment, the circuit breaker and every window must let it pass; a person
is asked last, about what would otherwise go through.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from headwater_payments.address import Address
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_wallet.errors import ApprovalDeniedError, ApprovalPendingError, PolicyRefusedError
from headwater_wallet.policy_history import NO_HISTORY, SpendHistory
from headwater_wallet.policy_rules import PaymentRequest, Rule
from headwater_wallet.policy_windows import CircuitBreaker, Window

ANSWER_LASTS_S: Final = 86_400
"""Seconds for which a person's answer holds: an approval unused until then must be asked again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says about a payment, and which part of it says so.

    `rule` counts from 1; None where no rule decided. `code` is that of the error that a payment
    would end in, and None where it would be allowed.
    """

    outcome: Literal["allow", "deny", "ask"]
    rule: int | None
    reason: str
    code: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether the payment would be signed."""
        return self.outcome == "allow"


@dataclass(frozen=True, slots=True)
class SpendPolicy:
    """Rules, the asset they speak of, and the budget under which everything is reserved.

    Args:
        budget: the most that may ever be signed away under this policy.
        rules: tried in order; the first that decides, decides. None left means no.
        deposit: how much escrow to place with a seller at a time; with one that needs lanes, how
            much may lie uncharged in all of them after a deposit. None for a fifth of the budget.
            Where that leaves too little for a request, what this one is missing is placed and
            nothing ahead. Escrow is not spending, but it is locked until withdrawn.
        windows: limits over time, all of which must hold.
        breaker: when to leave a failing seller alone; None for never.
        deposit_ahead_s: place escrow for about so many seconds at the rate at which the seller was
            paid during the last such seconds, and for ten requests at least: never more than
            `deposit`. None places all of `deposit` at a time.
        private_hosts: sellers, by host, that may be in a private network; `*` for all. Loopback
            addresses are always allowed.
    """

    budget: Amount
    rules: Sequence[Rule] = field(default_factory=tuple)
    deposit: Amount | None = None
    windows: Sequence[Window] = ()
    breaker: CircuitBreaker | None = None
    private_hosts: Collection[str] = ()
    deposit_ahead_s: int | None = None

    def check(
        self,
        request: PaymentRequest,
        history: SpendHistory = NO_HISTORY,
        *,
        newly_signed: int | None = None,
        now: int = 0,
    ) -> Rule:
        """The rule that allows this payment.

        Args:
            request: what is to be paid.
            history: what was signed, priced, failed and answered before.
            newly_signed: atomic units that it adds to what is signed; None for all of its amount.
                On a channel, headroom of an earlier voucher is used again.
            now: Unix seconds.

        Raises:
            PolicyRefusedError: another asset, a rule that denies, or no rule that decides.
            CircuitOpenError: the seller has failed too often of late.
            WindowExceededError: too much in too short a time.
            ApprovalPendingError: a rule asks a person, who has not answered.
            ApprovalDeniedError: the person said no.
        """
        self._refuse_other_asset(request)
        rule = self._deciding(request, history, now)
        if rule.action == "deny":
            raise PolicyRefusedError(
                f"The wallet's policy refuses {request.amount} to {request.payee}: {rule.reason}.",
                **_details(request),
            )
        if self.breaker is not None:
            self.breaker.refuse_if_open(request, history, now=now)
        signed = request.amount.atomic if newly_signed is None else newly_signed
        for window in self.windows:
            window.refuse_beyond(request, history, newly_signed=signed, now=now)
        if rule.action == "ask":
            _refuse_unapproved(rule, request, history, now)
        return rule

    def explain(
        self,
        request: PaymentRequest,
        history: SpendHistory = NO_HISTORY,
        *,
        newly_signed: int | None = None,
        now: int = 0,
    ) -> Verdict:
        """What `check` would do, and why; nothing is raised, asked or signed."""
        try:
            rule = self.check(request, history, newly_signed=newly_signed, now=now)
        except PolicyRefusedError as refusal:
            asks = isinstance(refusal, ApprovalPendingError)
            number = self._number(request, history, now)
            outcome: Literal["ask", "deny"] = "ask" if asks else "deny"
            return Verdict(outcome, number, refusal.message, refusal.code)
        return Verdict("allow", self._number(request, history, now), rule.reason)

    @property
    def deposit_limit(self) -> int:
        """Atomic units of escrow to place with a seller at a time, all lanes together."""
        return self.deposit.atomic if self.deposit else max(1, self.budget.atomic // 5)

    @property
    def asks_reputation(self) -> bool:
        """Whether a rule looks at the payee's reputation."""
        return any(rule.least_reputation is not None for rule in self.rules)

    def _refuse_other_asset(self, request: PaymentRequest) -> None:
        if request.amount.asset != self.budget.asset:
            raise PolicyRefusedError(
                f"This wallet pays in {self.budget.asset.symbol} on {self.budget.asset.network} "
                f"only, not in the asset asked for on {request.amount.asset.network}.",
                asset=request.amount.asset.address,
            )

    def _deciding(self, request: PaymentRequest, history: SpendHistory, now: int) -> Rule:
        for rule in self.rules:
            if rule.decides(request, history, now=now):
                return rule
        raise PolicyRefusedError(
            f"No rule of the wallet's policy allows {request.amount} to {request.payee}.",
            **_details(request),
        )

    def _number(self, request: PaymentRequest, history: SpendHistory, now: int) -> int | None:
        if request.amount.asset != self.budget.asset:
            return None
        numbered = enumerate(self.rules, start=1)
        return next((n for n, rule in numbered if rule.decides(request, history, now=now)), None)


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


def _refuse_unapproved(
    rule: Rule, request: PaymentRequest, history: SpendHistory, now: int
) -> None:
    answer = history.answer(
        request.payee, request.resource, request.amount.atomic, after=now - ANSWER_LASTS_S
    )
    if answer is None:
        raise ApprovalPendingError(
            f"A person must approve {request.amount} to {request.payee}: {rule.reason}.",
            reason=rule.reason,
            **_details(request),
        )
    if answer.state == "denied":
        raise denied(request, answer.reason)


def denied(request: PaymentRequest, reason: str) -> ApprovalDeniedError:
    """The error that brings a person's refusal to the caller."""
    said = reason.rstrip(".") or "no reason given"
    return ApprovalDeniedError(
        f"{request.amount} to {request.payee} was not approved: {said}.",
        reason=reason,
        **_details(request),
    )


def _details(request: PaymentRequest) -> dict[str, str]:
    return {"payee": request.payee, "amount": str(request.amount.atomic)}


__all__ = [
    "ANSWER_LASTS_S",
    "NO_HISTORY",
    "CircuitBreaker",
    "PaymentRequest",
    "Rule",
    "SpendHistory",
    "SpendPolicy",
    "Verdict",
    "Window",
    "denied",
    "simple_policy",
]
