// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {JobEscrow} from "../src/JobEscrow.sol";
import {MoodyToken} from "./Economy.sol";
import {Checks, vm} from "./Checks.sol";

/// @notice Clients, providers, evaluators, time, and a token that refuses whom it pleases.
contract JobHandler is Checks {
    address private constant CLIENT = address(0xC11E);
    address private constant PROVIDER = address(0xBEEF);
    address private constant EVALUATOR = address(0xE7A1);

    MoodyToken public token;
    JobEscrow public escrow;
    uint256 public accepted;
    uint256 public refused;

    constructor() {
        vm.warp(1_000_000);
        token = new MoodyToken();
        escrow = new JobEscrow(address(token));
        token.mint(CLIENT, type(uint128).max);
        vm.prank(CLIENT);
        token.approve(address(escrow), type(uint256).max);
        // So that no run begins with nothing to submit, end or refund.
        for (uint64 i = 1; i <= 3; ++i) {
            _open(i * 1_000, true);
        }
    }

    function open(uint64 budget, bool funded) external {
        _open(budget, funded);
        ++accepted;
    }

    function submit(uint256 which) external {
        _try(PROVIDER, abi.encodeCall(escrow.submit, (_any(which), 0, "")));
    }

    function end(uint256 which, bool good) external {
        uint256 id = _any(which);
        bytes memory call = good
            ? abi.encodeCall(escrow.complete, (id, 0, ""))
            : abi.encodeCall(escrow.reject, (id, 0, ""));
        _try(EVALUATOR, call);
    }

    function refund(uint256 which, bool later) external {
        if (later) vm.warp(block.timestamp + 60);
        _try(address(this), abi.encodeCall(escrow.claimRefund, (_any(which))));
    }

    function refuse(uint256 who) external {
        token.refuse([address(0), PROVIDER, CLIENT][who % 3]);
    }

    function withdraw(bool provider) external {
        _try(provider ? PROVIDER : CLIENT, abi.encodeCall(escrow.withdraw, (token)));
    }

    function books() external view returns (uint256 held, uint256 owed) {
        held = token.balanceOf(address(escrow));
        for (uint256 id = 1; id <= escrow.jobCount(); ++id) {
            JobEscrow.Job memory job = escrow.getJob(id);
            bool holds = job.status == JobEscrow.JobStatus.Funded
                || job.status == JobEscrow.JobStatus.Submitted;
            if (holds) owed += job.budget;
        }
        owed += escrow.credits(address(token), PROVIDER) + escrow.credits(address(token), CLIENT);
    }

    function _open(uint64 budget, bool funded) private {
        vm.startPrank(CLIENT);
        uint256 id = escrow.createJob(PROVIDER, EVALUATOR, block.timestamp + 100, "", address(0));
        escrow.setBudget(id, uint256(budget) + 1, "");
        if (funded) escrow.fund(id, uint256(budget) + 1, "");
        vm.stopPrank();
    }

    function _any(uint256 which) private view returns (uint256) {
        return within(which, 1, escrow.jobCount());
    }

    function _try(address who, bytes memory call) private {
        vm.prank(who);
        (bool ok,) = address(escrow).call(call);
        if (ok) ++accepted;
        else ++refused;
    }
}

contract JobEscrowInvariants is Checks {
    JobHandler internal handler;

    function setUp() public {
        handler = new JobHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// forge-config: nightly.invariant.depth = 64
    function invariant_holds_every_open_budget() public view {
        (uint256 held, uint256 owed) = handler.books();
        checkEq(held, owed, "open budgets and credits");
    }

    /// @notice A run in which nearly nothing was accepted, or nothing refused, proves nothing.
    function afterInvariant() external view {
        checkAtMost(2, handler.accepted(), "enough calls were accepted");
        checkAtMost(1, handler.refused(), "enough calls were refused");
    }
}
