// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {IAssetRegistry} from "./IAssetRegistry.sol";
import {IContributionTags} from "./IContributionTags.sol";
import {Licences, Use} from "./Licences.sol";
import {IRevenueVault} from "./IRevenueVault.sol";
import {WHOLE} from "./Shares.sol";

interface IVaultFactory {
    function isVault(address vault) external view returns (bool);
}

/// @title Who owns which datanet, dataset, model, adapter or service, and what each was made from.
/// @notice An asset is an ERC-721 token. Its versions are numbered in one sequence for all assets;
/// content root, licence and parents of a version never change.
///
/// A royalty is relative, which each direct child owes of its gross, or absolute, which every
/// descendant owes of its first sales: once for each ancestor, the most that any path asks. The list
/// of those ancestors is fixed with the version.
///
/// Units: royalties in parts per 10^8 of the child's gross revenue, or of its first sales.
///
/// Invariants (`test/AssetRegistry.t.sol`, `test/AbsoluteRoyalties.t.sol`):
///  1. A parent's id is smaller than its child's, so lineage has no cycle:
///     `test_a_parent_must_exist_already`.
///  2. The royalties of a version, of both kinds, sum to at most 10^8:
///     `test_a_stack_above_the_whole_is_refused`, `testFuzz_the_stack_is_the_sum_of_the_royalties`,
///     `test_absolute_royalties_count_in_the_stack`.
///  3. A link pays at least what the parent's licence asks and goes to the parent's payee:
///     `test_a_link_below_the_licence_is_refused`, `test_the_payee_is_fixed_with_the_link`.
///  4. A payee is a factory's vault of that very version, set once:
///     `test_a_payee_is_a_vault_of_the_version`, `test_a_payee_is_set_once`.
///  5. A transfer first credits the old owner in every attached vault:
///     `test_a_transfer_credits_the_old_owner`.
///  6. A link keeps to the parent's machine-readable licence, by what parent and child are:
///     `test/Licences.t.sol`.
///  7. An ancestor with an absolute royalty stands once in the list of every descendant, with the most
///     that any path asks, and the list has at most 16: `test_a_diamond_owes_an_ancestor_once`,
///     `test_at_most_sixteen_ancestors`.
///  8. Disputed content lowers what a link pays now, never what it is: `test/ContributionBond.t.sol`.
contract AssetRegistry is ERC721, IAssetRegistry {
    enum Kind {
        Datanet,
        Dataset,
        Model,
        Adapter,
        Service
    }

    struct Asset {
        Kind kind;
        uint32 versions;
    }

    /// @param minRoyalty what the licence asks of each direct child, parts per 10^8 of its gross.
    /// @param stack the sum of the royalties that this version owes, absolute ones among them.
    /// @param publishedAt unix seconds.
    /// @param links the number of parents, and of ancestors with absolute royalties.
    /// @param isAbsolute whether `minRoyalty` is asked of every descendant.
    /// @param absoluteStack the sum of the absolute royalties that this version owes.
    struct Version {
        uint64 assetId;
        uint32 number;
        uint32 minRoyalty;
        uint32 stack;
        uint40 publishedAt;
        uint8 links;
        bool isAbsolute;
        uint32 absoluteStack;
        address payee;
        bytes32 contentRoot;
        bytes32 licenceHash;
    }

    /// @notice What a child names when it is published; the payee is looked up and fixed.
    struct Parent {
        uint64 parentId;
        uint32 royalty;
    }

    uint256 public constant MAX_PARENTS = 16;
    /// @notice Of ancestors with absolute royalties.
    uint256 public constant MAX_ANCESTORS = 16;
    /// @notice A transfer visits every attached vault, so their number is bounded.
    uint256 public constant MAX_ATTACHED_VAULTS = 16;

    IVaultFactory public immutable factory;
    /// @notice Says which part of a version's royalties waits while its content is in dispute.
    IContributionTags public immutable tags;
    /// @notice Machine-readable licences, which links are held to.
    Licences public immutable licences;

    uint64 public assetCount;
    uint64 public versionCount;
    mapping(uint64 assetId => Asset) public assets;
    mapping(uint64 versionId => Version) private _versions;
    mapping(uint64 versionId => ParentLink[]) private _parents;
    mapping(uint64 versionId => ParentLink[]) private _ancestors;
    mapping(uint64 assetId => address[]) private _attached;
    mapping(address vault => bool) public isAttached;
    /// @notice Assets that may derive from a version whose licence asks for approval.
    mapping(uint64 versionId => mapping(uint64 assetId => bool)) public isApproved;

    event AssetRegistered(uint64 indexed assetId, Kind indexed kind, address indexed owner);
    event VersionPublished(
        uint64 indexed versionId,
        uint64 indexed assetId,
        uint32 number,
        bytes32 contentRoot,
        bytes32 licenceHash,
        uint32 minRoyalty,
        ParentLink[] parents,
        ParentLink[] ancestors
    );
    event PayeeSet(uint64 indexed versionId, address indexed vault);
    event DerivativeApproved(uint64 indexed versionId, uint64 indexed assetId, bool approved);
    event VaultAttached(uint64 indexed assetId, address indexed vault);

    error NotAssetOwner(address caller, uint64 assetId);
    error UnknownVersion(uint64 versionId);
    error EmptyContentRoot();
    error RoyaltyOutOfRange(uint256 royalty);
    error TooManyParents(uint256 parents);
    error TooManyAncestors(uint64 parentId);
    error ParentRepeated(uint64 parentId);
    error RoyaltyBelowLicence(uint64 parentId, uint32 royalty, uint32 minRoyalty);
    error ParentHasNoPayee(uint64 parentId);
    error StackAboveWhole(uint256 stack);
    error NotVaultOfVersion(address vault, uint64 versionId);
    error PayeeAlreadySet(uint64 versionId);
    error AlreadyAttached(address vault);
    error TooManyVaults(uint64 assetId);
    error LicenceAsksMore(uint32 minRoyalty, uint32 revShare);

    constructor(address factory_, address tags_, address licences_)
        ERC721("Headwater Asset", "HWA")
    {
        factory = IVaultFactory(factory_);
        tags = IContributionTags(tags_);
        licences = Licences(licences_);
    }

    /// @notice Creates an asset without versions. Anyone may register for anyone.
    function registerAsset(Kind kind, address owner) external returns (uint64 assetId) {
        assetId = ++assetCount;
        assets[assetId].kind = kind;
        emit AssetRegistered(assetId, kind, owner);
        _mint(owner, assetId);
    }

    /// @notice Publishes what an asset now consists of, and what it was made from.
    /// @param contentRoot commitment to the content.
    /// @param licenceHash hash of the licence: of one that `licences` knows, whose terms children are
    /// held to, or of a text, of which only the royalty is.
    /// @param minRoyalty what each direct child must pay, parts per 10^8 of its gross; what every
    /// descendant must, of its first sales, under a licence with absolute royalties.
    /// @param parents strictly ascending by id, at most 16.
    function publishVersion(
        uint64 assetId,
        bytes32 contentRoot,
        bytes32 licenceHash,
        uint32 minRoyalty,
        Parent[] calldata parents
    ) external returns (uint64 versionId) {
        _requireOwner(assetId);
        if (contentRoot == bytes32(0)) revert EmptyContentRoot();
        if (minRoyalty > WHOLE) revert RoyaltyOutOfRange(minRoyalty);
        (bool readable, uint32 revShare, bool isAbsolute) = licences.requireCurrent(licenceHash);
        if (readable && minRoyalty != revShare) revert LicenceAsksMore(minRoyalty, revShare);
        versionId = ++versionCount;
        Version memory version;
        version.assetId = assetId;
        version.number = ++assets[assetId].versions;
        version.minRoyalty = minRoyalty;
        version.isAbsolute = isAbsolute;
        version.publishedAt = uint40(block.timestamp);
        version.contentRoot = contentRoot;
        version.licenceHash = licenceHash;
        _link(versionId, version, parents);
        _versions[versionId] = version;
        emit VersionPublished(
            versionId,
            assetId,
            version.number,
            contentRoot,
            licenceHash,
            minRoyalty,
            _parents[versionId],
            _ancestors[versionId]
        );
    }

    /// @notice Lets an asset derive from a version whose licence asks for approval, or no longer; what
    /// was published meanwhile stays.
    function approveDerivative(uint64 versionId, uint64 assetId, bool approved) external {
        _requireOwner(assetOf(versionId));
        isApproved[versionId][assetId] = approved;
        emit DerivativeApproved(versionId, assetId, approved);
    }

    /// @notice Names, once, the vault that royalties to a version go to, and attaches it.
    function setPayee(uint64 versionId, address vault) external {
        uint64 assetId = assetOf(versionId);
        _requireOwner(assetId);
        if (_versions[versionId].payee != address(0)) revert PayeeAlreadySet(versionId);
        _requireVaultOf(vault, versionId);
        _versions[versionId].payee = vault;
        emit PayeeSet(versionId, vault);
        if (!isAttached[vault]) _attach(assetId, vault);
    }

    /// @notice Makes a transfer of the asset credit the old owner in this vault first. In a vault
    /// that is not attached, uncredited income goes with the token.
    function attachVault(uint64 versionId, address vault) external {
        uint64 assetId = assetOf(versionId);
        _requireOwner(assetId);
        _requireVaultOf(vault, versionId);
        if (isAttached[vault]) revert AlreadyAttached(vault);
        _attach(assetId, vault);
    }

    /// @notice A version; zeros where there is none.
    function versions(uint64 versionId) external view returns (Version memory) {
        return _versions[versionId];
    }

    function assetOf(uint64 versionId) public view returns (uint64 assetId) {
        assetId = _versions[versionId].assetId;
        if (assetId == 0) revert UnknownVersion(versionId);
    }

    function ownerOfVersion(uint64 versionId) external view returns (address) {
        return ownerOf(assetOf(versionId));
    }

    /// @inheritdoc IAssetRegistry
    function lineage(uint64 versionId)
        external
        view
        returns (address owner, uint256 links, uint32 stack)
    {
        Version storage version = _versions[versionId];
        uint64 assetId = version.assetId;
        (links, stack) = (version.links, version.stack);
        if (assetId == 0) revert UnknownVersion(versionId);
        owner = ownerOf(assetId);
    }

    /// @inheritdoc IAssetRegistry
    function absoluteStack(uint64 versionId) external view returns (uint32) {
        return _versions[versionId].absoluteStack;
    }

    /// @inheritdoc IAssetRegistry
    function parentLink(uint64 versionId, uint256 index) external view returns (ParentLink memory) {
        return _parents[versionId][index];
    }

    /// @inheritdoc IAssetRegistry
    function royaltyLink(uint64 versionId, uint256 index)
        public
        view
        returns (ParentLink memory link, bool isAbsolute)
    {
        uint256 parents = _parents[versionId].length;
        isAbsolute = index >= parents;
        link = isAbsolute ? _ancestors[versionId][index - parents] : _parents[versionId][index];
    }

    /// @notice When a version was published; unix seconds, 0 where there is none.
    function publishedAt(uint64 versionId) external view returns (uint40) {
        return _versions[versionId].publishedAt;
    }

    /// @inheritdoc IAssetRegistry
    function payableLink(uint64 versionId, uint256 index)
        external
        view
        returns (ParentLink memory link, bool isAbsolute)
    {
        (link, isAbsolute) = royaltyLink(versionId, index);
        uint256 frozen = tags.frozenOf(link.parentId);
        // Not more than the royalty, which is below 2^32.
        if (frozen != 0) link.royalty = uint32(link.royalty * (WHOLE - frozen) / WHOLE);
    }

    function parentLinks(uint64 versionId) external view returns (ParentLink[] memory) {
        return _parents[versionId];
    }

    /// @notice Those to whom a version owes absolute royalties, once each.
    function ancestorLinks(uint64 versionId) external view returns (ParentLink[] memory) {
        return _ancestors[versionId];
    }

    function attachedVaults(uint64 assetId) external view returns (address[] memory) {
        return _attached[assetId];
    }

    /// @dev Income up to the transfer is the old owner's. No failure is caught: whoever chooses the
    /// gas could otherwise make the credit fail and the transfer pass.
    function _update(address to, uint256 tokenId, address auth)
        internal
        override
        returns (address)
    {
        if (_ownerOf(tokenId) != address(0)) {
            // Checked before any call out, so that a stranger's attempt touches no vault.
            if (auth != address(0)) _checkAuthorized(_ownerOf(tokenId), auth, tokenId);
            // Token ids are asset ids, which are counted in 64 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            address[] storage attached = _attached[uint64(tokenId)];
            for (uint256 i = 0; i < attached.length; ++i) {
                IRevenueVault(attached[i]).creditOwner();
            }
        }
        return super._update(to, tokenId, auth);
    }

    /// @dev Fixes the edges, the ancestors with absolute royalties and what both sum to.
    function _link(uint64 versionId, Version memory version, Parent[] calldata parents) private {
        if (parents.length > MAX_PARENTS) revert TooManyParents(parents.length);
        ParentLink[] memory ancestors = new ParentLink[](MAX_ANCESTORS);
        uint256 count;
        uint256 relativeStack;
        for (uint256 i = 0; i < parents.length; ++i) {
            Parent calldata parent = parents[i];
            if (i > 0 && parent.parentId <= parents[i - 1].parentId) {
                revert ParentRepeated(parent.parentId);
            }
            ParentLink memory link = _linkTo(versionId, version, parent);
            if (_versions[parent.parentId].isAbsolute) {
                count = _merge(ancestors, count, link);
                link.royalty = 0;
            }
            relativeStack += link.royalty;
            _parents[versionId].push(link);
            ParentLink[] storage inherited = _ancestors[parent.parentId];
            for (uint256 j = 0; j < inherited.length; ++j) {
                count = _merge(ancestors, count, inherited[j]);
            }
        }
        uint256 owedToAncestors;
        for (uint256 i = 0; i < count; ++i) {
            owedToAncestors += ancestors[i].royalty;
            _ancestors[versionId].push(ancestors[i]);
        }
        uint256 stack = relativeStack + owedToAncestors;
        if (stack > WHOLE) revert StackAboveWhole(stack);
        // At most 10^8, just checked, and 16 of each.
        // forge-lint: disable-start(unsafe-typecast)
        (version.stack, version.absoluteStack) = (uint32(stack), uint32(owedToAncestors));
        version.links = uint8(parents.length + count);
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @dev The edge to a parent whose licence allows it.
    function _linkTo(uint64 versionId, Version memory version, Parent calldata parent)
        private
        view
        returns (ParentLink memory)
    {
        if (parent.parentId >= versionId || parent.parentId == 0) {
            revert UnknownVersion(parent.parentId);
        }
        Version storage source = _versions[parent.parentId];
        if (parent.royalty < source.minRoyalty) {
            revert RoyaltyBelowLicence(parent.parentId, parent.royalty, source.minRoyalty);
        }
        if (parent.royalty > 0 && source.payee == address(0)) {
            revert ParentHasNoPayee(parent.parentId);
        }
        _requireDerivable(parent.parentId, version.assetId, version.licenceHash);
        return ParentLink(parent.parentId, parent.royalty, source.payee);
    }

    /// @dev An ancestor that several paths lead to stands once, with the most that any of them asks.
    function _merge(ParentLink[] memory ancestors, uint256 count, ParentLink memory link)
        private
        pure
        returns (uint256)
    {
        if (link.royalty == 0) return count;
        for (uint256 i = 0; i < count; ++i) {
            if (ancestors[i].parentId != link.parentId) continue;
            if (ancestors[i].royalty < link.royalty) ancestors[i].royalty = link.royalty;
            return count;
        }
        if (count == MAX_ANCESTORS) revert TooManyAncestors(link.parentId);
        ancestors[count] = ParentLink(link.parentId, link.royalty, link.payee);
        return count + 1;
    }

    function _requireDerivable(uint64 parentId, uint64 assetId, bytes32 licenceHash) private view {
        Version storage source = _versions[parentId];
        licences.requireDerivable(
            source.licenceHash,
            licenceHash,
            _useOf(assets[source.assetId].kind, assets[assetId].kind),
            msg.sender,
            isApproved[parentId][assetId]
        );
    }

    /// @dev What a child does with a parent follows from what both are, so nobody can misstate it.
    function _useOf(Kind parent, Kind child) private pure returns (Use) {
        bool data = parent == Kind.Datanet || parent == Kind.Dataset;
        if (data && (child == Kind.Model || child == Kind.Adapter)) return Use.Training;
        if (data && child == Kind.Service) return Use.Retrieval;
        if (!data && child == Kind.Service) return Use.Inference;
        return Use.Derivative;
    }

    function _attach(uint64 assetId, address vault) private {
        if (_attached[assetId].length == MAX_ATTACHED_VAULTS) revert TooManyVaults(assetId);
        isAttached[vault] = true;
        _attached[assetId].push(vault);
        emit VaultAttached(assetId, vault);
    }

    function _requireOwner(uint64 assetId) private view {
        if (ownerOf(assetId) != msg.sender) revert NotAssetOwner(msg.sender, assetId);
    }

    function _requireVaultOf(address vault, uint64 versionId) private view {
        if (!factory.isVault(vault) || IRevenueVault(vault).versionId() != versionId) {
            revert NotVaultOfVersion(vault, versionId);
        }
    }
}
