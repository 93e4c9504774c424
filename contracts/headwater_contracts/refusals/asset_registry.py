"""Why `AssetRegistry` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class AlreadyAttachedError(ContractRevertError):
    """`AlreadyAttached(address vault)`."""

    selector: ClassVar[bytes] = bytes.fromhex("801c750e")
    fields: ClassVar[tuple[str, ...]] = ("vault",)
    vault: Address


class ERC721IncorrectOwnerError(ContractRevertError):
    """`ERC721IncorrectOwner(address sender, uint256 tokenId, address owner)`."""

    selector: ClassVar[bytes] = bytes.fromhex("64283d7b")
    fields: ClassVar[tuple[str, ...]] = ("sender", "token_id", "owner")
    sender: Address
    token_id: int
    owner: Address


class ERC721InsufficientApprovalError(ContractRevertError):
    """`ERC721InsufficientApproval(address operator, uint256 tokenId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("177e802f")
    fields: ClassVar[tuple[str, ...]] = ("operator", "token_id")
    operator: Address
    token_id: int


class ERC721InvalidApproverError(ContractRevertError):
    """`ERC721InvalidApprover(address approver)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a9fbf51f")
    fields: ClassVar[tuple[str, ...]] = ("approver",)
    approver: Address


class ERC721InvalidOperatorError(ContractRevertError):
    """`ERC721InvalidOperator(address operator)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5b08ba18")
    fields: ClassVar[tuple[str, ...]] = ("operator",)
    operator: Address


class ERC721InvalidOwnerError(ContractRevertError):
    """`ERC721InvalidOwner(address owner)`."""

    selector: ClassVar[bytes] = bytes.fromhex("89c62b64")
    fields: ClassVar[tuple[str, ...]] = ("owner",)
    owner: Address


class ERC721InvalidReceiverError(ContractRevertError):
    """`ERC721InvalidReceiver(address receiver)`."""

    selector: ClassVar[bytes] = bytes.fromhex("64a0ae92")
    fields: ClassVar[tuple[str, ...]] = ("receiver",)
    receiver: Address


class ERC721InvalidSenderError(ContractRevertError):
    """`ERC721InvalidSender(address sender)`."""

    selector: ClassVar[bytes] = bytes.fromhex("73c6ac6e")
    fields: ClassVar[tuple[str, ...]] = ("sender",)
    sender: Address


class ERC721NonexistentTokenError(ContractRevertError):
    """`ERC721NonexistentToken(uint256 tokenId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7e273289")
    fields: ClassVar[tuple[str, ...]] = ("token_id",)
    token_id: int


class EmptyContentRootError(ContractRevertError):
    """`EmptyContentRoot()`."""

    selector: ClassVar[bytes] = bytes.fromhex("dbf211a4")


class LicenceAsksMoreError(ContractRevertError):
    """`LicenceAsksMore(uint32 minRoyalty, uint32 revShare)`."""

    selector: ClassVar[bytes] = bytes.fromhex("21fb2204")
    fields: ClassVar[tuple[str, ...]] = ("min_royalty", "rev_share")
    min_royalty: int
    rev_share: int


class NotAssetOwnerError(ContractRevertError):
    """`NotAssetOwner(address caller, uint64 assetId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("92a3af1e")
    fields: ClassVar[tuple[str, ...]] = ("caller", "asset_id")
    caller: Address
    asset_id: int


class NotVaultOfVersionError(ContractRevertError):
    """`NotVaultOfVersion(address vault, uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7d3870e7")
    fields: ClassVar[tuple[str, ...]] = ("vault", "version_id")
    vault: Address
    version_id: int


class ParentHasNoPayeeError(ContractRevertError):
    """`ParentHasNoPayee(uint64 parentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("a906a667")
    fields: ClassVar[tuple[str, ...]] = ("parent_id",)
    parent_id: int


class ParentRepeatedError(ContractRevertError):
    """`ParentRepeated(uint64 parentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("9bb9381f")
    fields: ClassVar[tuple[str, ...]] = ("parent_id",)
    parent_id: int


class PayeeAlreadySetError(ContractRevertError):
    """`PayeeAlreadySet(uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("3f89a832")
    fields: ClassVar[tuple[str, ...]] = ("version_id",)
    version_id: int


class RoyaltyBelowLicenceError(ContractRevertError):
    """`RoyaltyBelowLicence(uint64 parentId, uint32 royalty, uint32 minRoyalty)`."""

    selector: ClassVar[bytes] = bytes.fromhex("ec7d40f1")
    fields: ClassVar[tuple[str, ...]] = ("parent_id", "royalty", "min_royalty")
    parent_id: int
    royalty: int
    min_royalty: int


class RoyaltyOutOfRangeError(ContractRevertError):
    """`RoyaltyOutOfRange(uint256 royalty)`."""

    selector: ClassVar[bytes] = bytes.fromhex("17a6d503")
    fields: ClassVar[tuple[str, ...]] = ("royalty",)
    royalty: int


class StackAboveWholeError(ContractRevertError):
    """`StackAboveWhole(uint256 stack)`."""

    selector: ClassVar[bytes] = bytes.fromhex("24094fb8")
    fields: ClassVar[tuple[str, ...]] = ("stack",)
    stack: int


class TooManyAncestorsError(ContractRevertError):
    """`TooManyAncestors(uint64 parentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("c573805d")
    fields: ClassVar[tuple[str, ...]] = ("parent_id",)
    parent_id: int


class TooManyParentsError(ContractRevertError):
    """`TooManyParents(uint256 parents)`."""

    selector: ClassVar[bytes] = bytes.fromhex("5a3fccbd")
    fields: ClassVar[tuple[str, ...]] = ("parents",)
    parents: int


class TooManyVaultsError(ContractRevertError):
    """`TooManyVaults(uint64 assetId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("2458e554")
    fields: ClassVar[tuple[str, ...]] = ("asset_id",)
    asset_id: int


class UnknownVersionError(ContractRevertError):
    """`UnknownVersion(uint64 versionId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("604395f8")
    fields: ClassVar[tuple[str, ...]] = ("version_id",)
    version_id: int
