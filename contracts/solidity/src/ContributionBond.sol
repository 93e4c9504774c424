// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {BondRule} from "./BondRules.sol";
import {ContributionCases} from "./ContributionCases.sol";
import {ContributionTags} from "./ContributionTags.sol";

/// @title What stands behind a contribution: a bond at submission, and the contributor's consent.
/// @notice It holds bonds only, never what a contribution earned: no penalty lowers an entitlement.
/// Nobody owns it, and nothing in it is a parameter: a datanet adopts rules that anyone opened and
/// nobody changes.
///
/// Units: atomic units of the rules' token; basis points of a bond; parts per 10^8 of royalties.
///
/// Invariants (`test/ContributionBond.t.sol`, `test/ContributionBond.invariant.t.sol`):
///  1. The contract holds exactly the bonds, what open cases staked, and credits not yet withdrawn:
///     `invariant_holds_what_it_owes`.
///  2. A penalty is at most the bond's part that the row found says; the row is never graver than the
///     one alleged: `testFuzz_a_penalty_is_the_row_that_a_quorum_supports`,
///     `test_nothing_graver_than_alleged_is_found`.
///  3. A challenger gets at most 40 % of a penalty, and the contributor and the asset's owner none:
///     `test_an_upheld_case_pays_by_the_table`, `test_accusing_oneself_costs`.
///  4. An error can be put right and malice cannot: `test_an_error_put_right_costs_less`,
///     `test_malice_has_no_remedy`.
///  5. The contributor is heard first: `test_nobody_votes_in_the_contributors_window`.
///  6. An appeal is heard by others, once: `test_an_appeal_is_heard_by_others`.
///  7. A tag comes after a decision only, ends by itself, and is lifted when the decision falls or the
///     error was put right: `test_a_tag_ends_by_itself`, `test_an_appeal_lifts_the_tag`.
///  8. A tag holds back that fraction of the royalty and nothing else; once it has ended all of it is
///     payable: `test_a_tag_freezes_its_fraction_only`, `test_derived_versions_inherit_by_dilution`.
///  9. Versions published before consent was withdrawn stay licensed, later ones are not:
///     `test_withdrawn_consent_stops_new_versions_only`.
/// 10. A bond returns after its delay, and never with a case open:
///     `test_a_bond_returns_after_its_delay`, `test_an_open_case_keeps_the_bond`.
contract ContributionBond is ContributionCases {
    using SafeERC20 for IERC20;

    /// @param releaseAt when the bond may be returned; 0 while nobody asked for it.
    /// @param withdrawnAt when consent was withdrawn; 0 while it stands.
    struct Contribution {
        address contributor;
        uint40 releaseAt;
        uint40 withdrawnAt;
        uint64 assetId;
        uint32 rulesId;
        uint32 openCases;
        uint96 bond;
        bytes32 contentRoot;
    }

    uint64 public contributionCount;
    mapping(uint64 contributionId => Contribution) public contributions;
    /// @notice The rules under which an asset takes contributions now; 0 for none.
    mapping(uint64 assetId => uint32) public rulesOf;

    event RulesAdopted(uint64 indexed assetId, uint32 indexed rulesId);
    event Submitted(
        uint64 indexed contributionId,
        uint64 indexed assetId,
        address indexed contributor,
        uint32 rulesId,
        bytes32 contentRoot,
        uint256 bond
    );
    event ConsentWithdrawn(uint64 indexed contributionId);
    event ReleaseRequested(uint64 indexed contributionId, uint40 releaseAt);
    event ContributionReleased(uint64 indexed contributionId, uint256 bond);

    error NotOwnerOf(uint64 assetId);
    error UnknownRules(uint32 rulesId);
    error BondBelowRules(uint256 bond, uint256 minBond);
    error NotContributor(address caller);
    error UnknownContribution(uint64 contributionId);
    error AlreadyReleased(uint64 contributionId);
    error AlreadyWithdrawn(uint64 contributionId);
    error ReleaseTooEarly(uint256 releaseAt);
    error CasesOpen(uint256 cases);

    constructor(address registry_, address bondRules_)
        ContributionCases(bondRules_)
        ContributionTags(registry_)
    {}

    /// @notice Says under which rules an asset takes contributions from now on, as its owner; 0 takes
    /// none. Contributions already bonded keep their rules.
    function adoptRules(uint64 assetId, uint32 rulesId) external {
        if (registry.ownerOf(assetId) != msg.sender) revert NotOwnerOf(assetId);
        if (rulesId > bondRules.rulesCount()) revert UnknownRules(rulesId);
        if (bondRules.ruleOf(rulesId).beneficiary == msg.sender) {
            revert PartyIsBeneficiary(msg.sender);
        }
        rulesOf[assetId] = rulesId;
        emit RulesAdopted(assetId, rulesId);
    }

    /// @notice Bonds a contribution to an asset, and consents to its use in the asset's versions.
    /// @param rulesId the rules that the contributor agrees to: those of the asset.
    /// @param contentRoot commitment to the rows handed in.
    function submit(uint64 assetId, uint32 rulesId, bytes32 contentRoot, uint96 bond)
        external
        nonReentrant
        returns (uint64 contributionId)
    {
        if (rulesId == 0 || rulesOf[assetId] != rulesId) revert UnknownRules(rulesId);
        BondRule memory r = bondRules.ruleOf(rulesId);
        if (bond < r.minBond) revert BondBelowRules(bond, r.minBond);
        if (r.beneficiary == msg.sender) revert PartyIsBeneficiary(msg.sender);
        contributionId = ++contributionCount;
        contributions[contributionId] = Contribution({
            contributor: msg.sender,
            releaseAt: 0,
            withdrawnAt: 0,
            assetId: assetId,
            rulesId: rulesId,
            openCases: 0,
            bond: bond,
            contentRoot: contentRoot
        });
        emit Submitted(contributionId, assetId, msg.sender, rulesId, contentRoot, bond);
        IERC20(r.token).safeTransferFrom(msg.sender, address(this), bond);
    }

    /// @notice Withdraws consent for good: no version published from now on may hold the contribution.
    /// Earlier versions keep their licence and keep paying.
    function withdrawConsent(uint64 contributionId) external {
        Contribution storage c = _ownOf(contributionId);
        if (c.withdrawnAt != 0) revert AlreadyWithdrawn(contributionId);
        c.withdrawnAt = uint40(block.timestamp);
        emit ConsentWithdrawn(contributionId);
    }

    /// @notice Whether a version may hold a contribution: one of its asset, published while consent
    /// stood.
    function isLicensed(uint64 contributionId, uint64 versionId) external view returns (bool) {
        Contribution storage c = contributions[contributionId];
        if (c.contributor == address(0) || registry.assetOf(versionId) != c.assetId) return false;
        return c.withdrawnAt == 0 || registry.publishedAt(versionId) < c.withdrawnAt;
    }

    /// @notice Asks for the bond back; until it is returned the contribution can be accused.
    function requestRelease(uint64 contributionId) external {
        Contribution storage c = _ownOf(contributionId);
        if (c.bond == 0) revert AlreadyReleased(contributionId);
        c.releaseAt = uint40(block.timestamp) + bondRules.ruleOf(c.rulesId).releaseDelay;
        emit ReleaseRequested(contributionId, c.releaseAt);
    }

    /// @notice Returns what is left of a bond, when its delay is over and no case is open.
    function release(uint64 contributionId) external nonReentrant returns (uint256 bond) {
        Contribution storage c = _ownOf(contributionId);
        if (c.releaseAt == 0 || block.timestamp < c.releaseAt) revert ReleaseTooEarly(c.releaseAt);
        if (c.openCases != 0) revert CasesOpen(c.openCases);
        bond = c.bond;
        if (bond == 0) revert AlreadyReleased(contributionId);
        c.bond = 0;
        emit ContributionReleased(contributionId, bond);
        IERC20(bondRules.ruleOf(c.rulesId).token).safeTransfer(c.contributor, bond);
    }

    function _contribution(uint64 contributionId)
        internal
        view
        override
        returns (address contributor, uint32 rulesId, uint64 assetId)
    {
        Contribution storage c = contributions[contributionId];
        if (c.contributor == address(0)) revert UnknownContribution(contributionId);
        return (c.contributor, c.rulesId, c.assetId);
    }

    function _engage(uint64 contributionId) internal override {
        Contribution storage c = contributions[contributionId];
        if (c.bond == 0) revert AlreadyReleased(contributionId);
        ++c.openCases;
    }

    function _disengage(uint64 contributionId, uint256 penaltyBps)
        internal
        override
        returns (uint256 taken)
    {
        Contribution storage c = contributions[contributionId];
        --c.openCases;
        // A bond that another case has lowered pays its part of what is left.
        taken = uint256(c.bond) * penaltyBps / BPS;
        c.bond -= uint96(taken);
    }

    function _ownOf(uint64 contributionId) private view returns (Contribution storage c) {
        c = contributions[contributionId];
        if (c.contributor == address(0)) revert UnknownContribution(contributionId);
        if (c.contributor != msg.sender) revert NotContributor(msg.sender);
    }
}
