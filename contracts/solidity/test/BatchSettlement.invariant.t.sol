// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {Channels} from "./Channels.sol";
import {vm} from "./Checks.sol";

/// @notice Drives five channels with every move of payer and receiver, sensible and not, and keeps
/// the books that the contract should keep.
contract ChannelHandler is Channels {
    uint256 public constant CHANNELS = 5;

    uint256 public deposited;
    uint256 public returned;
    uint256 public accepted;
    uint256 public refused;
    bool public fell;
    mapping(uint256 channel => uint128) private _lastClaimed;
    uint256 private _depositSalt;

    constructor() {
        _setUpChannels();
    }

    function deposit(uint256 channel, uint128 amount) external {
        amount = uint128(within(amount, 0, 1_000_000));
        BatchSettlement.ChannelConfig memory config = _channel(channel);
        bytes memory data = _collectorData(settlement.getChannelId(config), amount, ++_depositSalt);
        try settlement.deposit(config, amount, address(collector), data) {
            deposited += amount;
            ++accepted;
        } catch {
            ++refused;
        }
    }

    function claim(uint256 channel, uint128 ceiling, uint128 claimed) external {
        ceiling = uint128(within(ceiling, 0, 800_000));
        claimed = uint128(within(claimed, 0, ceiling + ceiling / 16));
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](2);
        rows[0] = _row(_channel(channel), ceiling, claimed);
        rows[1] = _row(_channel(channel % CHANNELS + 1), ceiling, claimed / 2);
        vm.prank(RECEIVER);
        try settlement.claim(rows) {
            ++accepted;
        } catch {
            ++refused;
        }
        _watch();
    }

    function settle(bool ofStranger) external {
        settlement.settle(ofStranger ? address(this) : RECEIVER, address(token));
        ++accepted;
    }

    function refund(uint256 channel, uint128 amount) external {
        uint256 before = token.balanceOf(payer);
        vm.prank(RECEIVER);
        try settlement.refund(_channel(channel), uint128(within(amount, 0, 2_000_000))) {
            returned += token.balanceOf(payer) - before;
            ++accepted;
        } catch {
            ++refused;
        }
    }

    function initiateWithdraw(uint256 channel, uint128 amount) external {
        vm.prank(payer);
        try settlement.initiateWithdraw(_channel(channel), uint128(within(amount, 0, 1_000_000))) {
            ++accepted;
        } catch {
            ++refused;
        }
    }

    function finalizeWithdraw(uint256 channel, uint256 wait) external {
        vm.warp(block.timestamp + within(wait, 0, 2_000));
        uint256 before = token.balanceOf(payer);
        vm.prank(payer);
        try settlement.finalizeWithdraw(_channel(channel)) {
            returned += token.balanceOf(payer) - before;
            ++accepted;
        } catch {
            ++refused;
        }
    }

    /// @notice Sums over all channels and the receiver's books.
    function books()
        external
        view
        returns (uint256 balances, uint256 claims, uint256 total, uint256 settled, uint256 held)
    {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            (uint128 balance, uint128 claimed) =
                settlement.channels(settlement.getChannelId(_channel(i)));
            checkAtMost(claimed, balance, "claimed within balance");
            balances += balance;
            claims += claimed;
        }
        (total, settled) = settlement.receivers(RECEIVER, address(token));
        held = token.balanceOf(address(settlement));
    }

    function received() external view returns (uint256) {
        return token.balanceOf(RECEIVER);
    }

    function _watch() private {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            (, uint128 claimed) = settlement.channels(settlement.getChannelId(_channel(i)));
            if (claimed < _lastClaimed[i]) fell = true;
            _lastClaimed[i] = claimed;
        }
    }

    function _channel(uint256 index) private view returns (BatchSettlement.ChannelConfig memory) {
        return _config(bytes32(index % CHANNELS));
    }
}

contract BatchSettlementInvariantTest is Channels {
    ChannelHandler private handler;

    function setUp() public {
        handler = new ChannelHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @notice One campaign for both: forge would play the same calls again for each.
    function invariant_channels_keep_their_books() public view {
        invariant_claims_stay_within_balances();
        invariant_tokens_are_conserved();
    }

    function invariant_claims_stay_within_balances() internal view {
        (, uint256 claims, uint256 total, uint256 settled,) = handler.books();
        check(!handler.fell(), "claims never fall");
        checkEq(claims, total, "the receiver's claims are the channels'");
        checkAtMost(settled, total, "settled within claimed");
        checkEq(settled, handler.received(), "settled is received");
    }

    function invariant_tokens_are_conserved() internal view {
        (uint256 balances,,, uint256 settled, uint256 held) = handler.books();
        checkEq(held, balances - settled, "held");
        checkEq(balances, handler.deposited() - handler.returned(), "balances");
    }

    /// @notice A run in which nearly nothing was accepted, or nothing refused, proves nothing.
    function afterInvariant() public view {
        checkAtMost(8, handler.accepted(), "enough calls were accepted");
        checkAtMost(3, handler.refused(), "enough calls were refused");
    }
}
