"""A contributor's signed order: pay my claim to this recipient, and a fee to whoever sends it."""

from dataclasses import dataclass

from headwater_contracts.calls import require_uint
from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import Domain, Struct, TypedData


@dataclass(frozen=True, slots=True)
class Claim(Struct):
    """What the account of a leaf signs.

    The cumulative amount is the order's nonce: once it is paid, nothing is due any more.

    Attributes:
        token: the vault's.
        position: the account's, in the vault.
        cumulative: of the leaf that is to be claimed, atomic units.
        recipient: who is paid what was due, less the fee.
        fee: for the sender of the transaction, atomic units.
        deadline: unix seconds.
    """

    solidity = (
        ("token", "address"),
        ("position", "uint32"),
        ("cumulative", "uint128"),
        ("recipient", "address"),
        ("fee", "uint128"),
        ("deadline", "uint40"),
    )
    token: Address
    position: int
    cumulative: int
    recipient: Address
    fee: int
    deadline: int

    def to_sign(self, chain_id: int, vault: Address) -> TypedData:
        """The order in the form that a `Signer` takes, for one vault on one chain."""
        return TypedData(Domain("Headwater Vault", "1", chain_id, vault), self)

    def as_tuple(self) -> tuple[object, ...]:
        """The vault's `ClaimOrder`, in the order of the ABI."""
        return (
            parse_address(self.recipient),
            require_uint("fee", self.fee, 128),
            require_uint("deadline", self.deadline, 40),
        )
