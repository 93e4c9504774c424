"""Why `ReputationRegistry` refuses, one class an error; made from its ABI."""

from typing import ClassVar

from headwater_contracts.reverts import ContractRevertError
from headwater_payments.address import Address


class AlreadyRevokedError(ContractRevertError):
    """`AlreadyRevoked(uint64 feedbackIndex)`."""

    selector: ClassVar[bytes] = bytes.fromhex("d66b6d15")
    fields: ClassVar[tuple[str, ...]] = ("feedback_index",)
    feedback_index: int


class ClientsNotNamedError(ContractRevertError):
    """`ClientsNotNamed()`."""

    selector: ClassVar[bytes] = bytes.fromhex("e9c277f4")


class EmptyResponseError(ContractRevertError):
    """`EmptyResponse()`."""

    selector: ClassVar[bytes] = bytes.fromhex("d978a2c9")


class NoSuchFeedbackError(ContractRevertError):
    """`NoSuchFeedback(uint64 feedbackIndex)`."""

    selector: ClassVar[bytes] = bytes.fromhex("7a35e999")
    fields: ClassVar[tuple[str, ...]] = ("feedback_index",)
    feedback_index: int


class OwnFeedbackError(ContractRevertError):
    """`OwnFeedback(address client, uint256 agentId)`."""

    selector: ClassVar[bytes] = bytes.fromhex("625c959f")
    fields: ClassVar[tuple[str, ...]] = ("client", "agent_id")
    client: Address
    agent_id: int


class ValueOutOfRangeError(ContractRevertError):
    """`ValueOutOfRange(int128 value, uint8 valueDecimals)`."""

    selector: ClassVar[bytes] = bytes.fromhex("797d5dfe")
    fields: ClassVar[tuple[str, ...]] = ("value", "value_decimals")
    value: int
    value_decimals: int
