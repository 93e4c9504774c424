// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a vault says of a root when it asks whether it may be posted.
/// @param increment what the root entitles to beyond the last one, atomic units.
struct PostedRoot {
    uint64 epoch;
    bytes32 hash;
    uint128 sum;
    uint128 increment;
    uint8 depth;
    bytes32 bundleHash;
}

/// @title What a revenue vault asks of the court that judges its epochs.
interface IEpochCourt {
    /// @notice Whether a panel of this number was opened.
    function isPanel(uint32 panel) external view returns (bool);

    /// @notice Seconds between two epochs of a panel.
    function epochLength(uint32 panel) external view returns (uint32);

    /// @notice Reverts unless `poster` has the least bond locked for the calling vault.
    function requireBonded(uint32 panel, address poster) external view;

    /// @notice Reverts unless `poster` has locked enough for this root of the calling vault, its
    /// increment is within the panel's cap, and enough verifiers signed it.
    function requirePostable(
        uint32 panel,
        address poster,
        PostedRoot calldata root,
        bytes[] calldata attestations
    ) external view;

    /// @notice Reverts while the availability of posting `posting` of the calling vault is in
    /// question.
    function requireAnswered(uint64 posting) external view;
}
