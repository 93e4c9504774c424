"""Every custom error of every contract has a class with its values, and no other stands there."""

from types import GenericAlias
from typing import get_type_hints

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from headwater_contracts.abi import AbiItem
from headwater_contracts.artifacts import CONTRACTS, every_abi, load_artifact
from headwater_contracts.build import REFUSALS
from headwater_contracts.refusal_classes import refusal_modules
from headwater_contracts.refusals import KINDS
from headwater_contracts.refusals.availability_demands import NotVaultError
from headwater_contracts.refusals.revenue_vault import SumAbovePoolError
from headwater_contracts.refusals.settlement_token import ERC20InsufficientBalanceError
from headwater_contracts.reverts import TransferRefusedError, revert_error
from headwater_payments.address import parse_address

ALICE = parse_address("0x" + "a1" * 20)
SAMPLES = {
    "address": ALICE,
    "bool": True,
    "string": "why",
    "bytes": b"\x01",
    "bytes32": b"\x02" * 32,
}
BY_KIND = {"address": str, "bool": bool, "string": str, "bytes": bytes, "bytes32": bytes}


def sample(abi_type: str) -> object:
    return 7 if abi_type.lstrip("u").startswith("int") else SAMPLES[abi_type]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_error_of_a_contract_is_raised_as_its_class_with_its_values(contract: str) -> None:
    for selector, item in load_artifact(contract).abi.errors.items():
        values = [sample(abi_type) for abi_type in item.inputs]
        refused = revert_error(selector + encode(item.inputs, values), "do it")
        assert type(refused) is KINDS[selector], item.signature
        assert refused.name == item.name
        assert [getattr(refused, field) for field in refused.fields] == values
        assert list(refused.arguments.values()) == values
        assert types_of(type(refused), refused.fields) == [kind_of(each) for each in item.inputs]


def types_of(kind: type, fields: tuple[str, ...]) -> list[object]:
    hints = get_type_hints(kind)
    return [getattr(hints[field], "__supertype__", hints[field]) for field in fields]


def kind_of(abi_type: str) -> type | GenericAlias:
    return BY_KIND.get(abi_type, int)


def test_a_class_is_there_for_what_contracts_declare_and_for_nothing_else() -> None:
    declared = {
        selector: item
        for name in CONTRACTS
        for selector, item in load_artifact(name).abi.errors.items()
    }
    assert KINDS.keys() == declared.keys() == every_abi().errors.keys()
    assert len(KINDS) > 200
    assert len({(kind.__module__, kind.__name__) for kind in KINDS.values()}) == len(KINDS)
    assert all(isinstance(item, AbiItem) for item in declared.values())


def test_the_modules_are_what_the_interfaces_make_them() -> None:
    made = refusal_modules()
    assert {file.name for file in REFUSALS.glob("*.py")} == made.keys()
    stale = [name for name, text in made.items() if (REFUSALS / name).read_text("utf-8") != text]
    assert stale == [], "run `python -m headwater_contracts.build`"


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**256 - 1))
def test_values_are_attributes_of_what_one_catches(total: int, pool: int) -> None:
    data = SumAbovePoolError.selector + encode(["uint128", "uint256"], [total, pool])
    with pytest.raises(SumAbovePoolError) as refused:
        raise revert_error(data, "post a root")
    assert (refused.value.sum, refused.value.pool) == (total, pool)
    assert refused.value.code == "contract_revert"


def test_a_token_s_refusal_is_still_a_refused_transfer() -> None:
    data = ERC20InsufficientBalanceError.selector + encode(
        ["address", "uint256", "uint256"], [ALICE, 1, 2]
    )
    refused = revert_error(data)
    assert isinstance(refused, ERC20InsufficientBalanceError)
    assert isinstance(refused, TransferRefusedError)
    assert (refused.sender, refused.balance, refused.needed) == (ALICE, 1, 2)
    assert refused.code == "transfer_refused"


def test_data_too_short_for_its_error_is_none_of_them() -> None:
    assert type(revert_error(NotVaultError.selector)) not in KINDS.values()
