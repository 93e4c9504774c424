// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a revenue vault and its factory ask of the registry of assets.
interface IAssetRegistry {
    /// @notice One edge of the lineage.
    /// @param parentId the parent version; always smaller than the child's id.
    /// @param royalty of the child's gross revenue, parts per 10^8.
    /// @param payee the parent's vault when the link was made; fixed with it.
    struct ParentLink {
        uint64 parentId;
        uint32 royalty;
        address payee;
    }

    /// @notice The owner of the asset that a version belongs to.
    function ownerOfVersion(uint64 versionId) external view returns (address);

    /// @notice The asset's owner, the number of parents and the sum of their royalties, parts per 10^8.
    function lineage(uint64 versionId)
        external
        view
        returns (address owner, uint256 parents, uint32 stack);

    /// @notice Link `index` of a version.
    function parentLink(uint64 versionId, uint256 index) external view returns (ParentLink memory);

    /// @notice The same with the royalty that may be paid now: less while tags freeze a part of it.
    function payableLink(uint64 versionId, uint256 index) external view returns (ParentLink memory);
}
