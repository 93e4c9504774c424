"""Which mutants the tests notice: the tests of the source itself are asked first, then all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from headwater_contracts.mutation.builds import Build
from headwater_contracts.mutation.mutants import Mutant
from headwater_payments.errors import UnavailableError

MONEY_PATHS: Final[dict[str, str]] = {
    "VaultBooks": "RevenueVault,AbsoluteRoyalties",
    "RevenueVault": "RevenueVault,SignedClaims,EpochLiveness",
    "EpochRoots": "Epoch,RevenueVault",
    "SumTree": "SumTree,NaiveForms",
    "SignedClaims": "SignedClaims",
    "VaultTerms": "RevenueVault",
    "RevenueVaultFactory": "RevenueVaultFactory",
    "AttributorBonds": "Epoch",
    "Convictions": "Epoch",
    "LeafDisputes": "Epoch",
    "Openings": "Epoch",
    "EpochFaults": "EpochFaults",
    "AvailabilityDemands": "EpochCourt,EpochFaults",
    "Panels": "Epoch",
    "MerkleList": "EpochForgeries,PhraseProofs",
    "PhraseProofs": "PhraseProofs",
    "ReceiptDesk": "ReceiptDesk",
    "BatchSettlement": "BatchSettlement",
    "BondRules": "ContributionBond",
    "ContributionCases": "ContributionBond",
    "ContributionBond": "ContributionBond",
    "ContributionTags": "ContributionBond",
    "JobEscrow": "JobEscrow",
    "Credits": "JobEscrow,ContributionBond,EpochCourt",
    "AssetRegistry": "AssetRegistry,AbsoluteRoyalties,RevenueVaultFactory",
}
"""Source → how the files of the tests begin that are asked first."""

# Their subject is the code's own size and gas, which the switches change.
_LEFT_OUT: Final = "test/{Gas,ContractSet}.t.sol"


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    INVALID = "did not compile"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant and what became of it."""

    mutant: Mutant
    fate: Fate


def run_campaign(build: Build, sources: Sequence[str]) -> Iterator[Outcome]:
    """Try each mutant of a compiled build.

    Raises:
        UnavailableError: a test fails without any mutant, so that its failures would say nothing.
    """
    for arguments in dict.fromkeys(_first(source) for source in sources):
        if not build.test(0, *arguments):
            raise UnavailableError(f"{arguments[1]} fails without a mutant.")
    if not build.test(0, "--no-match-path", _LEFT_OUT):
        raise UnavailableError("The tests fail without a mutant.")
    for mutant in build.invalid:
        yield Outcome(mutant, Fate.INVALID)
    for number, mutant in build.mutants.items():
        survived = build.test(number, *_first(mutant.source)) and build.test(
            number, "--no-match-path", _LEFT_OUT
        )
        yield Outcome(mutant, Fate.SURVIVED if survived else Fate.KILLED)


def _first(source: str) -> tuple[str, ...]:
    names = MONEY_PATHS[source].split(",")
    paths = f"test/{{{','.join(names)}}}*" if len(names) > 1 else f"test/{names[0]}*"
    return ("--match-path", paths, "--no-match-path", "test/*.invariant.t.sol")
