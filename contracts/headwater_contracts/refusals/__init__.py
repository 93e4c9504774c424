"""A class for every custom error of every contract, by selector; made of the ABIs."""

from collections.abc import Mapping
from typing import Final

from headwater_contracts.refusals import (
    asset_registry,
    availability_demands,
    batch_settlement,
    bond_rules,
    contract_set,
    contribution_bond,
    epoch_court,
    epoch_faults,
    erc3009_deposit_collector,
    exact_permit2_proxy,
    identity_registry,
    job_escrow,
    licences,
    multicall3,
    panels,
    permit2,
    phrase_proofs,
    receipt_desk,
    reputation_registry,
    revenue_vault,
    revenue_vault_factory,
    row_commitments,
    settlement_token,
    upto_permit2_proxy,
)
from headwater_contracts.reverts import ContractRevertError

KINDS: Final[Mapping[bytes, type[ContractRevertError]]] = {
    kind.selector: kind
    for module in (
        asset_registry,
        availability_demands,
        batch_settlement,
        bond_rules,
        contract_set,
        contribution_bond,
        epoch_court,
        epoch_faults,
        erc3009_deposit_collector,
        exact_permit2_proxy,
        identity_registry,
        job_escrow,
        licences,
        multicall3,
        panels,
        permit2,
        phrase_proofs,
        receipt_desk,
        reputation_registry,
        revenue_vault,
        revenue_vault_factory,
        row_commitments,
        settlement_token,
        upto_permit2_proxy,
    )
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, ContractRevertError)
    if kind.selector
}
