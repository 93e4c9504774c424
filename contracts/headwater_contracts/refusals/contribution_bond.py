"""Why `ContributionBond` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class AlreadyInheritedError(ContractRevertError):
    """`AlreadyInherited(uint64 tagId, uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("99536c6d")
    fields: ClassVar[tuple[str, ...]] = ("tag_id", "version_id")
    tag_id: int
    version_id: int


class AlreadyReleasedError(ContractRevertError):
    """`AlreadyReleased(uint64 contributionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("968f4dd0")
    fields: ClassVar[tuple[str, ...]] = ("contribution_id",)
    contribution_id: int


class AlreadyWithdrawnError(ContractRevertError):
    """`AlreadyWithdrawn(uint64 contributionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("3259d5df")
    fields: ClassVar[tuple[str, ...]] = ("contribution_id",)
    contribution_id: int


class BondBelowRulesError(ContractRevertError):
    """`BondBelowRules(uint256 bond, uint256 minBond)`."""

    selector: ClassVar[bytes] = bytes.fromhex("07a57045")
    fields: ClassVar[tuple[str, ...]] = ("bond", "min_bond")
    bond: int
    min_bond: int


class CaseNotInError(ContractRevertError):
    """`CaseNotIn(uint8 state, uint8 needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6b964582")
    fields: ClassVar[tuple[str, ...]] = ("state", "needed")
    state: int
    needed: int


class CasesOpenError(ContractRevertError):
    """`CasesOpen(uint256 cases)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6edeeb8b")
    fields: ClassVar[tuple[str, ...]] = ("cases",)
    cases: int


class EvidenceRepeatedError(ContractRevertError):
    """`EvidenceRepeated(bytes32 evidenceHash)`."""

    selector: ClassVar[bytes] = bytes.fromhex("11e4d101")
    fields: ClassVar[tuple[str, ...]] = ("evidence_hash",)
    evidence_hash: bytes


class FractionOutOfRangeError(ContractRevertError):
    """`FractionOutOfRange(uint32 fraction)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a9ee743e")
    fields: ClassVar[tuple[str, ...]] = ("fraction",)
    fraction: int


class NoRemedyError(ContractRevertError):
    """`NoRemedy(uint8 grade)`."""

    selector: ClassVar[bytes] = bytes.fromhex("af35c6ce")
    fields: ClassVar[tuple[str, ...]] = ("grade",)
    grade: int


class NotAccusedError(ContractRevertError):
    """`NotAccused(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("ac71aa4d")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotArbiterOfError(ContractRevertError):
    """`NotArbiterOf(address caller, uint32 panel)`."""

    selector: ClassVar[bytes] = bytes.fromhex("18c8b805")
    fields: ClassVar[tuple[str, ...]] = ("caller", "panel")
    caller: Address
    panel: int


class NotContributorError(ContractRevertError):
    """`NotContributor(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("3fa1c087")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotLoserError(ContractRevertError):
    """`NotLoser(address caller)`."""

    selector: ClassVar[bytes] = bytes.fromhex("c8f60c6f")
    fields: ClassVar[tuple[str, ...]] = ("caller",)
    caller: Address


class NotMadeFromError(ContractRevertError):
    """`NotMadeFrom(uint64 versionId, uint64 parentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("177445c2")
    fields: ClassVar[tuple[str, ...]] = ("version_id", "parent_id")
    version_id: int
    parent_id: int


class NotOwnerOfError(ContractRevertError):
    """`NotOwnerOf(uint64 assetId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("0ac3cbe3")
    fields: ClassVar[tuple[str, ...]] = ("asset_id",)
    asset_id: int


class NotVersionOfError(ContractRevertError):
    """`NotVersionOf(uint64 versionId, uint64 assetId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("aab87aea")
    fields: ClassVar[tuple[str, ...]] = ("version_id", "asset_id")
    version_id: int
    asset_id: int


class NothingToFreezeError(ContractRevertError):
    """`NothingToFreeze(uint64 tagId, uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6473cd59")
    fields: ClassVar[tuple[str, ...]] = ("tag_id", "version_id")
    tag_id: int
    version_id: int


class PartyIsBeneficiaryError(ContractRevertError):
    """`PartyIsBeneficiary(address party)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d8d13f08")
    fields: ClassVar[tuple[str, ...]] = ("party",)
    party: Address


class ReleaseTooEarlyError(ContractRevertError):
    """`ReleaseTooEarly(uint256 releaseAt)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6d9b4920")
    fields: ClassVar[tuple[str, ...]] = ("release_at",)
    release_at: int


class StillOpenError(ContractRevertError):
    """`StillOpen(uint256 until)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d2fa6739")
    fields: ClassVar[tuple[str, ...]] = ("until",)
    until: int


class TagNotActiveError(ContractRevertError):
    """`TagNotActive(uint64 tagId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("9f9c8f2c")
    fields: ClassVar[tuple[str, ...]] = ("tag_id",)
    tag_id: int


class TooLateError(ContractRevertError):
    """`TooLate(uint256 until)`."""

    selector: ClassVar[bytes] = bytes.fromhex("691e5682")
    fields: ClassVar[tuple[str, ...]] = ("until",)
    until: int


class TooManyTagsError(ContractRevertError):
    """`TooManyTags(uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("0f3b8201")
    fields: ClassVar[tuple[str, ...]] = ("version_id",)
    version_id: int


class UnknownContributionError(ContractRevertError):
    """`UnknownContribution(uint64 contributionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("970e9f32")
    fields: ClassVar[tuple[str, ...]] = ("contribution_id",)
    contribution_id: int


class UnknownRulesError(ContractRevertError):
    """`UnknownRules(uint32 rulesId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("fd718194")
    fields: ClassVar[tuple[str, ...]] = ("rules_id",)
    rules_id: int


class VotedBeforeError(ContractRevertError):
    """`VotedBefore(address arbiter)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7abba694")
    fields: ClassVar[tuple[str, ...]] = ("arbiter",)
    arbiter: Address


class VotingClosedError(ContractRevertError):
    """`VotingClosed(uint40 from, uint40 until)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5c48f65e")
    fields: ClassVar[tuple[str, ...]] = ("sender", "until")
    sender: int
    until: int
