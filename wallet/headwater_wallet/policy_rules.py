"""One line of a policy: conditions that must all hold for it to decide about a payment."""

from dataclasses import dataclass
from typing import Literal

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_payments.errors import InvalidInputError
from headwater_payments.pricing import TokenPrice
from headwater_wallet.policy_history import NO_HISTORY, SpendHistory

PERCENT = 100


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What is about to be paid: the most it may cost, to whom, and for which URL.

    `token_price` is what the seller states of its tokens' price; `reputation` is the payee's, from
    0 to 100. None where nothing is known.
    """

    amount: Amount
    payee: Address
    origin: str
    resource: str
    token_price: TokenPrice | None = None
    reputation: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy: every condition that is set must hold for the rule to decide.

    Args:
        action: `ask` allows what a person approves.
        reason: why, in words that follow "refuses … :".
        payees: one of these, in any letter case; None for anyone.
        origins: one of these, in any letter case; None for any.
        most: atomic units, at most these in one payment.
        other_payees: anyone but these.
        above: atomic units, more than these in one payment.
        first_payment: whether the payee has never been paid under this budget.
        price_rise_percent: the price at this URL is more than this many per cent above that of the
            last payment there. A URL that was never paid for has no such price.
        most_per_thousand_input, most_per_thousand_output: atomic units, at most these for a
            thousand tokens, as the terms state it. Terms that state no price of tokens don't meet
            them.
        token_price_rise_percent: the price of a token is more than this many per cent above what
            was stated at the last payment at this URL, or is stated no more.
        least_reputation: of the payee, from 0 to 100. One of whom nothing is known has none.
        before: Unix seconds; holds for payments made before this moment.
        after: Unix seconds; holds for payments made after this moment.
    """

    action: Literal["allow", "deny", "ask"]
    reason: str
    payees: frozenset[Address] | None = None
    origins: frozenset[str] | None = None
    most: int | None = None
    other_payees: frozenset[Address] | None = None
    above: int | None = None
    first_payment: bool | None = None
    price_rise_percent: int | None = None
    most_per_thousand_input: int | None = None
    most_per_thousand_output: int | None = None
    least_reputation: int | None = None
    token_price_rise_percent: int | None = None
    before: int | None = None
    after: int | None = None

    def __post_init__(self) -> None:
        if self.action not in ("allow", "deny", "ask"):
            raise InvalidInputError(f"A rule allows, denies or asks; it can't {self.action!r}.")
        # A deny list that misses its payee for want of a capital letter would pay it.
        for name in ("payees", "other_payees"):
            listed = getattr(self, name)
            if listed is not None:
                object.__setattr__(self, name, frozenset(parse_address(each) for each in listed))
        if self.origins is not None:
            origins = frozenset(origin.lower().rstrip("/") for origin in self.origins)
            object.__setattr__(self, "origins", origins)

    def decides(
        self, request: PaymentRequest, history: SpendHistory = NO_HISTORY, *, now: int = 0
    ) -> bool:
        """Whether this rule applies to the request, made at `now` (Unix seconds)."""
        payee, atomic = parse_address(request.payee), request.amount.atomic
        return (
            (self.payees is None or payee in self.payees)
            and (self.other_payees is None or payee not in self.other_payees)
            and (self.origins is None or request.origin.lower() in self.origins)
            and (self.most is None or atomic <= self.most)
            and (self.above is None or atomic > self.above)
            and (self.before is None or now < self.before)
            and (self.after is None or now > self.after)
            and (
                self.first_payment is None
                or self.first_payment is not history.has_signed_for(payee)
            )
            and (self.price_rise_percent is None or self._risen(request, history))
            and self._cheap_enough(request.token_price)
            and (self.token_price_rise_percent is None or self._dearer(request, history))
            and (
                self.least_reputation is None
                or (request.reputation is not None and request.reputation >= self.least_reputation)
            )
        )

    def _cheap_enough(self, price: TokenPrice | None) -> bool:
        most = (self.most_per_thousand_input, self.most_per_thousand_output)
        if most == (None, None):
            return True
        stated = () if price is None else (price.per_thousand_input, price.per_thousand_output)
        return bool(stated) and all(
            limit is None or atomic <= limit for limit, atomic in zip(most, stated, strict=True)
        )

    def _dearer(self, request: PaymentRequest, history: SpendHistory) -> bool:
        before, now = history.last_token_price(request.resource), request.token_price
        if before is None or now is None:
            return before is not None
        allowed = PERCENT + (self.token_price_rise_percent or 0)
        return (
            now.per_thousand_input * PERCENT > before.per_thousand_input * allowed
            or now.per_thousand_output * PERCENT > before.per_thousand_output * allowed
            or now.per_request * PERCENT > before.per_request * allowed
        )

    def _risen(self, request: PaymentRequest, history: SpendHistory) -> bool:
        before = history.last_price(request.resource)
        allowed = PERCENT + (self.price_rise_percent or 0)
        return before is not None and request.amount.atomic * PERCENT > before * allowed
