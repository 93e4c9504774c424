"""Panels: who judges a vault's epochs, and under which rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_bytes
from headwater_contracts.clients.panel_rules import PanelRules
from headwater_contracts.events.panels import PANELS_EVENTS, PanelOpened, PanelsEvent
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address


@dataclass(frozen=True, slots=True)
class RootClaim:
    """What a verifier signs after recomputing a root from its bundle."""

    vault: Address
    epoch: int
    root: bytes
    sum: int
    depth: int
    bundle_hash: bytes


class PanelsClient(ContractClient[PanelsEvent]):
    """Anyone opens a panel; nobody ever changes one. A vault's terms name its panel by number."""

    contract = "Panels"
    event_kinds = PANELS_EVENTS

    async def count(self) -> int:
        """How many panels there are; they are numbered from 1."""
        return await self._view_int("panelCount")

    async def rules(self, panel: int) -> PanelRules:
        """A panel's rules; all zero where there is none."""
        (value,) = await self._view("rules", require_uint("panel", panel, 32))
        return PanelRules.from_tuple(value)

    async def is_arbiter(self, panel: int, account: Address) -> bool:
        """Whether an account decides disputes of this panel."""
        return await self._is("isArbiter", panel, account)

    async def is_verifier(self, panel: int, account: Address) -> bool:
        """Whether an account's signature counts for roots of this panel."""
        return await self._is("isVerifier", panel, account)

    async def required_bond(self, panel: int, increment: int) -> int:
        """The bond that a root needs which adds `increment` to the last one, atomic units."""
        return await self._view_int(
            "requiredBond",
            require_uint("panel", panel, 32),
            require_uint("increment", increment, 96),
        )

    async def attestation_digest(self, claim: RootClaim) -> bytes:
        """The EIP-712 digest that a verifier signs."""
        (value,) = await self._view(
            "attestationDigest",
            parse_address(claim.vault),
            require_uint("epoch", claim.epoch, 64),
            require_bytes32("root", claim.root),
            require_uint("sum", claim.sum, 128),
            require_uint("depth", claim.depth, 8),
            require_bytes32("bundle_hash", claim.bundle_hash),
        )
        return as_bytes(value)

    def open_panel(
        self, rules: PanelRules, arbiters: Sequence[Address], verifiers: Sequence[Address] = ()
    ) -> Call:
        """Open a panel for good; members are put into ascending order here."""
        return self._build(
            f"open a panel of {len(arbiters)} arbiters",
            "openPanel",
            rules.as_tuple(),
            _ascending(arbiters),
            _ascending(verifiers),
        )

    def opened_panel(self, receipt: Receipt) -> int:
        """The number of the panel that a transaction opened.

        Raises:
            InvalidInputError: it opened none.
        """
        return self._only(receipt, PanelOpened).panel

    async def _is(self, function: str, panel: int, account: Address) -> bool:
        (value,) = await self._view(
            function, require_uint("panel", panel, 32), parse_address(account)
        )
        return bool(value)


def _ascending(accounts: Sequence[Address]) -> list[Address]:
    return sorted((parse_address(account) for account in accounts), key=lambda a: int(a, 16))
