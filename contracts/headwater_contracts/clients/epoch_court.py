"""The court of epochs: bonds of attributors, disputes, insurance."""

from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import ContractClient, as_address, as_int
from headwater_contracts.clients.openings import Opening
from headwater_contracts.events.court import (
    COURT_EVENTS,
    CourtEvent,
    DisputeKind,
    DisputeRaised,
    DisputeState,
)
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address


@dataclass(frozen=True, slots=True)
class Bond:
    """What an attributor has locked for a vault.

    Attributes:
        amount: locked, atomic units.
        engaged: the part that open disputes may take.
        unlock_at: when it may be withdrawn, unix seconds; 0 while it backs roots.
    """

    amount: int
    engaged: int
    unlock_at: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute; `amount` is the increment held or the loss stated, atomic units."""

    vault: Address
    posting: int
    ruling_by: int
    kind: DisputeKind
    state: DisputeState
    attributor: Address
    amount: int
    challenger: Address
    engaged: int
    position: int
    yes: int
    no: int


class EpochCourtClient(ContractClient[CourtEvent]):
    """Amounts are atomic units of the vault's token; the sender approves what it locks first."""

    contract = "EpochCourt"
    event_kinds = COURT_EVENTS

    async def panels(self) -> Address:
        """Where the panels are."""
        return await self._view_address("panels")

    async def faults(self) -> Address:
        """The contract that verifies proofs of faults."""
        return await self._view_address("faults")

    async def demands(self) -> Address:
        """The contract that keeps demands to be shown a part of a tree."""
        return await self._view_address("demands")

    async def bond(self, vault: Address, attributor: Address) -> Bond:
        """What an attributor has locked for a vault."""
        values = await self._view("bonds", parse_address(vault), parse_address(attributor))
        return Bond(*(as_int(value) for value in values))

    async def insurance(self, vault: Address) -> int:
        """What penalties have set aside for losses of a vault's contributors."""
        amount, _ = await self._view("insurance", parse_address(vault))
        return as_int(amount)

    async def credit(self, token: Address, account: Address) -> int:
        """What an account may withdraw."""
        return await self._view_int("credits", parse_address(token), parse_address(account))

    async def dispute(self, dispute_id: int) -> Dispute:
        """A dispute by its number."""
        values = await self._view("disputes", _number(dispute_id))
        vault, posting, ruling_by, kind, state, attributor, amount, challenger, *rest = values
        engaged, position, yes, no = (as_int(value) for value in rest)
        return Dispute(
            as_address(vault),
            as_int(posting),
            as_int(ruling_by),
            DisputeKind(as_int(kind)),
            DisputeState(as_int(state)),
            as_address(attributor),
            as_int(amount),
            as_address(challenger),
            engaged,
            position,
            yes,
            no,
        )

    def lock_bond(self, vault: Address, amount: int) -> Call:
        """Lock a bond for a vault's epochs; adds to an earlier one."""
        return self._build(
            f"lock {amount} for the epochs of {vault}",
            "lockBond",
            parse_address(vault),
            require_uint("amount", amount, 104),
        )

    def request_unlock(self, vault: Address) -> Call:
        """Ask for the bond back: from now on it backs no root."""
        return self._build("ask for a bond back", "requestUnlock", parse_address(vault))

    def revoke_unlock(self, vault: Address) -> Call:
        """Leave the bond where it is after all."""
        return self._build("leave a bond locked", "revokeUnlock", parse_address(vault))

    def return_bond(self, vault: Address) -> Call:
        """Take the bond back once its unlocking has run out and no dispute engages it."""
        return self._build("take a bond back", "returnBond", parse_address(vault))

    def dispute_leaf(
        self, vault: Address, was: Opening, now: Opening, evidence_hash: bytes
    ) -> Call:
        """Dispute a position's increment in the pending root.

        Args:
            vault: whose root it is.
            was: the position in the final root; `Opening.never` where it had no slot.
            now: the position in the pending root.
            evidence_hash: of the published reasons, 32 bytes.
        """
        return self._build(
            f"dispute position {now.leaf.position}",
            "disputeLeaf",
            parse_address(vault),
            was.as_tuple(),
            now.as_tuple(),
            require_bytes32("evidence_hash", evidence_hash),
        )

    def claim_loss(
        self, vault: Address, attributor: Address, amount: int, evidence_hash: bytes
    ) -> Call:
        """Ask for a loss to be compensated that a final root of `attributor` caused the sender."""
        return self._build(
            f"claim a loss of {amount}",
            "claimLoss",
            parse_address(vault),
            parse_address(attributor),
            require_uint("amount", amount, 96),
            require_bytes32("evidence_hash", evidence_hash),
        )

    def raised_dispute(self, receipt: Receipt) -> int:
        """The number of the dispute that a transaction raised.

        Raises:
            InvalidInputError: it raised none.
        """
        return self._only(receipt, DisputeRaised).dispute_id

    def vote(self, dispute_id: int, *, yes: bool, reason_hash: bytes) -> Call:
        """Vote as an arbiter: yes, the leaf is false or the loss is owed."""
        return self._build(
            f"vote on dispute {dispute_id}",
            "vote",
            _number(dispute_id),
            yes,
            require_bytes32("reason_hash", reason_hash),
        )

    def resolve(self, dispute_id: int) -> Call:
        """Carry out what was decided, or what follows from silence; anyone may."""
        return self._build(f"resolve dispute {dispute_id}", "resolve", _number(dispute_id))

    def release_insurance(self, vault: Address) -> Call:
        """Send insurance that was idle for 180 days to the vault's fallback."""
        return self._build("release insurance", "releaseInsurance", parse_address(vault))

    def withdraw(self, token: Address) -> Call:
        """Take what was credited to the sender."""
        return self._build("withdraw credits of the court", "withdraw", parse_address(token))


def _number(dispute_id: int) -> int:
    return require_uint("dispute_id", dispute_id, 256)
