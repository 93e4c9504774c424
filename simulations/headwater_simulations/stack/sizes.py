"""How large a market may be that is replayed on a chain."""

from dataclasses import replace

from headwater_payments.errors import InvalidInputError
from headwater_simulations.economy.scenario import Economy

MOST_SALES = 2_000
MOST_ACCOUNTS = 200


def small(economy: Economy) -> Economy:
    """The market with few agents in it and three steps: half a minute of a core's time."""
    return replace(economy, buyers=8, contributors=10, services=2, owners=2, validators=2, steps=3)


def check_size(economy: Economy) -> None:
    """Refuse a market that the chain in this process would take hours for.

    Raises:
        InvalidInputError: it is too large, or its rule can't fill a vault's tree.
    """
    if not economy.rule.by_receipt:
        raise InvalidInputError(
            f"The rule {economy.rule.rule_id} doesn't pay by receipt, so no vault can pay by it: "
            "give another one, such as --rule causes/1."
        )
    accounts = economy.buyers + economy.contributors + economy.services + economy.owners
    sales = (economy.buyers + economy.contributors) * economy.steps
    if accounts > MOST_ACCOUNTS or sales > MOST_SALES:
        raise InvalidInputError(
            f"A replay on chain has {MOST_ACCOUNTS} accounts and {MOST_SALES:,} answers at most, "
            f"and this market can have {accounts:,} and {sales:,}.",
            accounts=accounts,
            sales=sales,
        )
