"""Compiled contracts as package data: ABI, creation code, and what they were compiled from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from eth_abi.abi import encode

from headwater_contracts.abi import ContractAbi
from headwater_payments.errors import InvalidInputError

CONTRACTS = (
    "SettlementToken",
    "BatchSettlement",
    "ERC3009DepositCollector",
    "Permit2",
    "ExactPermit2Proxy",
    "UptoPermit2Proxy",
    "Permit2DepositCollector",
    "Multicall3",
    "Panels",
    "EpochFaults",
    "AvailabilityDemands",
    "EpochCourt",
    "ReceiptDesk",
    "AssetRegistry",
    "RevenueVault",
    "RevenueVaultFactory",
    "BondRules",
    "ContributionBond",
    "IdentityRegistry",
    "ReputationRegistry",
    "JobEscrow",
    "ContractSet",
    "Licences",
    "RowCommitments",
    "PhraseProofs",
)
"""Every contract with a committed artifact."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    Args:
        abi: its interface.
        creation_code: what creates it, without constructor arguments.
        constructor_types: types of the constructor's arguments.
        source_hash: sha256 over the hashes of every source it was compiled from.
        compiler: version and settings.
    """

    name: str
    abi: ContractAbi
    creation_code: bytes
    constructor_types: tuple[str, ...]
    source_hash: str
    compiler: Mapping[str, object]

    def initcode(self, *arguments: object) -> bytes:
        """Creation code with constructor arguments."""
        return self.creation_code + encode(self.constructor_types, arguments)


@lru_cache
def load_artifact(name: str) -> Artifact:
    """The artifact of a contract, read from package data the first time it is asked for.

    Raises:
        InvalidInputError: no such contract.
    """
    if name not in CONTRACTS:
        raise InvalidInputError(
            f"There is no contract {name!r}; there are {', '.join(CONTRACTS)}.", name=name
        )
    file = resources.files("headwater_contracts") / "artifacts" / f"{name}.json"
    fields = json.loads(file.read_text("utf-8"))
    constructors = [entry for entry in fields["abi"] if entry["type"] == "constructor"]
    inputs = constructors[0]["inputs"] if constructors else []
    return Artifact(
        name=name,
        abi=ContractAbi(fields["abi"]),
        creation_code=bytes.fromhex(fields["bytecode"].removeprefix("0x")),
        constructor_types=tuple(parameter["type"] for parameter in inputs),
        source_hash=fields["sourceHash"],
        compiler=fields["compiler"],
    )


@lru_cache
def every_abi() -> ContractAbi:
    """All contracts' errors and events together: to read a failure from whichever contract."""
    entries = [
        entry
        for name in CONTRACTS
        for entry in load_artifact(name).abi.entries
        if entry["type"] in ("error", "event")
    ]
    return ContractAbi(entries)
