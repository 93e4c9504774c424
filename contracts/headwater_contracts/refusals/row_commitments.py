"""Why `RowCommitments` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError


class EmptyRootError(ContractRevertError):
    """`EmptyRoot()`."""

    selector: ClassVar[bytes] = bytes.fromhex("53ce4ece")
