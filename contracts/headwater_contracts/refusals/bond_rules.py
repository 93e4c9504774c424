"""Why `BondRules` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class GradeOutOfRangeError(ContractRevertError):
    """`GradeOutOfRange(uint256 grade)`."""

    selector: ClassVar[bytes] = bytes.fromhex("2d457c2f")
    fields: ClassVar[tuple[str, ...]] = ("grade",)
    grade: int


class RuleOutOfRangeError(ContractRevertError):
    """`RuleOutOfRange(string rule)`."""

    selector: ClassVar[bytes] = bytes.fromhex("dc9c5d46")
    fields: ClassVar[tuple[str, ...]] = ("rule",)
    rule: str
