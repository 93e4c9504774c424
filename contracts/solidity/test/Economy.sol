// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {AssetRegistry} from "../src/AssetRegistry.sol";
import {LeafDisputes} from "../src/LeafDisputes.sol";
import {Opening} from "../src/Openings.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Entitlement} from "../src/SumTree.sol";
import {Courts} from "./Courts.sol";
import {vm} from "./Checks.sol";

/// @notice A token that refuses one recipient at a time, whomever it pleases, and calls back into whom
/// it is told to while it moves.
contract MoodyToken is ERC20("Moody", "MOOD") {
    address public refused;
    uint256 public tries;
    uint256 public reentered;
    address private _target;
    bytes private _data;

    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function refuse(address account) external {
        refused = account;
    }

    function callBack(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function _update(address from, address to, uint256 value) internal override {
        require(to != refused || from == address(0), "refused");
        super._update(from, to, value);
        if (_target == address(0)) return;
        ++tries;
        (bool entered,) = _target.call(_data);
        if (entered) ++reentered;
    }
}

/// @title Fifty assets in a random lineage, and what everybody may do there, honest or by whim.
/// @notice Owner, host, buyer, attributor, challenger, arbiters and token act at random. A plain model
/// of leaves, disputes and income stands beside the contracts. What is not theirs they try in `Liars`.
abstract contract Economy is Courts {
    uint256 public constant ASSETS = 50;
    uint8 internal constant DEPTH = 2;
    uint256 internal constant POSITIONS = 4;
    address internal constant STRANGER = address(0x5712);
    /// @dev Of the account at position 0; the next one is the next position's.
    uint256 internal constant FIRST_KEY = 0xC000;

    struct Open {
        uint256 id;
        uint256 asset;
        uint32 position;
    }

    /// @notice By handler, what it tried that was accepted, and what was refused.
    mapping(bytes4 handler => uint256) public accepted;
    mapping(bytes4 handler => uint256) public refused;
    /// @notice The asset that the last call was about.
    uint256 public touched;
    RevenueVault[] public vaults;
    uint64[] public versions;
    uint256[ASSETS] public paidIn;
    uint256[ASSETS] public finalSums;
    /// @notice What finality made of each vault's root, and the terms that each had at first.
    bytes32[ASSETS] public finalHashes;
    bytes32[ASSETS] public termsHashes;
    bool public fell;
    /// @notice Whether an unchallenged root took something back from somebody, so that single claims
    /// may exceed what the last root gives; all of them together still may not.
    bool[ASSETS] public contradicted;
    mapping(uint256 asset => mapping(uint32 position => uint256)) public openDisputes;
    mapping(uint256 asset => mapping(uint32 position => uint256)) public voided;

    Entitlement[POSITIONS][ASSETS] internal _finals;
    Entitlement[POSITIONS][ASSETS] internal _pendings;
    bool[ASSETS] private _takesBack;
    Open[] internal _open;

    constructor() {
        vm.chainId(84532);
        vm.warp(1_000_000);
        vm.roll(1_000);
        token = SettlementToken(address(new MoodyToken()));
        address[] memory tokens = new address[](1);
        tokens[0] = address(token);
        _deployFor(tokens);
        for (uint256 i = 0; i < ASSETS; ++i) {
            _asset(i);
        }
    }

    function buy(uint256 which, uint256 amount) external {
        uint256 asset = _touch(which);
        amount = within(amount, 1, 1_000_000);
        token.mint(address(vaults[asset]), amount);
        paidIn[asset] += amount;
        _tally(true);
    }

    function collect(uint256 which, uint256 what) external {
        uint256 asset = _touch(which);
        what = what % 4;
        if (what == 0) _try(address(vaults[asset]), abi.encodeCall(vault.payPlatform, ()));
        if (what == 1) _try(address(vaults[asset]), abi.encodeCall(vault.payHost, ()));
        if (what == 2) _try(address(vaults[asset]), abi.encodeCall(vault.payOwner, (OWNER)));
        if (what == 3) _try(address(vaults[asset]), abi.encodeCall(vault.sync, ()));
    }

    function pull(uint256 which, uint256 index) external {
        uint256 asset = _touch(which);
        AssetRegistry.ParentLink[] memory links = registry.parentLinks(versions[asset]);
        if (links.length == 0) return;
        index = index % links.length;
        touched = links[index].parentId - 1;
        uint256 before = token.balanceOf(links[index].payee);
        bool pulled =
            _try(links[index].payee, abi.encodeCall(vault.pullFrom, (vaults[asset], index)));
        if (pulled) paidIn[touched] += token.balanceOf(links[index].payee) - before;
    }

    function transferAsset(uint256 which, bool toBob) external {
        uint256 asset = _touch(which);
        uint64 id = registry.versions(versions[asset]).assetId;
        address from = registry.ownerOf(id);
        vm.prank(from);
        registry.transferFrom(from, toBob ? BOB : OWNER, id);
        _tally(true);
    }

    function refuseRecipient(uint256 who) external {
        address[4] memory moods = [address(0), HOST, _account(0), address(0)];
        MoodyToken(address(token)).refuse(moods[who % 4]);
    }

    /// @notice More for everybody, as far as the pool goes; a liar moves some from one to another.
    function post(uint256 which, uint256 seed, bool lie) external {
        _postFor(_touch(which), seed, lie);
    }

    function finalize(uint256 which, uint256 wait) external {
        uint256 asset = _touch(which);
        vm.warp(block.timestamp + within(wait, 0, 2 * WINDOW));
        if (!_try(address(vaults[asset]), abi.encodeCall(vault.finalize, ()))) return;
        for (uint256 i = 0; i < POSITIONS; ++i) {
            _finals[asset][i] = _pendings[asset][i];
        }
        if (_takesBack[asset]) contradicted[asset] = true;
        finalHashes[asset] = vaults[asset].finalRoot().hash;
    }

    /// @notice A whole round on one asset: root, dispute, ruling by whim, finality, claims.
    function round(uint256 which, uint256 seed, uint8 votes) external {
        uint256 asset = _touch(which);
        token.mint(address(vaults[asset]), 10_000);
        paidIn[asset] += 10_000;
        if (!_postFor(asset, seed, seed % 5 == 0)) return;
        this.dispute(asset, uint32(seed % 1_000));
        vm.warp(block.timestamp + WINDOW);
        this.finalize(asset, 0);
        if (_open.length > 0) {
            this.vote(_open.length - 1, 0, votes & 1 == 1);
            this.vote(_open.length - 1, 1, votes & 2 == 2);
            if (votes & 4 == 4) vm.warp(block.timestamp + 601);
            this.resolve(_open.length - 1);
        }
        this.claim(asset, uint32(seed % 1_000));
        this.claim(asset, uint32(seed % 1_000) + 1);
    }

    function prove(uint256 which, uint32 position) external {
        uint256 asset = _touch(which);
        position = uint32(position % POSITIONS);
        vault = vaults[asset];
        _try(
            address(faults),
            abi.encodeCall(
                faults.proveRegression,
                (
                    vault,
                    _openingOf(_finals[asset], position),
                    _openingOf(_pendings[asset], position)
                )
            )
        );
    }

    function dispute(uint256 which, uint32 position) external {
        uint256 asset = _touch(which);
        position = uint32(position % POSITIONS);
        vault = vaults[asset];
        Opening memory was =
            vault.finalRoot().epoch == 0 ? _never(position) : _openingOf(_finals[asset], position);
        _fund(CHALLENGER, 200);
        vm.prank(CHALLENGER);
        try court.disputeLeaf(
            vault, was, _openingOf(_pendings[asset], position), keccak256("why")
        ) returns (
            uint256 id
        ) {
            _open.push(Open(id, asset, position));
            ++openDisputes[asset][position];
            _tally(true);
        } catch {
            _tally(false);
        }
    }

    function vote(uint256 which, uint256 arbiter, bool yes) external {
        if (_open.length == 0) return;
        Open memory open = _open[which % _open.length];
        vm.prank(_arbiters()[arbiter % 3]);
        try court.vote(open.id, yes, 0) {
            _tally(true);
        } catch {
            _tally(false);
        }
    }

    function resolve(uint256 which) external {
        if (_open.length == 0) return;
        uint256 index = which % _open.length;
        Open memory open = _open[index];
        touched = open.asset;
        if (!_try(address(court), abi.encodeCall(court.resolve, (open.id)))) return;
        LeafDisputes.Dispute memory ended = _disputeOf(open.id);
        if (
            ended.state == LeafDisputes.DisputeState.Upheld
                || ended.state == LeafDisputes.DisputeState.Silent
        ) {
            voided[open.asset][open.position] += ended.amount;
        }
        --openDisputes[open.asset][open.position];
        _open[index] = _open[_open.length - 1];
        _open.pop();
    }

    function claim(uint256 which, uint32 position) external {
        uint256 asset = _touch(which);
        position = uint32(position % POSITIONS);
        vault = vaults[asset];
        Opening memory opening = _openingOf(_finals[asset], position);
        _try(address(vault), abi.encodeCall(vault.claim, (opening.leaf, opening.proof)));
    }

    function escape(uint256 which, bool wait) external {
        uint256 asset = _touch(which);
        if (wait) vm.warp(block.timestamp + 2 * EPOCH);
        _try(address(vaults[asset]), abi.encodeCall(vault.escape, ()));
    }

    function openCount() external view returns (uint256) {
        return _open.length;
    }

    function openAsset(uint256 index) external view returns (uint256) {
        return _open[index].asset;
    }

    function finalLeaf(uint256 asset, uint32 position) external view returns (Entitlement memory) {
        return _finals[asset][position];
    }

    function parts() external view returns (address, address, SettlementToken, AssetRegistry) {
        return (address(court), address(demands), token, registry);
    }

    function _postFor(uint256 asset, uint256 seed, bool lie) private returns (bool) {
        vault = vaults[asset];
        vault.sync();
        if (vault.pendingRoot().postedAt != 0 || !_commit()) return false;
        (,,,, uint256 pool,) = vault.buckets();
        uint256 used = _sum(_finals[asset]);
        uint256 spare = pool + vault.voidedTotal();
        spare = spare > used ? spare - used : 0;
        Entitlement[] memory leaves = new Entitlement[](POSITIONS);
        for (uint32 i = 0; i < POSITIONS; ++i) {
            leaves[i] = _finals[asset][i];
            uint256 part = uint256(keccak256(abi.encode(seed, i))) % (spare / POSITIONS + 1);
            uint256 least = vault.floorOf(i, leaves[i].cumulative);
            leaves[i].cumulative = uint128(least + part);
        }
        if (lie) {
            uint128 moved = leaves[0].cumulative / 2;
            leaves[0].cumulative -= moved;
            leaves[1].cumulative += moved;
        }
        (bytes32 root, uint128 sum) = _tree(leaves, DEPTH);
        uint64 epoch = vault.currentEpoch();
        vm.prank(ATTRIBUTOR);
        try vault.postRoot(epoch, root, sum, DEPTH, 0, unattested) {
            for (uint256 i = 0; i < POSITIONS; ++i) {
                _pendings[asset][i] = leaves[i];
            }
            _takesBack[asset] = lie;
            _tally(true);
            return true;
        } catch {
            _tally(false);
            return false;
        }
    }

    function _commit() private returns (bool) {
        if (vault.commitment().receiptsRoot != bytes32(0)) return true;
        uint64 epoch = vault.currentEpoch();
        vm.roll(block.number + 1);
        vm.prank(ATTRIBUTOR);
        vault.commitEpoch(epoch, keccak256("receipts"), uint64(block.number - 1));
        vm.roll(block.number + 2);
        return true;
    }

    function _tally(bool done) internal {
        if (done) ++accepted[msg.sig];
        else ++refused[msg.sig];
    }

    /// @dev Watches what must only grow, before and after each call.
    function _touch(uint256 which) internal returns (uint256 asset) {
        asset = which % ASSETS;
        touched = asset;
        uint256 sum = vaults[asset].finalRoot().sum;
        if (sum < finalSums[asset]) fell = true;
        finalSums[asset] = sum;
    }

    function _try(address target, bytes memory data) internal returns (bool done) {
        (done,) = target.call(data);
        _tally(done);
    }

    /// @dev As one struct: twelve values side by side are too many for builds without optimizer,
    /// by which coverage is measured.
    function _disputeOf(uint256 id) internal view returns (LeafDisputes.Dispute memory) {
        (bool ok, bytes memory data) =
            address(court).staticcall(abi.encodeCall(court.disputes, (id)));
        check(ok, "disputes can be read");
        return abi.decode(data, (LeafDisputes.Dispute));
    }

    /// @dev Up to three earlier parents, some of them twice removed: chains, diamonds and stars.
    function _asset(uint256 number) private {
        uint256 seed = uint256(keccak256(abi.encode("lineage", number)));
        uint256 count = number == 0 ? 0 : within(seed, 0, number < 3 ? number : 3);
        AssetRegistry.Parent[] memory parents = new AssetRegistry.Parent[](count);
        uint32 stack;
        uint256 parent = number;
        for (uint256 i = count; i > 0; --i) {
            parent = within(seed >> (8 * i), i - 1, parent - 1);
            uint32 royalty = uint32(within(seed >> (64 + 8 * i), 0, 4_000_000));
            parents[i - 1] = AssetRegistry.Parent(versions[parent], royalty);
            stack += royalty;
        }
        (, uint64 version) = _publish(OWNER, parents, 0);
        versions.push(version);
        vault = RevenueVault(factory.create(_terms(version, stack)));
        vaults.push(vault);
        termsHashes[number] = keccak256(abi.encode(vault.terms()));
        vm.prank(OWNER);
        registry.setPayee(version, address(vault));
        _bond(vault, ATTRIBUTOR, 10_000_000);
        for (uint32 i = 0; i < POSITIONS; ++i) {
            _finals[number][i] = _leaf(i, _account(i), 0);
            _pendings[number][i] = _finals[number][i];
        }
    }

    function _account(uint256 position) internal pure returns (address) {
        return vm.addr(FIRST_KEY + position);
    }

    function _keyOf(address account) internal pure returns (uint256 key) {
        for (key = FIRST_KEY; vm.addr(key) != account; ++key) {}
    }

    function _sum(Entitlement[POSITIONS] storage leaves) internal view returns (uint256 total) {
        for (uint256 i = 0; i < POSITIONS; ++i) {
            total += leaves[i].cumulative;
        }
    }

    function _openingOf(Entitlement[POSITIONS] storage leaves, uint32 position)
        internal
        view
        returns (Opening memory)
    {
        Entitlement[] memory list = new Entitlement[](POSITIONS);
        for (uint256 i = 0; i < POSITIONS; ++i) {
            list[i] = leaves[i];
        }
        return Opening(list[position], _proof(list, DEPTH, position));
    }
}
