// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Fault} from "../src/Fault.sol";
import {Opening} from "../src/Openings.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {ClaimOrder} from "../src/SignedClaims.sol";
import {Entitlement} from "../src/SumTree.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {MoodyToken} from "./Economy.sol";
import {Relays} from "./Relays.sol";
import {vm} from "./Checks.sol";

/// @title What each role tries beyond its rights: a handler a role, and every try has to be refused.
/// @notice Roots that lie, votes by whim, false disputes and refused recipients are in `Economy`: those
/// are within somebody's rights, and the books have to survive them. Orders that nobody signed are in
/// `Relays`.
contract Liars is Relays {
    /// @notice The owner replaces the payee, takes a contributor's part, judges and posts.
    function cheatAsOwner(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        address owner = registry.ownerOfVersion(versions[asset]);
        address other = address(vaults[(asset + 1) % ASSETS]);
        what = what % 4;
        vm.startPrank(owner);
        if (what == 0) {
            _refused(address(registry), abi.encodeCall(registry.setPayee, (versions[asset], other)));
        }
        if (what == 1) _claimAs(asset, position, owner);
        if (what == 2) _refused(address(vaults[asset]), abi.encodeCall(vault.cancelRoot, ()));
        if (what == 3) _commitAs(asset);
        vm.stopPrank();
    }

    /// @notice The host calls itself a parent, has the vault sign, takes a part and posts.
    function cheatAsHost(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        what = what % 4;
        vm.startPrank(HOST);
        if (what == 0) _refused(address(vaults[asset]), abi.encodeCall(vault.payParent, (0)));
        if (what == 1) _claimAs(asset, position, HOST);
        if (what == 2) _commitAs(asset);
        if (what == 3) {
            bytes32 transfer = keccak256(abi.encode("send everything to the host", which));
            (bool answered, bytes memory said) = address(vaults[asset])
                .staticcall(
                    abi.encodeCall(vault.isValidSignature, (transfer, abi.encode(transfer)))
                );
            bool agreed = answered && abi.decode(said, (bytes4)) == vault.isValidSignature.selector;
            check(!agreed, "a vault signed for its host");
            _tally(false);
        }
        vm.stopPrank();
    }

    /// @notice A buyer wants its money back, or somebody's part of it.
    function cheatAsBuyer(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        RevenueVault from = vaults[asset];
        what = what % 3;
        vm.startPrank(STRANGER);
        if (what == 0) {
            uint256 all = token.balanceOf(address(from)) + 1;
            _refused(
                address(token), abi.encodeCall(IERC20.transferFrom, (address(from), STRANGER, all))
            );
        }
        if (what == 1) _claimAs(asset, position, STRANGER);
        if (what == 2) {
            vault = from;
            Opening memory opening = _openingOf(_finals[asset], uint32(position % POSITIONS));
            ClaimOrder memory order = ClaimOrder(STRANGER, 0, type(uint40).max);
            bytes memory forged = new bytes(65);
            _refused(
                address(from),
                abi.encodeCall(vault.claimSigned, (opening.leaf, opening.proof, order, forged))
            );
        }
        vm.stopPrank();
    }

    /// @notice The attributor allocates what never came in, takes back, shrinks the tree, and wants its
    /// bond while a root of it is pending.
    function cheatAsAttributor(uint256 which, uint256 what) external {
        uint256 asset = _touch(which);
        RevenueVault of_ = vaults[asset];
        of_.sync();
        uint64 epoch = of_.currentEpoch();
        uint128 least = of_.finalRoot().sum;
        what = what % 4;
        vm.startPrank(ATTRIBUTOR);
        if (what == 0) _postAs(of_, epoch, uint128(of_.totalIn() + of_.voidedTotal() + 1), DEPTH);
        if (what == 1 && least > 0 && of_.voidedTotal() == 0) {
            _postAs(of_, epoch, least - 1, DEPTH);
        }
        if (what == 2 && least > 0) _postAs(of_, epoch, least, DEPTH - 1);
        if (what == 3) _refused(address(court), abi.encodeCall(court.returnBond, (of_)));
        vm.stopPrank();
    }

    /// @notice An arbiter rules over what is not before it, twice, or with its own hands.
    function cheatAsArbiter(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        what = what % 3;
        vm.startPrank(ARBITER_ONE);
        if (what == 0) {
            _refused(address(vaults[asset]), abi.encodeCall(vault.release, (position, 1)));
        }
        if (what == 1) {
            _refused(
                address(court),
                abi.encodeCall(court.convict, (vaults[asset], ARBITER_ONE, Fault.Malformed, 0))
            );
        }
        if (what == 2 && _open.length > 0) {
            uint256 id = _open[which % _open.length].id;
            // The first vote may be heard; the second one never is.
            (bool heard,) = address(court).call(abi.encodeCall(court.vote, (id, true, 0)));
            if (heard) _refused(address(court), abi.encodeCall(court.vote, (id, false, 0)));
        }
        vm.stopPrank();
    }

    /// @notice A challenger proves what never was: another past, another asset's past, no fault at all.
    function cheatAsChallenger(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        position = uint32(position % POSITIONS);
        vault = vaults[asset];
        Opening memory was = _openingOf(_finals[asset], position);
        Opening memory is_ = _openingOf(_pendings[asset], position);
        what = what % 3;
        if (what == 0) was.leaf.cumulative += 1_000_000;
        if (what == 1) is_.leaf.cumulative = 0;
        if (what == 2) is_.leaf.account = STRANGER;
        vm.prank(CHALLENGER);
        _refused(address(faults), abi.encodeCall(faults.proveRegression, (vault, was, is_)));
    }

    /// @notice The token calls back into the vault that it is just being moved from.
    function cheatAsToken(uint256 which, uint256 what, uint256 paying, uint32 position) external {
        uint256 asset = _touch(which);
        vault = vaults[asset];
        Opening memory opening = _openingOf(_finals[asset], uint32(position % POSITIONS));
        bytes[5] memory calls = [
            abi.encodeCall(vault.payHost, ()),
            abi.encodeCall(vault.payPlatform, ()),
            abi.encodeCall(vault.payOwner, (OWNER)),
            abi.encodeCall(vault.claim, (opening.leaf, opening.proof)),
            abi.encodeCall(vault.sync, ())
        ];
        MoodyToken moody = MoodyToken(address(token));
        moody.callBack(address(vault), calls[what % 5]);
        // Payments to nobody move nothing, and call nobody back.
        _try(address(vault), calls[paying % 3]);
        moody.callBack(address(0), "");
        check(moody.reentered() == 0, "a vault was entered twice");
    }

    /// @notice A stranger tries the court's and the parents' calls, and a root before it is final.
    function trespass(uint256 which, uint256 what, uint32 position) external {
        uint256 asset = _touch(which);
        what = what % 4;
        address target = address(vaults[asset]);
        vm.startPrank(STRANGER);
        if (what == 0) _refused(target, abi.encodeCall(vault.cancelRoot, ()));
        if (what == 1) _refused(target, abi.encodeCall(vault.hold, (position, 0)));
        if (what == 2) _refused(target, abi.encodeCall(vault.payParent, (0)));
        if (what == 3) _claimPending(asset, uint32(position % POSITIONS));
        vm.stopPrank();
    }

    /// @dev A pending root pays nothing, unless it is the final one again.
    function _claimPending(uint256 asset, uint32 position) private {
        vault = vaults[asset];
        if (vault.pendingRoot().postedAt == 0) return;
        if (vault.pendingRoot().hash == vault.finalRoot().hash) return;
        Opening memory opening = _openingOf(_pendings[asset], position);
        _refused(address(vault), abi.encodeCall(vault.claim, (opening.leaf, opening.proof)));
    }

    function _claimAs(uint256 asset, uint32 position, address thief) private {
        vault = vaults[asset];
        Opening memory opening = _openingOf(_finals[asset], uint32(position % POSITIONS));
        opening.leaf.account = thief;
        _refused(address(vault), abi.encodeCall(vault.claim, (opening.leaf, opening.proof)));
    }

    function _commitAs(uint256 asset) private {
        uint64 epoch = vaults[asset].currentEpoch();
        _refused(
            address(vaults[asset]),
            abi.encodeCall(
                vault.commitEpoch, (epoch, keccak256("own receipts"), uint64(block.number - 1))
            )
        );
    }

    function _postAs(RevenueVault of_, uint64 epoch, uint128 sum, uint8 depth) private {
        _refused(
            address(of_),
            abi.encodeCall(vault.postRoot, (epoch, keccak256("lie"), sum, depth, 0, unattested))
        );
    }

    /// @dev As whoever is pranked; a single prank is used up by it.
    function _refused(address target, bytes memory data) private {
        check(!_try(target, data), "a liar was let in");
    }
}
