"""Why `UptoPermit2Proxy` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class AmountExceedsPermittedError(ContractRevertError):
    """`AmountExceedsPermitted()`."""

    selector: ClassVar[bytes] = bytes.fromhex("fe64b4c7")


class UnauthorizedFacilitatorError(ContractRevertError):
    """`UnauthorizedFacilitator()`."""

    selector: ClassVar[bytes] = bytes.fromhex("0f6fae87")
