"""Where the contracts are on a development chain, and how they come there."""

from typing import Final

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.chains.development import DEVELOPMENT_CHAIN_ID, DevelopmentChain
from headwater_contracts.deployments.record import MULTICALL3, Deployment
from headwater_payments.address import Address, parse_address
from headwater_payments.channels import BATCH_SETTLEMENT, ERC3009_DEPOSIT_COLLECTOR
from headwater_payments.errors import InvalidInputError
from headwater_payments.permit2 import (
    EXACT_PERMIT2_PROXY,
    PERMIT2,
    PERMIT2_DEPOSIT_COLLECTOR,
    UPTO_PERMIT2_PROXY,
)

BASE_SEPOLIA_USDC: Final = parse_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e")
ASSET_REGISTRY: Final = parse_address("0x4Ead0a7E00000000000000000000000000000001".lower())
VAULT_FACTORY: Final = parse_address("0x4Ead0a7E00000000000000000000000000000002".lower())
PANELS: Final = parse_address("0x4Ead0a7E00000000000000000000000000000003".lower())
EPOCH_FAULTS: Final = parse_address("0x4Ead0a7E00000000000000000000000000000004".lower())
AVAILABILITY_DEMANDS: Final = parse_address("0x4Ead0a7E00000000000000000000000000000005".lower())
EPOCH_COURT: Final = parse_address("0x4Ead0a7E00000000000000000000000000000006".lower())
RECEIPT_DESK: Final = parse_address("0x4Ead0a7E00000000000000000000000000000007".lower())
BOND_RULES: Final = parse_address("0x4Ead0a7E00000000000000000000000000000008".lower())
CONTRIBUTION_BOND: Final = parse_address("0x4Ead0a7E00000000000000000000000000000009".lower())
JOB_ESCROW: Final = parse_address("0x4Ead0a7E0000000000000000000000000000000a".lower())
LICENCES: Final = parse_address("0x4Ead0a7E0000000000000000000000000000000b".lower())
ROW_COMMITMENTS: Final = parse_address("0x4Ead0a7E0000000000000000000000000000000c".lower())
PHRASE_PROOFS: Final = parse_address("0x4Ead0a7E0000000000000000000000000000000d".lower())
IDENTITY_REGISTRY: Final = parse_address("0x8004A818BFB912233c491871b3d84c89A494BD9e")
REPUTATION_REGISTRY: Final = parse_address("0x8004B663056A597Dffe9eCcC1965A193B7388713")


DEVELOPMENT: Final = Deployment(
    chain_id=DEVELOPMENT_CHAIN_ID,
    settlement_token=BASE_SEPOLIA_USDC,
    batch_settlement=BATCH_SETTLEMENT,
    deposit_collector=ERC3009_DEPOSIT_COLLECTOR,
    multicall3=MULTICALL3,
    asset_registry=ASSET_REGISTRY,
    vault_factory=VAULT_FACTORY,
    panels=PANELS,
    epoch_faults=EPOCH_FAULTS,
    availability_demands=AVAILABILITY_DEMANDS,
    epoch_court=EPOCH_COURT,
    receipt_desk=RECEIPT_DESK,
    bond_rules=BOND_RULES,
    contribution_bond=CONTRIBUTION_BOND,
    job_escrow=JOB_ESCROW,
    licences=LICENCES,
    row_commitments=ROW_COMMITMENTS,
    phrase_proofs=PHRASE_PROOFS,
    identity_registry=IDENTITY_REGISTRY,
    reputation_registry=REPUTATION_REGISTRY,
)
"""On every development chain; token, channels, Permit2, Multicall3 and ERC-8004's registries at the
addresses that public clients expect on Base Sepolia."""


async def deploy_development_contracts(chain: DevelopmentChain) -> Deployment:
    """Put every contract at its address by running its constructor there.

    The faucet becomes the token's minter. Vaults book the development token only.

    Raises:
        InvalidInputError: the chain has another id, so canonical addresses would mean nothing.
    """
    if chain.chain_id != DEVELOPMENT_CHAIN_ID:
        raise InvalidInputError(
            f"Development contracts belong on chain {DEVELOPMENT_CHAIN_ID}, not {chain.chain_id}.",
            chain_id=chain.chain_id,
        )
    constructed: tuple[tuple[Address, str, tuple[object, ...]], ...] = (
        (MULTICALL3, "Multicall3", ()),
        (BASE_SEPOLIA_USDC, "SettlementToken", (chain.faucet,)),
        (BATCH_SETTLEMENT, "BatchSettlement", ()),
        (ERC3009_DEPOSIT_COLLECTOR, "ERC3009DepositCollector", (BATCH_SETTLEMENT,)),
        (PERMIT2, "Permit2", ()),
        (EXACT_PERMIT2_PROXY, "ExactPermit2Proxy", (PERMIT2,)),
        (UPTO_PERMIT2_PROXY, "UptoPermit2Proxy", (PERMIT2,)),
        (PERMIT2_DEPOSIT_COLLECTOR, "Permit2DepositCollector", (BATCH_SETTLEMENT, PERMIT2)),
        (RECEIPT_DESK, "ReceiptDesk", (BATCH_SETTLEMENT,)),
        (PANELS, "Panels", ()),
        (EPOCH_FAULTS, "EpochFaults", ()),
        (AVAILABILITY_DEMANDS, "AvailabilityDemands", (VAULT_FACTORY, PANELS)),
        (
            EPOCH_COURT,
            "EpochCourt",
            (VAULT_FACTORY, PANELS, EPOCH_FAULTS, AVAILABILITY_DEMANDS),
        ),
        (
            VAULT_FACTORY,
            "RevenueVaultFactory",
            (ASSET_REGISTRY, EPOCH_COURT, RECEIPT_DESK, PANELS, [BASE_SEPOLIA_USDC]),
        ),
        (LICENCES, "Licences", ()),
        (ROW_COMMITMENTS, "RowCommitments", ()),
        (PHRASE_PROOFS, "PhraseProofs", ()),
        (ASSET_REGISTRY, "AssetRegistry", (VAULT_FACTORY, CONTRIBUTION_BOND, LICENCES)),
        (BOND_RULES, "BondRules", (PANELS, VAULT_FACTORY)),
        (CONTRIBUTION_BOND, "ContributionBond", (ASSET_REGISTRY, BOND_RULES)),
        (JOB_ESCROW, "JobEscrow", (BASE_SEPOLIA_USDC,)),
        (IDENTITY_REGISTRY, "IdentityRegistry", ()),
        (REPUTATION_REGISTRY, "ReputationRegistry", (IDENTITY_REGISTRY,)),
    )
    for address, contract, arguments in constructed:
        await chain.run_constructor_at(address, load_artifact(contract).initcode(*arguments))
    return DEVELOPMENT
