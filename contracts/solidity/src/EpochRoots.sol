// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Entitlement, SumNode, SumTree} from "./SumTree.sol";
import {VaultBooks} from "./VaultBooks.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title How a vault comes to accept a root of entitlements: commit, seed, post, wait, finalize.
/// @notice An epoch's receipts are fixed before the seed of its randomness exists: the seed is made of
/// the receipts' root and the hash of a block after the commitment. One root at a time is pending; in
/// its window, two openings of one position that contradict each other cancel it.
abstract contract EpochRoots is VaultBooks {
    /// @param cutoffHash hash of the last block whose receipts count.
    /// @param seedBlock the block whose hash enters the seed.
    struct Commitment {
        bytes32 receiptsRoot;
        bytes32 cutoffHash;
        uint64 cutoffBlock;
        uint64 seedBlock;
    }

    struct Root {
        bytes32 hash;
        uint128 sum;
        uint8 depth;
        uint64 epoch;
        uint40 postedAt;
    }

    /// @dev A position keeps 96 bits of what it claimed, beside its account in one slot.
    uint128 public constant MAX_SUM = type(uint96).max;

    Root public finalRoot;
    Root public pendingRoot;
    Commitment public commitment;
    /// @notice keccak256(receiptsRoot ‖ hash of the seed block); 0 until recorded.
    bytes32 public seed;
    /// @notice The last block of receipts in a final root.
    uint64 public lastCutoffBlock;

    event EpochCommitted(
        uint64 indexed epoch,
        bytes32 receiptsRoot,
        uint64 cutoffBlock,
        bytes32 cutoffHash,
        uint64 seedBlock
    );
    event SeedRecorded(uint64 indexed epoch, bytes32 seed);
    event SeedMissed(uint64 indexed epoch, uint64 newSeedBlock);
    event RootPosted(
        uint64 indexed epoch, bytes32 root, uint128 sum, uint8 depth, bytes32 bundleHash
    );
    event RootFinalized(uint64 indexed epoch, bytes32 root, uint128 sum);
    event RootCancelled(uint64 indexed epoch, bytes32 root, uint32 position);

    error NotAttributor(address caller);
    error WrongEpoch(uint64 given, uint64 expected);
    error AlreadyCommitted(uint64 epoch);
    error EmptyReceiptsRoot();
    error CutoffOutOfRange(uint64 cutoffBlock);
    error NotCommitted(uint64 epoch);
    error SeedNotReady(uint64 seedBlock);
    error RootPending(uint64 epoch);
    error NoRootPending();
    error SumFalls(uint128 sum, uint128 previous);
    error SumAbovePool(uint128 sum, uint256 pool);
    error DepthOutOfRange(uint8 depth);
    error WindowOpen(uint256 until);
    error InvalidOpening();
    error NoFault();

    /// @notice The epoch being worked on: one after the last final one.
    function currentEpoch() public view returns (uint64) {
        return finalRoot.epoch + 1;
    }

    /// @notice Fixes the epoch's receipts, once, before its seed can be known.
    /// @param cutoffBlock the last block whose receipts count: after the previous one and among the
    /// last 256.
    function commitEpoch(uint64 epoch, bytes32 receiptsRoot, uint64 cutoffBlock) external {
        _requireAttributor(terms());
        _requireCurrent(epoch);
        // A second commitment would let the attributor draw seeds until one pleases.
        if (commitment.receiptsRoot != bytes32(0)) revert AlreadyCommitted(epoch);
        if (receiptsRoot == bytes32(0)) revert EmptyReceiptsRoot();
        bytes32 cutoffHash = blockhash(cutoffBlock);
        if (cutoffBlock <= lastCutoffBlock || cutoffHash == bytes32(0)) {
            revert CutoffOutOfRange(cutoffBlock);
        }
        uint64 seedBlock = uint64(block.number) + 1;
        commitment = Commitment(receiptsRoot, cutoffHash, cutoffBlock, seedBlock);
        emit EpochCommitted(epoch, receiptsRoot, cutoffBlock, cutoffHash, seedBlock);
    }

    /// @notice Keeps the seed before its block's hash is forgotten (256 blocks); anyone may call. When
    /// it has been forgotten a new block is named, publicly: whoever minds can record in time.
    /// @return recorded whether there is a seed now.
    function recordSeed() public returns (bool recorded) {
        if (seed != bytes32(0)) return true;
        Commitment memory committed = commitment;
        if (committed.receiptsRoot == bytes32(0) || block.number <= committed.seedBlock) {
            return false;
        }
        bytes32 later = blockhash(committed.seedBlock);
        if (later == bytes32(0)) {
            uint64 newSeedBlock = uint64(block.number) + 1;
            commitment.seedBlock = newSeedBlock;
            emit SeedMissed(currentEpoch(), newSeedBlock);
            return false;
        }
        seed = keccak256(abi.encodePacked(committed.receiptsRoot, later));
        emit SeedRecorded(currentEpoch(), seed);
        return true;
    }

    /// @notice Proposes the entitlements of an epoch.
    /// @param sum of all cumulative entitlements: at least the last final sum, at most the pool's
    /// cumulative income. Compared with income, not with the balance, which claims lower.
    /// @param depth of the tree; it never shrinks, for that would drop positions.
    /// @param bundleHash hash of the published evidence from which anyone can recompute the root.
    function postRoot(uint64 epoch, bytes32 root, uint128 sum, uint8 depth, bytes32 bundleHash)
        external
        nonReentrant
    {
        VaultTerms memory t = terms();
        _requireAttributor(t);
        _requireCurrent(epoch);
        if (commitment.receiptsRoot == bytes32(0)) revert NotCommitted(epoch);
        if (!recordSeed()) revert SeedNotReady(commitment.seedBlock);
        if (pendingRoot.postedAt != 0) revert RootPending(epoch);
        _sync(t);
        Root memory previous = finalRoot;
        if (sum < previous.sum) revert SumFalls(sum, previous.sum);
        uint256 pool = _entitledPool(t);
        if (sum > pool || sum > MAX_SUM) revert SumAbovePool(sum, pool);
        if (depth > SumTree.MAX_DEPTH || depth < previous.depth) revert DepthOutOfRange(depth);

        pendingRoot = Root(root, sum, depth, epoch, uint40(block.timestamp));
        emit RootPosted(epoch, root, sum, depth, bundleHash);
    }

    /// @notice Makes the pending root final once its window has passed; anyone may call.
    function finalize() external {
        Root memory pending = pendingRoot;
        if (pending.postedAt == 0) revert NoRootPending();
        uint256 until = uint256(pending.postedAt) + terms().challengeWindow;
        if (block.timestamp < until) revert WindowOpen(until);
        finalRoot = pending;
        lastCutoffBlock = commitment.cutoffBlock;
        delete pendingRoot;
        delete commitment;
        delete seed;
        emit RootFinalized(pending.epoch, pending.hash, pending.sum);
    }

    /// @notice Cancels the pending root by two openings of one position: in the final root, and in
    /// the pending one with another account or a lower cumulative. A slot left empty in the pending
    /// root is opened as the zero entitlement.
    function cancelPending(
        Entitlement calldata was,
        SumNode[] calldata wasProof,
        Entitlement calldata is_,
        SumNode[] calldata isProof
    ) external {
        VaultTerms memory t = terms();
        Root memory pending = pendingRoot;
        if (pending.postedAt == 0) revert NoRootPending();
        if (was.position != is_.position || was.account == address(0)) revert NoFault();
        if (!_opens(t, finalRoot, was, wasProof) || !_opens(t, pending, is_, isProof)) {
            revert InvalidOpening();
        }
        if (is_.account == was.account && is_.cumulative >= was.cumulative) revert NoFault();
        _cancel(pending, is_.position);
    }

    /// @notice Cancels the pending root by one opening that contradicts what a position already
    /// claimed here: another account, or less than was paid.
    function cancelPendingAgainstClaims(Entitlement calldata is_, SumNode[] calldata isProof)
        external
    {
        VaultTerms memory t = terms();
        Root memory pending = pendingRoot;
        if (pending.postedAt == 0) revert NoRootPending();
        if (!_opens(t, pending, is_, isProof)) revert InvalidOpening();
        (address account, uint96 claimed) = _position(is_.position);
        if (account == address(0) || (is_.account == account && is_.cumulative >= claimed)) {
            revert NoFault();
        }
        _cancel(pending, is_.position);
    }

    /// @dev What roots may entitle to: the pool's cumulative income, less what went to the fallback.
    function _entitledPool(VaultTerms memory t) internal view virtual returns (uint256);

    /// @dev The account that a position was seen with, and what it claimed.
    function _position(uint32 position) internal view virtual returns (address, uint96);

    function _opens(
        VaultTerms memory t,
        Root memory root,
        Entitlement calldata leaf,
        SumNode[] calldata proof
    ) internal view returns (bool) {
        SumNode memory start;
        if (leaf.account != address(0) || leaf.cumulative != 0 || leaf.detailRoot != bytes32(0)) {
            start = SumNode(SumTree.leafHash(leaf, address(this), t.token), leaf.cumulative);
        }
        return SumTree.opens(root.hash, root.sum, root.depth, leaf.position, start, proof);
    }

    function _cancel(Root memory pending, uint32 position) private {
        delete pendingRoot;
        emit RootCancelled(pending.epoch, pending.hash, position);
    }

    function _requireAttributor(VaultTerms memory t) private view {
        if (msg.sender != t.attributor) revert NotAttributor(msg.sender);
    }

    function _requireCurrent(uint64 epoch) private view {
        if (epoch != currentEpoch()) revert WrongEpoch(epoch, currentEpoch());
    }
}
