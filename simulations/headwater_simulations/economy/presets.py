"""Markets in which something goes wrong, by name."""

from collections.abc import Mapping
from dataclasses import replace

from headwater_attribution.rules import BY_INFLUENCE, BY_ROWS
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS
from headwater_simulations.economy.scenario import Economy

_THIRD = PARTS // 3
_CALM = Economy()

PRESETS: Mapping[str, tuple[str, Economy]] = {
    "calm": ("nobody deviates", _CALM),
    "spam-farming": (
        "a third spams where rows are paid",
        replace(_CALM, spam=_THIRD, rule=BY_ROWS, filler_recall=PARTS // 2),
    ),
    "sybil-flood": (
        "half are second names that nobody recognises, paid by mere influence",
        replace(_CALM, sybil=PARTS // 2, dedup_recall=0, rule=BY_INFLUENCE),
    ),
    "copycats": (
        "a third copies where questions don't show it",
        replace(_CALM, copy=_THIRD, dedup_recall=PARTS // 2, precedence=0),
    ),
    "wash-trading": ("a tenth buys its own answers", replace(_CALM, wash=PARTS // 10)),
    "synthetic-noise": (
        "half of the services sell noise at a twelfth of the cost",
        replace(_CALM, noisy=PARTS // 2),
    ),
    "weight-copying": (
        "nine validators in ten copy, and measuring costs more than it brings",
        replace(_CALM, copiers=PARTS * 9 // 10, measure_cost=200),
    ),
    "whitewashing": (
        "noisy services come back under new names",
        replace(_CALM, noisy=PARTS // 2, whitewash_below=400, identity_cost=200),
    ),
    "free-riding": ("half let their rows go stale", replace(_CALM, free_ride=PARTS // 2)),
    "poisoning": (
        "a third states falsehoods that get in",
        replace(_CALM, poison=_THIRD, poison_recall=0, precedence=0),
    ),
    "price-war": (
        "prices move a tenth every other step",
        replace(_CALM, price_step=1_000, price_period=2, explore=PARTS * 30 // 100),
    ),
    "demand-shock": (
        "incomes are half a price, and four times that from the hundredth step on",
        replace(_CALM, shock_step=100, shock=4, income=300, endowment=2_000),
    ),
}
"""What each shows, and the market."""


def preset(name: str) -> Economy:
    """The market of this name.

    Raises:
        InvalidInputError: there is none.
    """
    if name not in PRESETS:
        raise InvalidInputError(f"There is no market {name}; there are {', '.join(PRESETS)}.")
    return PRESETS[name][1]
