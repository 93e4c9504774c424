// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AssetRegistry} from "./AssetRegistry.sol";
import {IAssetRegistry} from "./IAssetRegistry.sol";
import {IContributionTags} from "./IContributionTags.sol";
import {WHOLE} from "./Shares.sol";

/// @title Tags: which part of a version's royalties waits because its content was found wanting.
/// @notice A tag comes with a first decision and ends by itself. While it is active, the versions made
/// from the tagged one pay it that much less: the difference stays where it is, in the children's
/// vaults, and is payable when the tag ends. A derived version inherits a tag when anyone asks for
/// it, by as much as it owes the tagged one.
abstract contract ContributionTags is IContributionTags {
    /// @param source the tag that this one was inherited from; itself when a case made it.
    /// @param fraction of the version's royalties, parts per 10^8.
    /// @param renewals how often arbiters prolonged it.
    struct Tag {
        uint64 versionId;
        uint32 fraction;
        uint40 expiresAt;
        uint8 renewals;
        bool lifted;
        uint64 source;
        uint64 caseId;
    }

    /// @notice Tags that cases made, and inherited ones: neither can keep the other out.
    uint256 public constant MAX_OWN_TAGS = 8;
    uint256 public constant MAX_INHERITED_TAGS = 16;
    uint8 public constant MAX_RENEWALS = 12;

    AssetRegistry public immutable registry;

    uint64 public tagCount;
    mapping(uint64 tagId => Tag) public tags;
    mapping(uint64 versionId => uint64[]) private _own;
    mapping(uint64 versionId => uint64[]) private _inherited;
    mapping(uint64 tagId => mapping(uint64 versionId => bool)) public isInherited;

    event Tagged(
        uint64 indexed tagId,
        uint64 indexed versionId,
        uint64 indexed source,
        uint32 fraction,
        uint40 expiresAt
    );
    event TagDropped(uint64 indexed versionId, uint64 indexed caseId);
    event TagLifted(uint64 indexed tagId);
    event TagRenewed(uint64 indexed tagId, uint40 expiresAt);

    error TagNotActive(uint64 tagId);
    error NotMadeFrom(uint64 versionId, uint64 parentId);
    error AlreadyInherited(uint64 tagId, uint64 versionId);
    error TooManyTags(uint64 versionId);
    error NothingToFreeze(uint64 tagId, uint64 versionId);

    constructor(address registry_) {
        registry = AssetRegistry(registry_);
    }

    /// @inheritdoc IContributionTags
    function frozenOf(uint64 versionId) external view returns (uint256 frozen) {
        frozen = _sum(_own[versionId]) + _sum(_inherited[versionId]);
        if (frozen > WHOLE) frozen = WHOLE;
    }

    /// @notice Whether a tag freezes anything now.
    function isActive(uint64 tagId) public view returns (bool) {
        Tag storage source = tags[tags[tagId].source];
        return tagId != 0 && !source.lifted && block.timestamp < source.expiresAt;
    }

    /// @notice The tags of a version, ended ones among them.
    function tagsOf(uint64 versionId)
        external
        view
        returns (uint64[] memory own, uint64[] memory inherited)
    {
        return (_own[versionId], _inherited[versionId]);
    }

    /// @notice Hands a tag on to a version made from the tagged one; anyone may call. Below one part
    /// in 10^8 there is nothing to freeze, and no place is taken from tags that do.
    /// @param index of the link from `childId` to the tagged version.
    function inherit(uint64 tagId, uint64 childId, uint256 index)
        external
        returns (uint64 inheritedId)
    {
        if (!isActive(tagId)) revert TagNotActive(tagId);
        Tag memory tag = tags[tagId];
        IAssetRegistry.ParentLink memory link = registry.parentLink(childId, index);
        if (link.parentId != tag.versionId) revert NotMadeFrom(childId, tag.versionId);
        if (isInherited[tagId][childId]) revert AlreadyInherited(tagId, childId);
        isInherited[tagId][childId] = true;
        // Of what the child is paid, this much goes on to the tagged version, and of that `fraction`
        // is disputed. Both are at most 10^8.
        uint32 fraction = uint32(uint256(tag.fraction) * link.royalty / WHOLE);
        if (fraction == 0) revert NothingToFreeze(tagId, childId);
        inheritedId = _place(_inherited[childId], MAX_INHERITED_TAGS, childId, fraction);
        if (inheritedId == 0) revert TooManyTags(childId);
        tags[inheritedId].source = tag.source;
        tags[inheritedId].caseId = tag.caseId;
        emit Tagged(inheritedId, childId, tag.source, fraction, tags[tag.source].expiresAt);
    }

    /// @dev Places a tag for a decided case; with too many active ones already it is dropped, for no
    /// decision may hang on it.
    function _tag(uint64 versionId, uint32 fraction, uint40 expiresAt, uint64 caseId)
        internal
        returns (uint64 tagId)
    {
        tagId = _place(_own[versionId], MAX_OWN_TAGS, versionId, fraction);
        if (tagId == 0) {
            emit TagDropped(versionId, caseId);
            return 0;
        }
        Tag storage tag = tags[tagId];
        (tag.source, tag.expiresAt, tag.caseId) = (tagId, expiresAt, caseId);
        emit Tagged(tagId, versionId, tagId, fraction, expiresAt);
    }

    function _lift(uint64 tagId) internal {
        if (tagId == 0 || tags[tagId].lifted) return;
        tags[tagId].lifted = true;
        emit TagLifted(tagId);
    }

    function _renew(uint64 tagId, uint32 duration) internal {
        Tag storage tag = tags[tagId];
        ++tag.renewals;
        tag.expiresAt += duration;
        emit TagRenewed(tagId, tag.expiresAt);
    }

    /// @dev Takes a new place or that of a tag that has ended; 0 when all are active.
    function _place(uint64[] storage places, uint256 most, uint64 versionId, uint32 fraction)
        private
        returns (uint64 tagId)
    {
        uint256 slot = places.length;
        if (slot == most) {
            for (slot = 0; slot < most && isActive(places[slot]); ++slot) {}
            if (slot == most) return 0;
        } else {
            places.push();
        }
        tagId = ++tagCount;
        places[slot] = tagId;
        (tags[tagId].versionId, tags[tagId].fraction) = (versionId, fraction);
    }

    function _sum(uint64[] storage places) private view returns (uint256 sum) {
        for (uint256 i = 0; i < places.length; ++i) {
            if (isActive(places[i])) sum += tags[places[i]].fraction;
        }
    }
}
