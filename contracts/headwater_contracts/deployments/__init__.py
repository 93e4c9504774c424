"""Where the contracts are, chain by chain, and how they come there."""

from headwater_contracts.deployments.development import (
    ASSET_REGISTRY,
    AVAILABILITY_DEMANDS,
    BASE_SEPOLIA_USDC,
    BOND_RULES,
    CONTRIBUTION_BOND,
    DEVELOPMENT,
    EPOCH_COURT,
    EPOCH_FAULTS,
    IDENTITY_REGISTRY,
    JOB_ESCROW,
    LICENCES,
    PANELS,
    RECEIPT_DESK,
    REPUTATION_REGISTRY,
    ROW_COMMITMENTS,
    VAULT_FACTORY,
    deploy_development_contracts,
)
from headwater_contracts.deployments.public import deployment_on, public_chains, public_deployment
from headwater_contracts.deployments.record import MULTICALL3, Deployment

__all__ = [
    "ASSET_REGISTRY",
    "AVAILABILITY_DEMANDS",
    "BASE_SEPOLIA_USDC",
    "BOND_RULES",
    "CONTRIBUTION_BOND",
    "DEVELOPMENT",
    "EPOCH_COURT",
    "EPOCH_FAULTS",
    "IDENTITY_REGISTRY",
    "JOB_ESCROW",
    "LICENCES",
    "MULTICALL3",
    "PANELS",
    "RECEIPT_DESK",
    "REPUTATION_REGISTRY",
    "ROW_COMMITMENTS",
    "VAULT_FACTORY",
    "Deployment",
    "deploy_development_contracts",
    "deployment_on",
    "public_chains",
    "public_deployment",
]
