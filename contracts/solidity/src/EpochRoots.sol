// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IEpochCourt, PostedRoot} from "./IEpochCourt.sol";
import {SumTree} from "./SumTree.sol";
import {VaultBooks} from "./VaultBooks.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title How a vault comes to accept a root of entitlements: commit, seed, post, wait, finalize.
/// @notice An epoch's receipts are fixed before the seed of its randomness exists: the seed is made of
/// the receipts' root and the hash of a block after the commitment. One root at a time is pending; the
/// court can cancel it before finality, or hold one position's increment beyond it. Nothing final is
/// ever taken back.
abstract contract EpochRoots is VaultBooks {
    /// @param cutoffHash hash of the last block whose receipts count.
    /// @param seedBlock the block whose hash enters the seed.
    /// @param seeded whether the seed is recorded.
    /// @param committer the one account that may post this epoch's root.
    struct Commitment {
        bytes32 receiptsRoot;
        bytes32 cutoffHash;
        uint64 cutoffBlock;
        uint64 seedBlock;
        uint64 epoch;
        uint40 committedAt;
        bool seeded;
        address committer;
    }

    /// @param posting counts every root posted here, cancelled ones too.
    /// @param adjusted whether positions are held, voided or scaled, so that a leaf's cumulative alone
    /// does not say what is due.
    struct Root {
        bytes32 hash;
        uint96 sum;
        uint8 depth;
        uint40 epoch;
        uint40 posting;
        uint40 postedAt;
        bool adjusted;
    }

    /// @dev The final root in the two words that a claim reads, of which it writes the second.
    /// @param claimed by all positions together.
    struct Settled {
        bytes32 hash;
        uint96 sum;
        uint96 claimed;
        uint40 postedAt;
        uint8 depth;
        bool adjusted;
    }

    /// @notice What the court has changed of a position.
    /// @param ceiling while disputes are open, no cumulative counts for more than this.
    /// @param voided increments that were found false; they stay in the tree and are never paid.
    /// @param open disputes not yet resolved.
    struct Adjustment {
        uint96 ceiling;
        uint96 voided;
        uint32 open;
    }

    /// @notice After an escape each position is due floor(entitlement * pool / base).
    struct Scale {
        uint128 pool;
        uint128 base;
    }

    /// @dev A position keeps 96 bits of what it claimed, beside its account in one slot.
    uint128 public constant MAX_SUM = type(uint96).max;
    /// @notice After so many epochs without a root, anyone bonded may post.
    uint256 public constant LATE_AFTER = 2;
    /// @notice After so many epochs without a root, the last one is scaled to all that came in.
    uint256 public constant ESCAPE_AFTER = 6;

    IEpochCourt public immutable court;

    Settled internal _settled;
    /// @dev Never deleted, so that the next epoch's write costs no fresh slot; stale ones are told by
    /// their epoch and a `postedAt` of 0.
    Root private _pending;
    Commitment private _commitment;
    bytes32 private _seed;
    /// @notice The last block of receipts in a final root.
    uint64 public lastCutoffBlock;
    /// @notice Roots posted so far.
    uint40 public postings;
    uint40 public openHolds;
    uint40 private _finalEpoch;
    uint40 private _finalPosting;
    /// @notice The sum of all voided increments: back in the pool.
    uint128 public voidedTotal;
    Scale public scale;
    mapping(uint32 position => Adjustment) public adjustments;
    mapping(uint256 posting => bool) public isCancelled;

    event EpochCommitted(
        uint64 indexed epoch,
        address indexed committer,
        bytes32 receiptsRoot,
        uint64 cutoffBlock,
        bytes32 cutoffHash,
        uint64 seedBlock
    );
    event SeedRecorded(uint64 indexed epoch, bytes32 seed);
    event SeedMissed(uint64 indexed epoch, uint64 newSeedBlock);
    event RootPosted(
        uint64 indexed epoch,
        uint64 indexed posting,
        bytes32 root,
        uint128 sum,
        uint8 depth,
        bytes32 bundleHash
    );
    event RootFinalized(uint64 indexed epoch, uint64 indexed posting, bytes32 root, uint128 sum);
    event RootCancelled(uint64 indexed epoch, uint64 indexed posting, bytes32 root);
    event PositionHeld(uint32 indexed position, uint256 ceiling);
    event PositionReleased(uint32 indexed position, uint256 voided);
    event RootScaled(uint64 indexed epoch, uint256 pool, uint256 base);

    error NotAttributor(address caller);
    error NotCommitter(address caller, address committer);
    error NotCourt(address caller);
    error WrongEpoch(uint64 given, uint64 expected);
    error AlreadyCommitted(uint64 epoch);
    error EmptyReceiptsRoot();
    error CutoffOutOfRange(uint64 cutoffBlock);
    error NotCommitted(uint64 epoch);
    error SeedNotReady(uint64 seedBlock);
    error RootPending(uint64 epoch);
    error NoRootPending();
    error NoRootFinal();
    error SumFalls(uint128 sum, uint256 previous);
    error SumAbovePool(uint128 sum, uint256 pool);
    error DepthOutOfRange(uint8 depth);
    error WindowOpen(uint256 until);
    error InvalidOpening();
    error EscapeTooEarly(uint256 missedEpochs);
    error HoldsOpen(uint256 holds);

    modifier onlyCourt() {
        if (msg.sender != address(court)) revert NotCourt(msg.sender);
        _;
    }

    constructor(address court_) {
        court = IEpochCourt(court_);
    }

    /// @notice The root that claims are made against; zeros before the first.
    function finalRoot() external view returns (Root memory) {
        Settled memory s = _settled;
        return Root(s.hash, s.sum, s.depth, _finalEpoch, _finalPosting, s.postedAt, s.adjusted);
    }

    /// @inheritdoc VaultBooks
    function claimedTotal() public view override returns (uint256) {
        return _settled.claimed;
    }

    /// @notice The root in its challenge window; zeros when there is none.
    function pendingRoot() public view returns (Root memory pending) {
        if (_isPending()) pending = _pending;
    }

    /// @notice The current epoch's receipts; zeros before they are committed.
    function commitment() external view returns (Commitment memory committed) {
        if (_isCommitted()) committed = _commitment;
    }

    /// @notice keccak256(receiptsRoot ‖ hash of the seed block) of the current epoch; 0 until recorded.
    function seed() external view returns (bytes32) {
        return _isCommitted() && _commitment.seeded ? _seed : bytes32(0);
    }

    /// @notice The epoch being worked on: one after the last final one.
    function currentEpoch() public view returns (uint64) {
        return uint64(_finalEpoch) + 1;
    }

    /// @notice Whole epochs since the last final root was posted, or since the first income.
    function missedEpochs() public view returns (uint256) {
        uint256 since = _settled.postedAt == 0 ? firstInflowAt : _settled.postedAt;
        return since == 0 ? 0 : (block.timestamp - since) / court.epochLength(terms().panel);
    }

    /// @notice Fixes the epoch's receipts before its seed can be known: as the attributor, or as
    /// anyone bonded once two epochs were missed.
    /// @param cutoffBlock the last block whose receipts count: after the previous one and among the
    /// last 256.
    function commitEpoch(uint64 epoch, bytes32 receiptsRoot, uint64 cutoffBlock) external {
        _requireCurrent(epoch);
        _requireTurn(terms(), epoch);
        if (receiptsRoot == bytes32(0)) revert EmptyReceiptsRoot();
        bytes32 cutoffHash = blockhash(cutoffBlock);
        if (cutoffBlock <= lastCutoffBlock || cutoffHash == bytes32(0)) {
            revert CutoffOutOfRange(cutoffBlock);
        }
        uint64 seedBlock = uint64(block.number) + 1;
        _commitment = Commitment({
            receiptsRoot: receiptsRoot,
            cutoffHash: cutoffHash,
            cutoffBlock: cutoffBlock,
            seedBlock: seedBlock,
            epoch: epoch,
            committedAt: uint40(block.timestamp),
            seeded: false,
            committer: msg.sender
        });
        emit EpochCommitted(epoch, msg.sender, receiptsRoot, cutoffBlock, cutoffHash, seedBlock);
    }

    /// @notice Keeps the seed before its block's hash is forgotten (256 blocks); anyone may call. When
    /// it has been forgotten a new block is named, publicly: whoever minds can record in time.
    /// @return recorded whether there is a seed now.
    function recordSeed() public returns (bool recorded) {
        if (!_isCommitted()) return false;
        if (_commitment.seeded) return true;
        uint64 seedBlock = _commitment.seedBlock;
        if (block.number <= seedBlock) return false;
        bytes32 later = blockhash(seedBlock);
        if (later == bytes32(0)) {
            uint64 newSeedBlock = uint64(block.number) + 1;
            _commitment.seedBlock = newSeedBlock;
            emit SeedMissed(currentEpoch(), newSeedBlock);
            return false;
        }
        _commitment.seeded = true;
        _seed = keccak256(abi.encodePacked(_commitment.receiptsRoot, later));
        emit SeedRecorded(currentEpoch(), _seed);
        return true;
    }

    /// @notice Proposes the entitlements of an epoch, as the one who committed its receipts.
    /// @param sum of all cumulative entitlements: at least the last final sum, at most the pool's
    /// cumulative income and what was voided. Compared with income, not with the balance, which
    /// claims lower.
    /// @param depth of the tree; it never shrinks, for that would drop positions.
    /// @param bundleHash hash of the published evidence from which anyone can recompute the root.
    /// @param attestations signatures of the panel's verifiers, ascending by signer.
    function postRoot(
        uint64 epoch,
        bytes32 root,
        uint128 sum,
        uint8 depth,
        bytes32 bundleHash,
        bytes[] calldata attestations
    ) external nonReentrant {
        _requireCurrent(epoch);
        if (!_isCommitted()) revert NotCommitted(epoch);
        if (msg.sender != _commitment.committer) {
            revert NotCommitter(msg.sender, _commitment.committer);
        }
        if (!recordSeed()) revert SeedNotReady(_commitment.seedBlock);
        if (_isPending()) revert RootPending(epoch);
        VaultTerms memory t = terms();
        _sync();
        uint128 increment = _increment(t, sum);
        if (depth > SumTree.MAX_DEPTH || depth < _settled.depth) revert DepthOutOfRange(depth);
        court.requirePostable(
            t.panel,
            msg.sender,
            PostedRoot(epoch, root, sum, increment, depth, bundleHash),
            attestations
        );

        _pending = Root({
            hash: root,
            sum: uint96(sum),
            depth: depth,
            epoch: uint40(epoch),
            posting: ++postings,
            postedAt: uint40(block.timestamp),
            adjusted: _settled.adjusted
        });
        emit RootPosted(epoch, postings, root, sum, depth, bundleHash);
    }

    /// @notice Makes the pending root final once its window has passed and every demand to see a part
    /// of it was answered; anyone may call.
    function finalize() external {
        Root memory pending = pendingRoot();
        if (pending.postedAt == 0) revert NoRootPending();
        uint256 until = uint256(pending.postedAt) + terms().challengeWindow;
        if (block.timestamp < until) revert WindowOpen(until);
        court.requireAnswered(pending.posting);
        _settled = Settled({
            hash: pending.hash,
            sum: pending.sum,
            claimed: _settled.claimed,
            postedAt: pending.postedAt,
            depth: pending.depth,
            adjusted: pending.adjusted
        });
        (_finalEpoch, _finalPosting) = (pending.epoch, pending.posting);
        lastCutoffBlock = _commitment.cutoffBlock;
        if (pending.adjusted) delete scale;
        emit RootFinalized(pending.epoch, pending.posting, pending.hash, pending.sum);
    }

    /// @notice Gives the last final root all that came in, in proportion, when six epochs were missed:
    /// the fraction is stored, and later roots may not go below it. May be repeated as income arrives.
    function escape() external {
        VaultTerms memory t = terms();
        if (_settled.postedAt == 0) revert NoRootFinal();
        if (_isPending()) revert RootPending(currentEpoch());
        uint256 missed = missedEpochs();
        if (missed < ESCAPE_AFTER) revert EscapeTooEarly(missed);
        if (openHolds != 0) revert HoldsOpen(openHolds);
        _sync();
        uint256 sum = _settled.sum;
        uint256 base = sum > voidedTotal ? sum - voidedTotal : 0;
        uint256 pool = _entitledPool(t);
        if (pool > MAX_SUM) pool = MAX_SUM;
        if (base == 0) revert NoRootFinal();
        // Both are below 2^96, and pool >= base, as every root's sum was checked.
        scale = Scale(uint128(pool), uint128(base));
        _settled.adjusted = true;
        emit RootScaled(_finalEpoch, pool, base);
    }

    /// @notice Drops the pending root, as the court.
    function cancelRoot() external onlyCourt {
        Root memory pending = pendingRoot();
        if (pending.postedAt == 0) revert NoRootPending();
        _pending.postedAt = 0;
        isCancelled[pending.posting] = true;
        emit RootCancelled(pending.epoch, pending.posting, pending.hash);
    }

    /// @notice Keeps a position at what the last final root gave it, as the court, while a dispute
    /// over the pending root is open. What it had before stays payable.
    /// @param floor_ `floorOf` the position's leaf in the last final root.
    function hold(uint32 position, uint256 floor_) external onlyCourt {
        if (!_isPending()) revert NoRootPending();
        Adjustment storage adjustment = adjustments[position];
        // Of several open disputes the first, with the lowest ceiling, counts until all are resolved.
        if (adjustment.open == 0) adjustment.ceiling = uint96(floor_);
        ++adjustment.open;
        ++openHolds;
        _pending.adjusted = true;
        emit PositionHeld(position, adjustment.ceiling);
    }

    /// @notice Ends one hold, as the court. What is voided returns to the pool.
    function release(uint32 position, uint256 voided) external onlyCourt {
        Adjustment storage adjustment = adjustments[position];
        --adjustment.open;
        --openHolds;
        adjustment.voided += uint96(voided);
        // What is voided counts against what is due; a ceiling that other disputes still hold was
        // stated without it, and would be short by it.
        adjustment.ceiling += uint96(voided);
        voidedTotal += uint128(voided);
        emit PositionReleased(position, voided);
    }

    /// @notice The lowest cumulative that a later root may state for a position, whose leaf in the last
    /// final root states `cumulative`.
    function floorOf(uint32 position, uint128 cumulative) external view returns (uint256) {
        Scale memory s = scale;
        if (s.base == 0) return cumulative;
        uint256 voided = adjustments[position].voided;
        return cumulative > voided ? voided + (cumulative - voided) * s.pool / s.base : voided;
    }

    /// @notice What a leaf of the final root that states `cumulative` is due in all, atomic units.
    function dueOf(uint32 position, uint128 cumulative) external view returns (uint256) {
        return _settled.adjusted ? _due(position, cumulative) : cumulative;
    }

    /// @dev What a leaf of a final root that is adjusted is due in all.
    function _due(uint32 position, uint128 cumulative) internal view returns (uint256 due) {
        due = cumulative;
        Adjustment memory adjustment = adjustments[position];
        if (adjustment.open > 0 && due > adjustment.ceiling) due = adjustment.ceiling;
        due = due > adjustment.voided ? due - adjustment.voided : 0;
        Scale memory s = scale;
        if (s.base != 0) due = due * s.pool / s.base;
    }

    /// @dev What all leaves of a final root that is adjusted are due together, at most.
    function _dueTotal(uint256 sum) internal view returns (uint256) {
        Scale memory s = scale;
        if (s.base != 0) return s.pool;
        // Roots that took something back unchallenged, and were disputed elsewhere, can void more than
        // the sum: then nothing is due, and nothing may be stuck.
        return sum > voidedTotal ? sum - voidedTotal : 0;
    }

    function _isPending() internal view returns (bool) {
        return _pending.postedAt != 0 && _pending.epoch == currentEpoch();
    }

    /// @dev What roots may entitle to: the pool's cumulative income, less what went to the fallback.
    function _entitledPool(VaultTerms memory t) internal view virtual returns (uint256);

    function _isCommitted() private view returns (bool) {
        return _commitment.epoch == currentEpoch();
    }

    function _increment(VaultTerms memory t, uint128 sum) private view returns (uint128) {
        uint256 least = _settled.sum;
        uint256 pool = _entitledPool(t);
        if (_settled.adjusted) {
            // Voided increments stay in the tree's sums and are due to nobody.
            pool += voidedTotal;
            least = voidedTotal + _dueTotal(least);
        }
        if (sum < least) revert SumFalls(sum, least);
        if (sum > pool || sum > MAX_SUM) revert SumAbovePool(sum, pool);
        return sum - uint128(least);
    }

    /// @dev A second commitment would let a committer draw seeds until one pleases: it takes two
    /// epochs' standstill.
    function _requireTurn(VaultTerms memory t, uint64 epoch) private view {
        if (msg.sender != t.attributor) {
            if (missedEpochs() < LATE_AFTER) revert NotAttributor(msg.sender);
            court.requireBonded(t.panel, msg.sender);
        }
        if (!_isCommitted()) return;
        uint256 stale = uint256(_commitment.committedAt) + LATE_AFTER * court.epochLength(t.panel);
        if (_isPending() || block.timestamp < stale) revert AlreadyCommitted(epoch);
    }

    function _requireCurrent(uint64 epoch) private view {
        if (epoch != currentEpoch()) revert WrongEpoch(epoch, currentEpoch());
    }
}
