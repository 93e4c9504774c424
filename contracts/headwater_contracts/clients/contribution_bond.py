"""Bonds behind contributions, cases against them, and the tags that follow."""

from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import (
    ContractClient,
    as_address,
    as_bytes,
    as_int,
    as_tuple,
)
from headwater_contracts.events.contributions import (
    CONTRIBUTION_EVENTS,
    Accused,
    CaseState,
    ContributionEvent,
    Submitted,
    Tagged,
)
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class BondedContribution:
    """A contribution as its contract keeps it; times in unix seconds, 0 for not yet.

    Attributes:
        release_at: when the bond may be returned.
        withdrawn_at: when consent was withdrawn.
        open_cases: cases that keep the bond from being returned.
        bond: what is left of it, atomic units.
    """

    contributor: Address
    release_at: int
    withdrawn_at: int
    asset_id: int
    rules_id: int
    open_cases: int
    bond: int
    content_root: bytes


@dataclass(frozen=True, slots=True)
class ContributionCase:
    """A case as its contract keeps it; times in unix seconds.

    Attributes:
        tag_id: of the tag that the decision made; 0 for none.
        fraction: of the version that is disputed, parts per 10^8.
        alleged: the gravest row of the table that may be found.
        found: the row found; 0 for a dismissal, or before a decision.
        hearing: 0 for the first, 1 for the appeal, 2 for the remedy.
        vote_from: when arbiters may vote in this hearing.
        vote_until: until when.
        appellant: who appealed, if anybody.
        appeal_until: until when a loser may appeal.
        remedy_until: until when an error can be put right; 0 for malice.
    """

    contribution_id: int
    version_id: int
    tag_id: int
    fraction: int
    state: CaseState
    alleged: int
    found: int
    hearing: int
    challenger: Address
    vote_from: int
    vote_until: int
    appellant: Address
    appeal_until: int
    remedy_until: int


class ContributionBondClient(ContractClient[ContributionEvent]):
    """Contributions, cases and tags are each numbered from 1."""

    contract = "ContributionBond"
    event_kinds = CONTRIBUTION_EVENTS

    async def contribution(self, contribution_id: int) -> BondedContribution:
        """A contribution.

        Raises:
            InvalidInputError: there is none of this id.
        """
        values = await self._view(
            "contributions", require_uint("contribution_id", contribution_id, 64)
        )
        contributor, release, withdrawn, asset, rules, cases, bond, root = values
        if as_int(asset) == 0:
            raise InvalidInputError(
                f"There is no contribution {contribution_id}.", contribution_id=contribution_id
            )
        return BondedContribution(
            as_address(contributor),
            as_int(release),
            as_int(withdrawn),
            as_int(asset),
            as_int(rules),
            as_int(cases),
            as_int(bond),
            as_bytes(root),
        )

    async def case(self, case_id: int) -> ContributionCase:
        """A case.

        Raises:
            InvalidInputError: there is none of this id.
        """
        (value,) = await self._view("caseOf", require_uint("case_id", case_id, 64))
        fields = as_tuple(value)
        numbers = [as_int(fields[i]) for i in (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13)]
        if numbers[0] == 0:
            raise InvalidInputError(f"There is no case {case_id}.", case_id=case_id)
        contribution, version, tag, fraction, state, alleged, found, hearing = numbers[:8]
        return ContributionCase(
            contribution_id=contribution,
            version_id=version,
            tag_id=tag,
            fraction=fraction,
            state=CaseState(state),
            alleged=alleged,
            found=found,
            hearing=hearing,
            challenger=as_address(fields[8]),
            vote_from=numbers[8],
            vote_until=numbers[9],
            appellant=as_address(fields[11]),
            appeal_until=numbers[10],
            remedy_until=numbers[11],
        )

    async def rules_of(self, asset_id: int) -> int:
        """The rules under which an asset takes contributions now; 0 for none."""
        return await self._view_int("rulesOf", require_uint("asset_id", asset_id, 64))

    async def is_licensed(self, contribution_id: int, version_id: int) -> bool:
        """Whether a version may hold a contribution: published while consent stood."""
        (value,) = await self._view(
            "isLicensed",
            require_uint("contribution_id", contribution_id, 64),
            require_uint("version_id", version_id, 64),
        )
        return bool(value)

    async def frozen(self, version_id: int) -> int:
        """The part of a version's royalties that active tags freeze, parts per 10^8."""
        return await self._view_int("frozenOf", require_uint("version_id", version_id, 64))

    async def is_active(self, tag_id: int) -> bool:
        """Whether a tag freezes anything now."""
        (value,) = await self._view("isActive", require_uint("tag_id", tag_id, 64))
        return bool(value)

    async def credit(self, token: Address, account: Address) -> int:
        """What an account may withdraw, atomic units."""
        return await self._view_int("credits", parse_address(token), parse_address(account))

    def adopt_rules(self, asset_id: int, rules_id: int) -> Call:
        """Say under which rules an asset takes contributions from now on, as its owner."""
        return self._build(
            f"adopt bond rules {rules_id} for asset {asset_id}",
            "adoptRules",
            require_uint("asset_id", asset_id, 64),
            require_uint("rules_id", rules_id, 32),
        )

    def submit(self, asset_id: int, rules_id: int, content_root: bytes, bond: int) -> Call:
        """Bond a contribution and consent to its use; the token's allowance comes first."""
        return self._build(
            f"bond {bond} behind a contribution to asset {asset_id}",
            "submit",
            require_uint("asset_id", asset_id, 64),
            require_uint("rules_id", rules_id, 32),
            require_bytes32("content_root", content_root),
            require_uint("bond", bond, 96),
        )

    def withdraw_consent(self, contribution_id: int) -> Call:
        """Withdraw consent for good; versions published before keep their licence."""
        return self._numbered("withdrawConsent", contribution_id, "withdraw consent to")

    def request_release(self, contribution_id: int) -> Call:
        """Ask for the bond back, which the rules' delay then allows."""
        return self._numbered("requestRelease", contribution_id, "ask for the bond of")

    def release(self, contribution_id: int) -> Call:
        """Take the bond back."""
        return self._numbered("release", contribution_id, "take back the bond of")

    def accuse(
        self,
        contribution_id: int,
        grade: int,
        version_id: int,
        fraction: int,
        evidence_hash: bytes,
    ) -> Call:
        """Accuse a contribution of a row of its table; costs the challenge bond.

        Args:
            contribution_id: which.
            grade: the gravest row that may be found.
            version_id: a version that holds it.
            fraction: what the disputed content is of that version, parts per 10^8.
            evidence_hash: of the published evidence.
        """
        return self._build(
            f"accuse contribution {contribution_id} of row {grade}",
            "accuse",
            require_uint("contribution_id", contribution_id, 64),
            require_uint("grade", grade, 8),
            require_uint("version_id", version_id, 64),
            require_uint("fraction", fraction, 32),
            require_bytes32("evidence_hash", evidence_hash),
        )

    def answer(self, case_id: int, evidence_hash: bytes) -> Call:
        """The contributor's counter-evidence; the vote opens with it."""
        return self._with_hash("answer", case_id, evidence_hash, "answer case")

    def vote(self, case_id: int, grade: int, reason_hash: bytes) -> Call:
        """Vote as an arbiter; 0 dismisses. On a remedy, 0 accepts and 1 rejects it."""
        return self._build(
            f"vote {grade} in case {case_id}",
            "vote",
            require_uint("case_id", case_id, 64),
            require_uint("grade", grade, 8),
            require_bytes32("reason_hash", reason_hash),
        )

    def decide(self, case_id: int) -> Call:
        """Carry out what a hearing found."""
        return self._build(f"decide case {case_id}", "decide", require_uint("case_id", case_id, 64))

    def appeal(self, case_id: int, evidence_hash: bytes) -> Call:
        """Appeal to the other panel, as who lost; costs the appeal bond."""
        return self._with_hash("appeal", case_id, evidence_hash, "appeal case")

    def remedy(self, case_id: int, remedy_hash: bytes) -> Call:
        """State how an error was put right."""
        return self._with_hash("remedy", case_id, remedy_hash, "put right what case found:")

    def close(self, case_id: int) -> Call:
        """Pay what follows from a case."""
        return self._build(f"close case {case_id}", "close", require_uint("case_id", case_id, 64))

    def vote_renewal(self, tag_id: int) -> Call:
        """Vote to prolong a tag, as an arbiter of the first panel."""
        return self._build(
            f"prolong tag {tag_id}", "voteRenewal", require_uint("tag_id", tag_id, 64)
        )

    def inherit(self, tag_id: int, child_id: int, index: int) -> Call:
        """Hand a tag on to a version made from the tagged one, by the child's link `index`."""
        return self._build(
            f"hand tag {tag_id} on to version {child_id}",
            "inherit",
            require_uint("tag_id", tag_id, 64),
            require_uint("child_id", child_id, 64),
            require_uint("index", index, 256),
        )

    def withdraw(self, token: Address) -> Call:
        """Take out what was credited to the caller."""
        return self._build("withdraw credits", "withdraw", parse_address(token))

    def submitted(self, receipt: Receipt) -> int:
        """The contribution that a transaction bonded.

        Raises:
            InvalidInputError: it bonded none.
        """
        return self._only(receipt, Submitted).contribution_id

    def accused(self, receipt: Receipt) -> int:
        """The case that a transaction opened.

        Raises:
            InvalidInputError: it opened none.
        """
        return self._only(receipt, Accused).case_id

    def tagged(self, receipt: Receipt) -> int:
        """The tag that a transaction placed.

        Raises:
            InvalidInputError: it placed none.
        """
        return self._only(receipt, Tagged).tag_id

    def _numbered(self, function: str, contribution_id: int, words: str) -> Call:
        return self._build(
            f"{words} contribution {contribution_id}",
            function,
            require_uint("contribution_id", contribution_id, 64),
        )

    def _with_hash(self, function: str, case_id: int, evidence: bytes, words: str) -> Call:
        return self._build(
            f"{words} {case_id}",
            function,
            require_uint("case_id", case_id, 64),
            require_bytes32("hash", evidence),
        )
