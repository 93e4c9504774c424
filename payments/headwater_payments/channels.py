"""Payment channels of x402's `batch-settlement` scheme: identity and what each side may accept.

Everything here is a pure function of its arguments. Both sides hold the same bound at all times:

    total claimed  ≤  charged  ≤  signed maximum  ≤  balance

Two modes of signing exist. In the *sequential* mode of the x402 specification one request is under
way at a time and a voucher is exactly the charged total plus the price. In the *concurrent* mode,
which a seller advertises, several requests share a channel: each voucher is above every earlier one
and covers all that is reserved, so vouchers may arrive in any order and none can serve twice.

Source: x402 `batch-settlement` on EVM; accounting rules of its specification.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Final

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, TypedData
from headwater_payments.errors import HeadwaterError
from headwater_payments.structs import ChannelConfig, Voucher

BATCH_SETTLEMENT: Final = Address("0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003")
ERC3009_DEPOSIT_COLLECTOR: Final = Address("0x4020806089470a89826cB9fB1f4059150b550004")
MIN_WITHDRAW_DELAY: Final = 900
MAX_WITHDRAW_DELAY: Final = 2_592_000


class ChannelError(HeadwaterError):
    """A voucher or a charge breaks the channel's accounting; nothing was changed."""

    code = "channel_error"
    http_status = 402


class VoucherMismatchError(ChannelError):
    """The voucher was signed against another charged total: adopt the seller's, sign again."""

    code = "cumulative_amount_mismatch"


class VoucherReplayedError(ChannelError):
    """This voucher has served already: each request needs a voucher of its own."""

    code = "voucher_replayed"


class ChannelBusyError(ChannelError):
    """A sequential request is under way on this channel: wait for it, or open another channel."""

    code = "channel_busy"


class ChannelFundsError(ChannelError):
    """The channel's escrow does not cover the voucher: deposit more."""

    code = "channel_funds"


class ChargeAboveCapError(HeadwaterError):
    """The seller charged more than the voucher's request allowed: stop paying it."""

    code: ClassVar[str] = "charge_above_cap"
    http_status: ClassVar[int] = 502


def channel_domain(chain_id: int) -> Domain:
    """The settlement contract's EIP-712 domain on a chain."""
    return Domain("x402 Batch Settlement", "1", chain_id, BATCH_SETTLEMENT)


@lru_cache(maxsize=4096)
def channel_id(config: ChannelConfig, chain_id: int) -> bytes:
    """The channel's 32-byte id: the full EIP-712 digest of its configuration."""
    return TypedData(channel_domain(chain_id), config).digest()


def voucher_to_sign(identifier: bytes, max_claimable: int, chain_id: int) -> TypedData:
    """The voucher in the form that a `Signer` takes."""
    return TypedData(channel_domain(chain_id), Voucher(identifier, max_claimable))


def deposit_nonce(identifier: bytes, salt: int) -> bytes:
    """The EIP-3009 nonce that binds a deposit to its channel."""
    return keccak(abi_encode(["bytes32", "uint256"], [identifier, salt]))


def deposit_collector_data(
    valid_after: int, valid_before: int, salt: int, signature: bytes
) -> bytes:
    """The ABI encoding that the ERC-3009 deposit collector reads."""
    return abi_encode(
        ["uint256", "uint256", "uint256", "bytes"], [valid_after, valid_before, salt, signature]
    )


@dataclass(frozen=True, slots=True)
class BuyerChannel:
    """The buyer's view of one channel; cumulative atomic units throughout.

    `charged` sums the charges that the buyer has seen and checked. `reserved` is what requests
    under way may still charge. `signed` is the highest voucher ever signed: until a later voucher
    reuses it, that money is as good as spent.
    """

    balance: int = 0
    charged: int = 0
    reserved: int = 0
    signed: int = 0

    def next_voucher(self, amount: int, *, concurrent: bool) -> int:
        """The cumulative maximum to sign for a request that may cost up to `amount`.

        Raises:
            ChannelBusyError: sequential mode, with a request under way.
        """
        if not concurrent:
            if self.reserved:
                raise ChannelBusyError("This channel serves one request at a time.")
            return self.charged + amount
        return max(self.signed + 1, self.charged + self.reserved + amount)

    def missing_deposit(self, max_claimable: int) -> int:
        """Atomic units of escrow still needed before a voucher of this maximum is worth signing."""
        return max(0, max_claimable - self.balance)

    def with_reservation(self, amount: int, max_claimable: int) -> "BuyerChannel":
        """The channel once the voucher is signed."""
        return replace(
            self, reserved=self.reserved + amount, signed=max(self.signed, max_claimable)
        )

    def settled(self, amount: int, charge: int, seller_total: int | None) -> "BuyerChannel":
        """The channel once a request that reserved `amount` was charged `charge`.

        Args:
            amount: what the request had reserved.
            charge: what the seller says it charged.
            seller_total: the seller's cumulative charged total, where it states one.

        Raises:
            ChargeAboveCapError: the charge exceeds the reservation, or the seller's total exceeds
                everything the buyer could have been charged.
        """
        if charge < 0 or charge > amount:
            raise ChargeAboveCapError(
                f"The seller charged {charge} atomic units where at most {amount} were agreed.",
                charge=str(charge),
                cap=str(amount),
            )
        most = self.charged + self.reserved - amount + charge
        if seller_total is not None and not self.charged + charge <= seller_total <= most:
            raise ChargeAboveCapError(
                f"The seller's running total {seller_total} does not follow from the charges made.",
                seller_total=str(seller_total),
                expected=str(self.charged + charge),
            )
        return replace(self, charged=self.charged + charge, reserved=self.reserved - amount)

    def released(self, amount: int) -> "BuyerChannel":
        """The channel once a request ended without a charge; what was signed stays signed."""
        return replace(self, reserved=self.reserved - amount)


@dataclass(frozen=True, slots=True)
class SellerChannel:
    """The seller's view of one channel; cumulative atomic units throughout.

    `signed` is the highest voucher received, `balance` and `claimed` mirror the chain.
    """

    balance: int = 0
    claimed: int = 0
    charged: int = 0
    reserved: int = 0
    signed: int = 0

    def reserve(self, max_claimable: int, amount: int, *, concurrent: bool) -> "SellerChannel":
        """Admit a request that may cost up to `amount`, paid by a voucher of `max_claimable`.

        Whether this very voucher has served before is the caller's to look up: vouchers arrive in
        any order, so the totals alone cannot tell.

        Raises:
            ChannelBusyError: sequential mode, with a request under way.
            VoucherMismatchError: the voucher does not cover what is charged and reserved.
            ChannelFundsError: the voucher exceeds the escrow.
        """
        needed = self.charged + self.reserved + amount
        if concurrent:
            if max(self.signed, max_claimable) < needed:
                raise VoucherMismatchError(
                    f"The voucher covers {max_claimable}, but {needed} is charged and reserved.",
                    signed=str(max_claimable),
                    needed=str(needed),
                )
        elif self.reserved:
            raise ChannelBusyError("A request is under way on this channel.")
        elif max_claimable != needed:
            raise VoucherMismatchError(
                f"The voucher covers {max_claimable}, but {needed} was expected.",
                signed=str(max_claimable),
                needed=str(needed),
            )
        if max_claimable > self.balance:
            raise ChannelFundsError(
                f"The voucher covers {max_claimable}, but the channel holds {self.balance}.",
                signed=str(max_claimable),
                balance=str(self.balance),
            )
        return replace(
            self, reserved=self.reserved + amount, signed=max(self.signed, max_claimable)
        )

    def commit(self, amount: int, charge: int) -> "SellerChannel":
        """Turn a reservation of `amount` into a charge; the rest is free again.

        Raises:
            ChargeAboveCapError: `charge` exceeds the reservation.
        """
        if not 0 <= charge <= amount:
            raise ChargeAboveCapError(
                f"A charge of {charge} exceeds the {amount} atomic units reserved for it.",
                charge=str(charge),
                cap=str(amount),
            )
        return replace(self, charged=self.charged + charge, reserved=self.reserved - amount)
