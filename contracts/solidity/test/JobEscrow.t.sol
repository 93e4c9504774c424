// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Credits} from "../src/Credits.sol";
import {JobEscrow} from "../src/JobEscrow.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {MoodyToken} from "./Economy.sol";
import {Checks, vm} from "./Checks.sol";

contract JobEscrowTest is Checks {
    address private constant CLIENT = address(0xC11E);
    address private constant PROVIDER = address(0xBEEF);
    address private constant EVALUATOR = address(0xE7A1);
    uint256 private constant BUDGET = 5_000_000;

    SettlementToken private token;
    JobEscrow private escrow;
    uint256 private jobId;

    function setUp() public {
        vm.warp(1_000_000);
        token = new SettlementToken(address(this));
        escrow = new JobEscrow(address(token));
        token.mint(CLIENT, 10 * BUDGET);
        vm.prank(CLIENT);
        token.approve(address(escrow), type(uint256).max);
        jobId = _create(PROVIDER);
    }

    function test_a_job_needs_an_evaluator_a_future_and_no_hook() public {
        vm.startPrank(CLIENT);
        vm.expectRevert(JobEscrow.EvaluatorMissing.selector);
        escrow.createJob(PROVIDER, address(0), block.timestamp + 1, "", address(0));
        vm.expectPartialRevert(JobEscrow.ExpiryNotAhead.selector);
        escrow.createJob(PROVIDER, EVALUATOR, block.timestamp, "", address(0));
        vm.expectPartialRevert(JobEscrow.HookNotSupported.selector);
        escrow.createJob(PROVIDER, EVALUATOR, block.timestamp + 1, "", address(1));
        vm.stopPrank();
        JobEscrow.Job memory job = escrow.getJob(jobId);
        checkEq(job.client, CLIENT, "client");
        checkEq(keccak256(bytes(job.description)), keccak256("translate"), "description");
        checkEq(escrow.getJob(99).client, address(0), "no such job");
    }

    function test_the_client_names_a_provider_once() public {
        vm.startPrank(CLIENT);
        vm.expectPartialRevert(JobEscrow.ProviderAlreadySet.selector);
        escrow.setProvider(jobId, EVALUATOR, "");
        vm.stopPrank();
        uint256 open = _create(address(0));
        vm.expectPartialRevert(JobEscrow.NotRole.selector);
        escrow.setProvider(open, PROVIDER, "");
        vm.startPrank(CLIENT);
        escrow.setBudget(open, BUDGET, "");
        vm.expectRevert(JobEscrow.ProviderMissing.selector);
        escrow.fund(open, BUDGET, "");
        vm.expectRevert(JobEscrow.ProviderMissing.selector);
        escrow.setProvider(open, address(0), "");
        escrow.setProvider(open, PROVIDER, "");
        escrow.fund(open, BUDGET, "");
        vm.stopPrank();
    }

    function test_a_changed_budget_is_not_funded() public {
        vm.prank(CLIENT);
        escrow.setBudget(jobId, BUDGET, "");
        vm.prank(PROVIDER);
        escrow.setBudget(jobId, 2 * BUDGET, "");
        vm.expectPartialRevert(JobEscrow.NotRole.selector);
        escrow.setBudget(jobId, 1, "");
        vm.startPrank(CLIENT);
        vm.expectPartialRevert(JobEscrow.BudgetMismatch.selector);
        escrow.fund(jobId, BUDGET, "");
        escrow.setBudget(jobId, 0, "");
        vm.expectPartialRevert(JobEscrow.BudgetMismatch.selector);
        escrow.fund(jobId, 0, "");
        vm.stopPrank();
    }

    function test_an_expired_job_is_not_funded() public {
        vm.startPrank(CLIENT);
        escrow.setBudget(jobId, BUDGET, "");
        vm.warp(block.timestamp + 1 days);
        vm.expectPartialRevert(JobEscrow.ExpiryNotAhead.selector);
        escrow.fund(jobId, BUDGET, "");
        vm.stopPrank();
    }

    function test_a_completed_job_pays_the_provider() public {
        _fund();
        _submit();
        vm.prank(EVALUATOR);
        escrow.complete(jobId, keccak256("good"), "");
        checkEq(token.balanceOf(PROVIDER), BUDGET, "paid");
        checkEq(token.balanceOf(address(escrow)), 0, "nothing left");
        checkEq(escrow.getJob(jobId).deliverable, keccak256("work"), "deliverable");
        vm.warp(block.timestamp + 2 days);
        vm.expectPartialRevert(JobEscrow.WrongStatus.selector);
        escrow.claimRefund(jobId);
    }

    function test_a_rejected_job_refunds_the_client() public {
        _fund();
        vm.prank(CLIENT);
        vm.expectPartialRevert(JobEscrow.NotRole.selector);
        escrow.reject(jobId, 0, "");
        _submit();
        vm.prank(EVALUATOR);
        escrow.reject(jobId, keccak256("bad"), "");
        checkEq(token.balanceOf(CLIENT), 10 * BUDGET, "refunded");
        uint256 open = _create(PROVIDER);
        vm.prank(EVALUATOR);
        vm.expectPartialRevert(JobEscrow.NotRole.selector);
        escrow.reject(open, 0, "");
        vm.prank(CLIENT);
        escrow.reject(open, 0, "");
        checkEq(token.balanceOf(CLIENT), 10 * BUDGET, "nothing was paid in");
    }

    function test_an_expired_job_is_refunded_by_anyone() public {
        vm.expectPartialRevert(JobEscrow.WrongStatus.selector);
        escrow.claimRefund(jobId);
        _fund();
        vm.expectPartialRevert(JobEscrow.NotExpired.selector);
        escrow.claimRefund(jobId);
        _submit();
        vm.warp(block.timestamp + 1 days);
        escrow.claimRefund(jobId);
        checkEq(token.balanceOf(CLIENT), 10 * BUDGET, "refunded");
        check(escrow.getJob(jobId).status == JobEscrow.JobStatus.Expired, "expired");
    }

    function test_a_recipient_that_the_token_refuses_ends_no_job() public {
        MoodyToken moody = new MoodyToken();
        escrow = new JobEscrow(address(moody));
        moody.mint(CLIENT, BUDGET);
        vm.prank(CLIENT);
        moody.approve(address(escrow), BUDGET);
        jobId = _create(PROVIDER);
        _fund();
        _submit();
        moody.refuse(PROVIDER);
        vm.prank(EVALUATOR);
        escrow.complete(jobId, 0, "");
        checkEq(escrow.credits(address(moody), PROVIDER), BUDGET, "credited");
        moody.refuse(address(0));
        vm.prank(PROVIDER);
        escrow.withdraw(moody);
        checkEq(moody.balanceOf(PROVIDER), BUDGET, "and withdrawn");
        vm.prank(PROVIDER);
        vm.expectRevert(Credits.NothingToWithdraw.selector);
        escrow.withdraw(moody);
    }

    /// @dev Any sequence of attempts by anyone: a state changes only as the standard says.
    function testFuzz_no_other_transition(uint8[12] memory actions, uint8[12] memory actors)
        public
    {
        vm.prank(CLIENT);
        escrow.setBudget(jobId, BUDGET, "");
        address[4] memory who = [CLIENT, PROVIDER, EVALUATOR, address(0x5712)];
        for (uint256 i = 0; i < actions.length; ++i) {
            uint8 before = uint8(escrow.getJob(jobId).status);
            uint256 action = actions[i] % 6;
            address actor = who[actors[i] % 4];
            if (action == 5) vm.warp(block.timestamp + 9 hours);
            vm.prank(actor);
            (bool ok,) = address(escrow).call(_attempt(action));
            uint8 reached = uint8(escrow.getJob(jobId).status);
            uint8 expected = _expected(before, action, actor);
            checkEq(reached, expected, "status");
            checkEq(ok ? 1 : 0, expected != before ? 1 : 0, "refused or moved");
        }
        JobEscrow.JobStatus last = escrow.getJob(jobId).status;
        bool holds = last == JobEscrow.JobStatus.Funded || last == JobEscrow.JobStatus.Submitted;
        checkEq(token.balanceOf(address(escrow)), holds ? BUDGET : 0, "escrow");
    }

    function _attempt(uint256 action) private view returns (bytes memory) {
        if (action == 0) return abi.encodeCall(escrow.fund, (jobId, BUDGET, ""));
        if (action == 1) return abi.encodeCall(escrow.submit, (jobId, 0, ""));
        if (action == 2) return abi.encodeCall(escrow.complete, (jobId, 0, ""));
        if (action == 3) return abi.encodeCall(escrow.reject, (jobId, 0, ""));
        return abi.encodeCall(escrow.claimRefund, (jobId));
    }

    /// @dev Open 0, Funded 1, Submitted 2, Completed 3, Rejected 4, Expired 5.
    function _expected(uint8 status, uint256 action, address actor) private view returns (uint8) {
        bool late = block.timestamp >= 1_000_000 + 1 days;
        if (action == 0 && status == 0 && actor == CLIENT && !late) return 1;
        if (action == 1 && status == 1 && actor == PROVIDER) return 2;
        if (action == 2 && status == 2 && actor == EVALUATOR) return 3;
        if (action == 3 && status == 0 && actor == CLIENT) return 4;
        if (action == 3 && (status == 1 || status == 2) && actor == EVALUATOR) return 4;
        if (action >= 4 && (status == 1 || status == 2) && late) return 5;
        return status;
    }

    function _create(address provider) private returns (uint256) {
        vm.prank(CLIENT);
        return
            escrow.createJob(provider, EVALUATOR, block.timestamp + 1 days, "translate", address(0));
    }

    function _fund() private {
        vm.startPrank(CLIENT);
        escrow.setBudget(jobId, BUDGET, "");
        escrow.fund(jobId, BUDGET, "");
        vm.stopPrank();
    }

    function _submit() private {
        vm.prank(PROVIDER);
        escrow.submit(jobId, keccak256("work"), "");
    }
}
