// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the registry, the factory and other vaults ask of a revenue vault.
interface IRevenueVault {
    /// @notice The asset version whose revenue this is.
    function versionId() external view returns (uint64);

    /// @notice The one token it books.
    function token() external view returns (address);

    /// @notice Books what arrived and credits the owner's bucket to the asset's current owner.
    function creditOwner() external;

    /// @notice Sends the calling parent vault what link `index` has earned and not been paid.
    /// @return amount atomic units sent; 0 when nothing is due.
    function payParent(uint256 index) external returns (uint256 amount);
}
