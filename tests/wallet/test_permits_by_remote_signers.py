"""A signer in a process of its own knows Permit2's permits, and limits them like transfers."""

from dataclasses import replace
from typing import Any

import pytest

from headwater_payments.address import Address, parse_address
from headwater_payments.amount import Amount
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.permit2 import (
    EXACT_PERMIT2_PROXY,
    PERMIT2_DEPOSIT_COLLECTOR,
    UPTO_PERMIT2_PROXY,
    DepositPermit,
    DepositWitness,
    ExactPermit,
    ExactWitness,
    TokenPermissions,
    UptoPermit,
    UptoWitness,
    permit2_domain,
)
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.signing_rules import SigningRules
from headwater_wallet.typed_json import typed_from_json, typed_to_json
from support.shop import PAYEE, USDC

ACCOUNT = Address("0x" + "11" * 20)
OTHER = parse_address("0x" + "fa" * 20)
NOW = 1_000
PERMITTED = TokenPermissions(USDC.address, 600)
RULES = SigningRules(Amount(1_000, USDC), Amount(700, USDC), [PAYEE])
PERMITS: list[Any] = [
    ExactPermit(PERMITTED, EXACT_PERMIT2_PROXY, 7, NOW + 60, ExactWitness(PAYEE, 0)),
    UptoPermit(PERMITTED, UPTO_PERMIT2_PROXY, 7, NOW + 60, UptoWitness(PAYEE, OTHER, 0)),
    DepositPermit(PERMITTED, PERMIT2_DEPOSIT_COLLECTOR, 7, NOW + 60, DepositWitness(bytes(32))),
]


def typed(permit: Any, domain: Domain | None = None) -> TypedData:
    return TypedData(domain or permit2_domain(84532), permit)


@pytest.mark.parametrize("permit", PERMITS)
def test_a_permit_survives_the_way_to_the_signer_and_takes_its_ceiling(permit: Any) -> None:
    arrived = typed_from_json(typed_to_json(typed(permit)))
    assert arrived == typed(permit)
    assert arrived.digest() == typed(permit).digest()
    taken, _ = RULES.check(ACCOUNT, arrived, 400, NOW)
    assert taken == 600
    with pytest.raises(SignerRefusedError, match="left"):
        RULES.check(ACCOUNT, arrived, 401, NOW)


@pytest.mark.parametrize("permit", PERMITS)
@pytest.mark.parametrize(
    "change",
    [
        {"permitted": TokenPermissions(USDC.address, 701)},
        {"permitted": TokenPermissions(OTHER, 600)},
        {"spender": OTHER},
        {"deadline": NOW + 4_000},
    ],
)
def test_a_permit_beyond_the_rules_is_not_signed(permit: Any, change: dict[str, Any]) -> None:
    with pytest.raises(SignerRefusedError):
        RULES.check(ACCOUNT, typed(replace(permit, **change)), 0, NOW)


def test_a_permit_for_another_payee_or_chain_is_not_signed() -> None:
    for permit in PERMITS[:2]:
        elsewhere = replace(permit, witness=replace(permit.witness, to=OTHER))
        with pytest.raises(SignerRefusedError, match="payees"):
            RULES.check(ACCOUNT, typed(elsewhere), 0, NOW)
        with pytest.raises(SignerRefusedError, match="another chain"):
            RULES.check(ACCOUNT, typed(permit, permit2_domain(1)), 0, NOW)
