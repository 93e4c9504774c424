"""The contracts of one chain."""

from dataclasses import asdict, dataclass
from typing import Final

from headwater_payments.address import Address, parse_address
from headwater_payments.permit2 import (
    EXACT_PERMIT2_PROXY,
    PERMIT2,
    PERMIT2_DEPOSIT_COLLECTOR,
    UPTO_PERMIT2_PROXY,
)

MULTICALL3: Final = parse_address("0xcA11bde05977b3631167028862bE2a173976CA11")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts of one chain; `from_block` is where their events begin.

    Permit2 and what x402 adds to it have one address on every chain.
    """

    chain_id: int
    settlement_token: Address
    batch_settlement: Address
    deposit_collector: Address
    multicall3: Address
    asset_registry: Address
    vault_factory: Address
    panels: Address
    epoch_faults: Address
    availability_demands: Address
    epoch_court: Address
    receipt_desk: Address
    bond_rules: Address
    contribution_bond: Address
    job_escrow: Address
    licences: Address
    row_commitments: Address
    phrase_proofs: Address
    identity_registry: Address
    reputation_registry: Address
    from_block: int = 0
    permit2: Address = PERMIT2
    exact_permit2_proxy: Address = EXACT_PERMIT2_PROXY
    upto_permit2_proxy: Address = UPTO_PERMIT2_PROXY
    permit2_deposit_collector: Address = PERMIT2_DEPOSIT_COLLECTOR

    def contracts(self) -> dict[str, Address]:
        """The addresses by the names of their fields."""
        fields = asdict(self)
        return {name: at for name, at in fields.items() if name not in ("chain_id", "from_block")}
