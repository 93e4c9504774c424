// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {WHOLE} from "./Shares.sol";

/// @notice A machine-readable licence: the seventeen fields of Story's PIL terms, and what is allowed
/// to be done with data and models. Shares are parts per 10^8, times unix seconds, 0 for never.
/// @param royaltyPolicy how the share is owed: 0, relative, by each direct child of its gross; 1,
/// absolute, by every descendant of what it sells first, once for each ancestor.
/// @param commercialRevShare the share, by that policy.
/// @param commercialRevCeiling, derivativeRevCeiling the most that may be earned, atomic units of the
/// currency; 0 for no ceiling. Stated and inherited; vaults do not enforce it.
/// @param derivativesApproval whether the owner names each asset that may derive.
/// @param derivativesReciprocal whether derivatives carry this very licence.
/// @param minDownstream the least that derivatives ask of theirs, so that a shell in between cannot
/// dilute a royalty.
struct Licence {
    bool transferable;
    uint8 royaltyPolicy;
    uint96 defaultMintingFee;
    uint40 expiration;
    bool commercialUse;
    bool commercialAttribution;
    address commercializerChecker;
    bytes commercializerCheckerData;
    uint32 commercialRevShare;
    uint96 commercialRevCeiling;
    bool derivativesAllowed;
    bool derivativesAttribution;
    bool derivativesApproval;
    bool derivativesReciprocal;
    uint96 derivativeRevCeiling;
    address currency;
    string uri;
    bool training;
    bool inference;
    bool retrieval;
    uint32 minDownstream;
}

/// @notice What a derived version does with its parent.
enum Use {
    Derivative,
    Training,
    Inference,
    Retrieval
}

/// @title Who is asked whether a licensed asset may be used commercially.
interface ICommercializerChecker {
    /// @notice Whether `owner` may derive commercially under the data that the licence gives.
    function mayCommercialize(address owner, bytes calldata data) external view returns (bool);
}

/// @title Machine-readable licences, and whether one may follow from another.
/// @notice Anyone opens a licence and nobody changes it; its hash is its name. A child grants nothing
/// that its parent does not, and keeps every duty: with several parents that is the intersection.
///
/// Invariants (`test/Licences.t.sol`):
///  1. A licence's hash is keccak256 of its encoding: `test_a_licence_is_named_by_its_hash`.
///  2. No grant appears and no duty disappears from parent to child, field by field:
///     `testFuzz_a_child_grants_no_more_and_owes_no_less`.
///  3. A share cannot be diluted below `minDownstream`: `test_a_shell_cannot_dilute_a_royalty`.
///  4. Each use needs its flag: `test_each_use_needs_its_flag`.
contract Licences {
    uint8 public constant RELATIVE = 0;
    uint8 public constant ABSOLUTE = 1;

    mapping(bytes32 licenceHash => Licence) private _licences;
    mapping(bytes32 licenceHash => bool) public isOpen;

    event LicenceOpened(bytes32 indexed licenceHash, Licence licence);

    error LicenceOutOfRange(string field);
    error NotGranted(string field);
    error LicenceUnreadable(bytes32 licenceHash);
    error LicenceExpired(uint40 expiration);

    /// @notice Opens a licence for good; opening it again changes nothing.
    function open(Licence calldata licence) external returns (bytes32 licenceHash) {
        if (licence.royaltyPolicy > ABSOLUTE) revert LicenceOutOfRange("royaltyPolicy");
        if (licence.commercialRevShare > WHOLE) revert LicenceOutOfRange("commercialRevShare");
        if (licence.minDownstream > WHOLE) revert LicenceOutOfRange("minDownstream");
        // Derivatives under this very licence must be able to meet it.
        if (licence.minDownstream > licence.commercialRevShare && licence.derivativesReciprocal) {
            revert LicenceOutOfRange("minDownstream");
        }
        if (!licence.commercialUse && licence.commercialRevShare != 0) {
            revert LicenceOutOfRange("commercialUse");
        }
        licenceHash = hashOf(licence);
        if (isOpen[licenceHash]) return licenceHash;
        isOpen[licenceHash] = true;
        _licences[licenceHash] = licence;
        emit LicenceOpened(licenceHash, licence);
    }

    function licenceOf(bytes32 licenceHash) external view returns (Licence memory) {
        return _licences[licenceHash];
    }

    function hashOf(Licence calldata licence) public pure returns (bytes32) {
        return keccak256(abi.encode(licence));
    }

    /// @notice What a version under this licence asks of its children, or of all descendants where it
    /// is absolute; reverts where the licence has expired. `readable` is false for a hash that no
    /// licence here has: prose, which people read.
    function requireCurrent(bytes32 licenceHash)
        external
        view
        returns (bool readable, uint32 revShare, bool isAbsolute)
    {
        if (!isOpen[licenceHash]) return (false, 0, false);
        Licence storage licence = _licences[licenceHash];
        _requireCurrent(licence);
        return (true, licence.commercialRevShare, licence.royaltyPolicy == ABSOLUTE);
    }

    /// @notice Reverts unless a version under `childHash` may follow from one under `parentHash`.
    /// @param owner who publishes the child.
    /// @param approved whether the parent's owner named the child's asset.
    function requireDerivable(
        bytes32 parentHash,
        bytes32 childHash,
        Use use,
        address owner,
        bool approved
    ) external view {
        if (!isOpen[parentHash]) return;
        Licence storage parent = _licences[parentHash];
        _requireCurrent(parent);
        if (!parent.derivativesAllowed) revert NotGranted("derivativesAllowed");
        if (parent.derivativesApproval && !approved) revert NotGranted("derivativesApproval");
        if (use == Use.Training && !parent.training) revert NotGranted("training");
        if (use == Use.Inference && !parent.inference) revert NotGranted("inference");
        if (use == Use.Retrieval && !parent.retrieval) revert NotGranted("retrieval");
        if (!isOpen[childHash]) revert LicenceUnreadable(childHash);
        if (parent.derivativesReciprocal && childHash != parentHash) {
            revert NotGranted("derivativesReciprocal");
        }
        Licence storage child = _licences[childHash];
        _requireGrants(parent, child);
        _requireDuties(parent, child);
        if (child.commercialUse && parent.commercializerChecker != address(0)) {
            ICommercializerChecker checker = ICommercializerChecker(parent.commercializerChecker);
            if (!checker.mayCommercialize(owner, parent.commercializerCheckerData)) {
                revert NotGranted("commercializerChecker");
            }
        }
    }

    /// @dev What the child allows, the parent allows.
    function _requireGrants(Licence storage parent, Licence storage child) private view {
        if (child.transferable && !parent.transferable) revert NotGranted("transferable");
        if (child.commercialUse && !parent.commercialUse) revert NotGranted("commercialUse");
        if (child.training && !parent.training) revert NotGranted("training");
        if (child.inference && !parent.inference) revert NotGranted("inference");
        if (child.retrieval && !parent.retrieval) revert NotGranted("retrieval");
        _requireWithin("expiration", parent.expiration, child.expiration);
        _requireWithin(
            "commercialRevCeiling", parent.commercialRevCeiling, child.commercialRevCeiling
        );
        _requireWithin(
            "derivativeRevCeiling", parent.derivativeRevCeiling, child.derivativeRevCeiling
        );
    }

    /// @dev What the parent asks, the child asks.
    function _requireDuties(Licence storage parent, Licence storage child) private view {
        if (parent.commercialAttribution && !child.commercialAttribution) {
            revert NotGranted("commercialAttribution");
        }
        if (parent.derivativesAttribution && !child.derivativesAttribution) {
            revert NotGranted("derivativesAttribution");
        }
        if (parent.currency != address(0) && child.currency != parent.currency) {
            revert NotGranted("currency");
        }
        if (!child.derivativesAllowed || !child.commercialUse) return;
        if (child.commercialRevShare < parent.minDownstream) {
            revert NotGranted("commercialRevShare");
        }
        if (child.minDownstream < parent.minDownstream) revert NotGranted("minDownstream");
    }

    /// @dev 0 stands for no end and no ceiling.
    function _requireWithin(string memory field, uint256 parent, uint256 child) private pure {
        if (parent != 0 && (child == 0 || child > parent)) revert NotGranted(field);
    }

    function _requireCurrent(Licence storage licence) private view {
        if (licence.expiration != 0 && block.timestamp >= licence.expiration) {
            revert LicenceExpired(licence.expiration);
        }
    }
}
