"""Proofs that a vault's pending root is false, as anyone may give them. Each cancels the root."""

from collections.abc import Sequence

from headwater_contracts.calls import Call, require_uint
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.openings import (
    DetailOpening,
    DetailTop,
    Opening,
    ReceiptOpening,
)
from headwater_contracts.events.event import Event
from headwater_payments.address import Address, parse_address


class EpochFaultsClient(ContractClient[Event]):
    """The sender of a proof is credited the challenger's part of the attributor's bond."""

    contract = "EpochFaults"

    def prove_regression(self, vault: Address, was: Opening, now: Opening) -> Call:
        """A position shows another account, or less, than in the final root."""
        return self._prove("proveRegression", vault, was.as_tuple(), now.as_tuple())

    def prove_below_claims(self, vault: Address, now: Opening) -> Call:
        """A position shows another account, or less, than it has claimed."""
        return self._prove("proveBelowClaims", vault, now.as_tuple())

    def prove_malformed(self, vault: Address, slot: int, total: int, now: Opening) -> Call:
        """A leaf stands at another slot than it names, or under another sum than it states."""
        return self._prove(
            "proveMalformed",
            vault,
            require_uint("slot", slot, 32),
            require_uint("total", total, 128),
            now.as_tuple(),
        )

    def prove_detail_sum(
        self, vault: Address, was: Opening, now: Opening, detail: DetailTop
    ) -> Call:
        """An increment is not the sum of the receipts behind it."""
        return self._prove(
            "proveDetailSum", vault, was.as_tuple(), now.as_tuple(), detail.as_tuple()
        )

    def prove_detail_order(
        self, vault: Address, now: Opening, earlier: DetailOpening, later: DetailOpening
    ) -> Call:
        """A receipt pays one position twice, or stands out of order."""
        return self._prove(
            "proveDetailOrder", vault, now.as_tuple(), earlier.as_tuple(), later.as_tuple()
        )

    def prove_unknown_receipt(
        self,
        vault: Address,
        now: Opening,
        detail: DetailOpening,
        before: ReceiptOpening,
        beyond: ReceiptOpening,
    ) -> Call:
        """A receipt pays a position and was never committed; its neighbours leave no room for it.

        At either end of the list `before` or `beyond` is `ReceiptOpening.none()`.
        """
        return self._prove(
            "proveUnknownReceipt",
            vault,
            now.as_tuple(),
            detail.as_tuple(),
            before.as_tuple(),
            beyond.as_tuple(),
        )

    def prove_receipt_order(
        self, vault: Address, earlier: ReceiptOpening, later: ReceiptOpening
    ) -> Call:
        """Two neighbours of the commitment are out of order, or one receipt twice."""
        return self._prove("proveReceiptOrder", vault, earlier.as_tuple(), later.as_tuple())

    def prove_over_allocation(
        self,
        vault: Address,
        receipt: ReceiptOpening,
        leaves: Sequence[Opening],
        details: Sequence[DetailOpening],
    ) -> Call:
        """Positions, ascending, together get more of a receipt than its contributors' part."""
        return self._prove(
            "proveOverAllocation",
            vault,
            receipt.as_tuple(),
            [leaf.as_tuple() for leaf in leaves],
            [detail.as_tuple() for detail in details],
        )

    def _prove(self, function: str, vault: Address, *arguments: object) -> Call:
        words = f"cancel the pending root of {vault}: {function}"
        return self._build(words, function, parse_address(vault), *arguments)
