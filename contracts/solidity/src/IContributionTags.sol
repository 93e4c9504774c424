// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the registry of assets asks about disputed content.
interface IContributionTags {
    /// @notice The part of a version's royalties that active tags freeze, parts per 10^8.
    function frozenOf(uint64 versionId) external view returns (uint256);
}
