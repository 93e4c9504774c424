"""Why `RevenueVaultFactory` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class ChallengeWindowTooLongError(ContractRevertError):
    """`ChallengeWindowTooLong(uint32 challengeWindow)`."""

    selector: ClassVar[bytes] = bytes.fromhex("15effe1a")
    fields: ClassVar[tuple[str, ...]] = ("challenge_window",)
    challenge_window: int


class Create2EmptyBytecodeError(ContractRevertError):
    """`Create2EmptyBytecode()`."""

    selector: ClassVar[bytes] = bytes.fromhex("4ca249dc")


class FailedDeploymentError(ContractRevertError):
    """`FailedDeployment()`."""

    selector: ClassVar[bytes] = bytes.fromhex("b06ebf3d")


class FallbackIsPartyError(ContractRevertError):
    """`FallbackIsParty(address fallbackTo)`."""

    selector: ClassVar[bytes] = bytes.fromhex("199d993e")
    fields: ClassVar[tuple[str, ...]] = ("fallback_to",)
    fallback_to: Address


class InsufficientBalanceError(ContractRevertError):
    """`InsufficientBalance(uint256 balance, uint256 needed)`."""

    selector: ClassVar[bytes] = bytes.fromhex("cf479181")
    fields: ClassVar[tuple[str, ...]] = ("balance", "needed")
    balance: int
    needed: int


class MissingPartyError(ContractRevertError):
    """`MissingParty(string role)`."""

    selector: ClassVar[bytes] = bytes.fromhex("2fc521bc")
    fields: ClassVar[tuple[str, ...]] = ("role",)
    role: str


class ParentInOtherTokenError(ContractRevertError):
    """`ParentInOtherToken(uint64 parentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("b5e394b2")
    fields: ClassVar[tuple[str, ...]] = ("parent_id",)
    parent_id: int


class ParentsShareMismatchError(ContractRevertError):
    """`ParentsShareMismatch(uint32 share, uint32 stack)`."""

    selector: ClassVar[bytes] = bytes.fromhex("bfe0382c")
    fields: ClassVar[tuple[str, ...]] = ("share", "stack")
    share: int
    stack: int


class PlatformAndHostAboveCapError(ContractRevertError):
    """`PlatformAndHostAboveCap(uint256 sum)`."""

    selector: ClassVar[bytes] = bytes.fromhex("6fd614f5")
    fields: ClassVar[tuple[str, ...]] = ("sum",)
    sum: int


class SharesNotWholeError(ContractRevertError):
    """`SharesNotWhole(uint256 sum)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d2bc457b")
    fields: ClassVar[tuple[str, ...]] = ("sum",)
    sum: int


class TokenNotAllowedError(ContractRevertError):
    """`TokenNotAllowed(address token)`."""

    selector: ClassVar[bytes] = bytes.fromhex("94403b70")
    fields: ClassVar[tuple[str, ...]] = ("token",)
    token: Address


class UnknownPanelError(ContractRevertError):
    """`UnknownPanel(uint32 panel)`."""

    selector: ClassVar[bytes] = bytes.fromhex("c9be3945")
    fields: ClassVar[tuple[str, ...]] = ("panel",)
    panel: int


class VaultExistsError(ContractRevertError):
    """`VaultExists(address vault)`."""

    selector: ClassVar[bytes] = bytes.fromhex("70743b38")
    fields: ClassVar[tuple[str, ...]] = ("vault",)
    vault: Address
