// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ExactPermit2Proxy} from "../src/ExactPermit2Proxy.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {UptoPermit2Proxy} from "../src/UptoPermit2Proxy.sol";
import {vm} from "./Checks.sol";
import {Permits} from "./Permits.sol";

/// @notice Settles by both proxies over few nonces and cancels some, sensibly and not, and keeps
/// what each nonce has moved.
contract PermitHandler is Permits {
    uint256 public constant NONCES = 6;
    uint256 public constant CEILING = 1_000;

    uint256 public accepted;
    uint256 public refused;
    mapping(uint256 nonce => uint256) public moved;
    mapping(uint256 nonce => uint256) public uses;

    constructor() {
        _setUpPermits();
        _approvePermit2();
    }

    function settleExact(uint256 nonce, uint256 amount, bool tampered) external {
        nonce = nonce % NONCES;
        amount = within(amount, 0, CEILING);
        ExactPermit2Proxy.Witness memory witness = ExactPermit2Proxy.Witness(PAYEE, 0);
        IPermit2.PermitTransferFrom memory permit = _permit(amount, nonce);
        bytes memory signature = _signExact(permit, witness);
        if (tampered) witness.to = address(this);
        try exact.settle(permit, payer, witness, signature) {
            _moved(nonce, amount);
        } catch {
            ++refused;
        }
    }

    function settleUpto(uint256 nonce, uint256 asked, bool stranger) external {
        nonce = nonce % NONCES;
        asked = within(asked, 0, CEILING + CEILING / 8);
        UptoPermit2Proxy.Witness memory witness =
            UptoPermit2Proxy.Witness(PAYEE, stranger ? PAYEE : address(this), 0);
        IPermit2.PermitTransferFrom memory permit = _permit(CEILING, nonce);
        bytes memory signature = _signUpto(permit, witness);
        try upto.settle(permit, asked, payer, witness, signature) {
            _moved(nonce, asked);
        } catch {
            ++refused;
        }
    }

    function cancel(uint256 nonce) external {
        // One in eight, or there would soon be no nonce left to settle.
        if (nonce % 8 != 0) return;
        vm.prank(payer);
        permit2.invalidateUnorderedNonces(0, 1 << (nonce % NONCES));
        ++accepted;
    }

    function total() external view returns (uint256 sum, uint256 received, uint256 between) {
        for (uint256 i = 0; i < NONCES; ++i) {
            checkAtMost(uses[i], 1, "a nonce works once");
            checkAtMost(moved[i], CEILING, "within the ceiling");
            sum += moved[i];
        }
        received = token.balanceOf(PAYEE);
        checkEq(token.balanceOf(payer), FUNDS - received, "the payer paid the payee only");
        between = token.balanceOf(address(permit2)) + token.balanceOf(address(exact))
            + token.balanceOf(address(upto)) + token.balanceOf(address(this));
    }

    function _moved(uint256 nonce, uint256 amount) private {
        moved[nonce] += amount;
        ++uses[nonce];
        ++accepted;
    }
}

contract Permit2InvariantTest is Permits {
    PermitHandler private handler;

    function setUp() public {
        handler = new PermitHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @notice One campaign for both: forge would play the same calls again for each.
    /// forge-config: nightly.invariant.depth = 64
    function invariant_permits_move_what_was_signed() public view {
        invariant_each_nonce_moved_at_most_its_ceiling();
        invariant_nothing_stays_between();
    }

    function invariant_each_nonce_moved_at_most_its_ceiling() internal view {
        (uint256 sum, uint256 received,) = handler.total();
        checkEq(sum, received, "what was settled is what arrived");
    }

    function invariant_nothing_stays_between() internal view {
        (,, uint256 between) = handler.total();
        checkEq(between, 0, "nothing stays");
    }

    /// @notice A run in which nearly nothing was accepted, or nothing refused, proves nothing.
    function afterInvariant() public view {
        checkAtMost(2, handler.accepted(), "enough calls were accepted");
        checkAtMost(4, handler.refused(), "enough calls were refused");
    }
}
