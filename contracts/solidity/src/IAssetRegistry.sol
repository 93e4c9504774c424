// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a revenue vault and its factory ask of the registry of assets.
interface IAssetRegistry {
    /// @notice One edge of the lineage, or an ancestor with an absolute royalty.
    /// @param parentId the parent or ancestor version; always smaller than the child's id.
    /// @param royalty of the child's gross revenue, or of its first sales where the policy is absolute;
    /// parts per 10^8.
    /// @param payee its vault when the link was made; fixed with it.
    struct ParentLink {
        uint64 parentId;
        uint32 royalty;
        address payee;
    }

    /// @notice The owner of the asset that a version belongs to.
    function ownerOfVersion(uint64 versionId) external view returns (address);

    /// @notice The asset's owner, the number of links that royalties go by (parents, and after them
    /// ancestors with absolute royalties) and the sum of all royalties, parts per 10^8.
    function lineage(uint64 versionId)
        external
        view
        returns (address owner, uint256 links, uint32 stack);

    /// @notice The sum of the absolute royalties that a version owes, parts per 10^8.
    function absoluteStack(uint64 versionId) external view returns (uint32);

    /// @notice The edge to parent `index` of a version. Its royalty is relative: 0 where the parent's is
    /// absolute.
    function parentLink(uint64 versionId, uint256 index) external view returns (ParentLink memory);

    /// @notice Link `index` of `lineage`, and whether its royalty is of first sales only.
    function royaltyLink(uint64 versionId, uint256 index)
        external
        view
        returns (ParentLink memory link, bool isAbsolute);

    /// @notice The same with the royalty that may be paid now: less while tags freeze a part of it.
    function payableLink(uint64 versionId, uint256 index)
        external
        view
        returns (ParentLink memory link, bool isAbsolute);
}
