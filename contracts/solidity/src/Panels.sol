// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {PostedRoot} from "./IEpochCourt.sol";
import {WHOLE} from "./Shares.sol";

/// @notice Under which rules a vault's epochs are judged. Amounts are atomic units of the vault's
/// token, windows are seconds.
/// @param minBond the least that an attributor locks.
/// @param bondBps the bond's multiple k of a root's increment, basis points.
/// @param maxIncrement what one root may add to the last one.
/// @param arbiterQuorum votes that decide a dispute: more than half of the arbiters.
/// @param verifierQuorum signatures that a root needs; 0 asks for none.
/// @param auditProbability p, parts per 10^8, with which a root's evidence is executed anew; k must be
/// at least (1 - p) / p, or cheating pays on average.
/// @param epochLength between two epochs; the measure of being late.
/// @param demandWindow in which a demanded part of a tree must be shown.
/// @param rulingWindow in which arbiters decide.
/// @param compensationWindow how long a bond stays reachable after its owner asks for it back.
/// @param demandPrice of a posting's first demand; the n-th costs n times as much.
/// @param disputeBond what raising a dispute costs a loser.
/// @param arbiterFee what a decided dispute pays its voters, out of the loser's bond.
struct Panel {
    uint96 minBond;
    uint32 bondBps;
    uint96 maxIncrement;
    uint8 arbiterQuorum;
    uint8 verifierQuorum;
    uint32 auditProbability;
    uint32 epochLength;
    uint32 demandWindow;
    uint32 rulingWindow;
    uint32 compensationWindow;
    uint96 demandPrice;
    uint96 disputeBond;
    uint96 arbiterFee;
}

/// @title Panels: who judges a vault's epochs and under which rules.
/// @notice Anyone opens a panel and nobody ever changes one, so a dispute's arbiters are those of the
/// vault's terms. A vault's terms name its panel.
contract Panels is EIP712 {
    bytes32 public constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(address vault,uint64 epoch,bytes32 root,uint128 sum,uint8 depth,bytes32 bundleHash)"
    );
    uint256 public constant MAX_MEMBERS = 16;
    uint256 private constant BPS = 10_000;

    uint32 public panelCount;
    mapping(uint32 panel => Panel) private _panels;
    mapping(uint32 panel => mapping(address account => bool)) public isArbiter;
    mapping(uint32 panel => mapping(address account => bool)) public isVerifier;

    event PanelOpened(uint32 indexed panel, Panel rules, address[] arbiters, address[] verifiers);

    error PanelRuleOutOfRange(string rule);
    error MembersNotAscending(address member);
    error IncrementAboveCap(uint256 increment, uint256 cap);
    error NotEnoughAttestations(uint256 given, uint256 needed);
    error NotVerifier(address signer);

    constructor() EIP712("Headwater Epochs", "1") {}

    /// @notice Opens a panel for good.
    /// @param arbiters at least one, at most 16, ascending.
    /// @param verifiers at most 16, ascending.
    function openPanel(
        Panel calldata rules_,
        address[] calldata arbiters,
        address[] calldata verifiers
    ) external returns (uint32 panel) {
        _requireInRange(rules_, arbiters.length, verifiers.length);
        panel = ++panelCount;
        _panels[panel] = rules_;
        _enrol(isArbiter[panel], arbiters);
        _enrol(isVerifier[panel], verifiers);
        emit PanelOpened(panel, rules_, arbiters, verifiers);
    }

    function rules(uint32 panel) external view returns (Panel memory) {
        return _panels[panel];
    }

    /// @notice Whether a panel of this number was opened.
    function isPanel(uint32 panel) external view returns (bool) {
        return panel != 0 && panel <= panelCount;
    }

    /// @notice Seconds between two epochs of a panel.
    function epochLength(uint32 panel) external view returns (uint32) {
        return _panels[panel].epochLength;
    }

    /// @notice What a verifier signs once it has recomputed a root from its bundle.
    function attestationDigest(
        address vault,
        uint64 epoch,
        bytes32 root,
        uint128 sum,
        uint8 depth,
        bytes32 bundleHash
    ) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(ATTESTATION_TYPEHASH, vault, epoch, root, sum, depth, bundleHash))
        );
    }

    /// @notice The bond that a root with this increment needs.
    function requiredBond(uint32 panel, uint256 increment) public view returns (uint256) {
        Panel storage r = _panels[panel];
        uint256 multiple = increment * r.bondBps / BPS;
        return multiple > r.minBond ? multiple : r.minBond;
    }

    /// @notice Reverts unless a root is within the panel's cap and enough verifiers signed it.
    /// @return required the bond that it needs.
    function requirePostable(
        uint32 panel,
        address vault,
        PostedRoot calldata root,
        bytes[] calldata attestations
    ) external view returns (uint256 required) {
        Panel storage r = _panels[panel];
        if (root.increment > r.maxIncrement) {
            revert IncrementAboveCap(root.increment, r.maxIncrement);
        }
        uint256 needed = r.verifierQuorum;
        if (needed > 0) _requireAttested(panel, needed, vault, root, attestations);
        return requiredBond(panel, root.increment);
    }

    function _requireAttested(
        uint32 panel,
        uint256 needed,
        address vault,
        PostedRoot calldata root,
        bytes[] calldata attestations
    ) private view {
        if (attestations.length < needed) {
            revert NotEnoughAttestations(attestations.length, needed);
        }
        bytes32 digest =
            attestationDigest(vault, root.epoch, root.hash, root.sum, root.depth, root.bundleHash);
        address last;
        for (uint256 i = 0; i < needed; ++i) {
            address signer = ECDSA.recoverCalldata(digest, attestations[i]);
            if (!isVerifier[panel][signer]) revert NotVerifier(signer);
            if (signer <= last) revert MembersNotAscending(signer);
            last = signer;
        }
    }

    function _requireInRange(Panel calldata r, uint256 arbiters, uint256 verifiers) private pure {
        if (arbiters == 0 || arbiters > MAX_MEMBERS) revert PanelRuleOutOfRange("arbiters");
        if (verifiers > MAX_MEMBERS) revert PanelRuleOutOfRange("verifiers");
        // More than half, so that two opposite rulings cannot both stand.
        if (r.arbiterQuorum > arbiters || 2 * uint256(r.arbiterQuorum) <= arbiters) {
            revert PanelRuleOutOfRange("arbiterQuorum");
        }
        if (r.verifierQuorum > verifiers) revert PanelRuleOutOfRange("verifierQuorum");
        if (r.minBond == 0) revert PanelRuleOutOfRange("minBond");
        uint256 p = r.auditProbability;
        if (p == 0 || p > WHOLE) revert PanelRuleOutOfRange("auditProbability");
        if (r.bondBps * p < (WHOLE - p) * BPS) revert PanelRuleOutOfRange("bondBps");
        if (r.maxIncrement == 0) revert PanelRuleOutOfRange("maxIncrement");
        _requireWindow("epochLength", r.epochLength);
        _requireWindow("demandWindow", r.demandWindow);
        _requireWindow("rulingWindow", r.rulingWindow);
        _requireWindow("compensationWindow", r.compensationWindow);
        if (r.arbiterFee > r.disputeBond || r.arbiterFee > r.minBond) {
            revert PanelRuleOutOfRange("arbiterFee");
        }
    }

    /// @dev Every wait ends: what is held or locked has a way out that is bounded in time.
    function _requireWindow(string memory name, uint256 window) private pure {
        if (window == 0 || window > 30 days) revert PanelRuleOutOfRange(name);
    }

    function _enrol(mapping(address => bool) storage members, address[] calldata accounts) private {
        address last;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] <= last) revert MembersNotAscending(accounts[i]);
            last = accounts[i];
            members[last] = true;
        }
    }
}
