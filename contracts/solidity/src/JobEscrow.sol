// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Credits} from "./Credits.sol";

/// @title Jobs between agents: money waits until an evaluator says that the work is done.
/// @notice ERC-8183's lifecycle without hooks: Open, Funded, Submitted, and then Completed, Rejected or
/// Expired. One token for all jobs, no fee, no owner. What a token refuses to pay out is credited to
/// its recipient (`withdraw`), so nobody's refusal keeps a job from ending.
///
/// Units: atomic units of the token; unix seconds.
///
/// Invariants (`test/JobEscrow.t.sol`, `test/JobEscrow.invariant.t.sol`):
///  1. The contract holds the budgets of funded and submitted jobs and its credits:
///     `invariant_holds_every_open_budget`.
///  2. A job's budget leaves once: to the provider when the evaluator completed it, else to the client:
///     `test_a_completed_job_pays_the_provider`, `test_a_rejected_job_refunds_the_client`.
///  3. States follow the standard's transitions, each by its role: `testFuzz_no_other_transition`.
///  4. The price funded is the price expected: `test_a_changed_budget_is_not_funded`.
///  5. Every funded job ends: after `expiredAt` anyone refunds it, whoever is silent:
///     `test_an_expired_job_is_refunded_by_anyone`.
contract JobEscrow is Credits {
    using SafeERC20 for IERC20;

    enum JobStatus {
        Open,
        Funded,
        Submitted,
        Completed,
        Rejected,
        Expired
    }

    struct Job {
        address client;
        address provider;
        address evaluator;
        address hook;
        uint256 budget;
        uint256 expiredAt;
        JobStatus status;
        bytes32 deliverable;
        string description;
    }

    IERC20 public immutable paymentToken;

    uint256 public jobCount;
    mapping(uint256 jobId => Job) private _jobs;

    event JobCreated(
        uint256 indexed jobId,
        address indexed client,
        address indexed provider,
        address evaluator,
        uint256 expiredAt
    );
    event ProviderSet(uint256 indexed jobId, address indexed provider);
    event BudgetSet(uint256 indexed jobId, uint256 amount);
    event JobFunded(uint256 indexed jobId, address indexed client, uint256 amount);
    event JobSubmitted(uint256 indexed jobId, address indexed provider, bytes32 deliverable);
    event JobCompleted(uint256 indexed jobId, address indexed evaluator, bytes32 reason);
    event JobRejected(uint256 indexed jobId, address indexed rejector, bytes32 reason);
    event JobExpired(uint256 indexed jobId);
    event PaymentReleased(uint256 indexed jobId, address indexed provider, uint256 amount);
    event Refunded(uint256 indexed jobId, address indexed client, uint256 amount);

    error HookNotSupported(address hook);
    error EvaluatorMissing();
    error ExpiryNotAhead(uint256 expiredAt);
    error NotRole(address caller, address needed);
    error WrongStatus(uint256 jobId, JobStatus status);
    error ProviderAlreadySet(address provider);
    error ProviderMissing();
    error BudgetMismatch(uint256 budget, uint256 expected);
    error NotExpired(uint256 expiredAt);

    constructor(address token) {
        paymentToken = IERC20(token);
    }

    /// @notice Creates a job as its client; its id is counted from 1.
    /// @param provider who does the work; 0 where the client names one later.
    /// @param hook must be 0: nothing here calls out around a step.
    function createJob(
        address provider,
        address evaluator,
        uint256 expiredAt,
        string calldata description,
        address hook
    ) external returns (uint256 jobId) {
        if (evaluator == address(0)) revert EvaluatorMissing();
        if (expiredAt <= block.timestamp) revert ExpiryNotAhead(expiredAt);
        if (hook != address(0)) revert HookNotSupported(hook);
        jobId = ++jobCount;
        Job storage job = _jobs[jobId];
        (job.client, job.provider, job.evaluator) = (msg.sender, provider, evaluator);
        (job.expiredAt, job.description) = (expiredAt, description);
        emit JobCreated(jobId, msg.sender, provider, evaluator, expiredAt);
    }

    /// @notice Names the provider of a job that was created without one.
    function setProvider(uint256 jobId, address provider, bytes calldata) external {
        Job storage job = _in(jobId, JobStatus.Open);
        _requireRole(job.client);
        if (job.provider != address(0)) revert ProviderAlreadySet(job.provider);
        if (provider == address(0)) revert ProviderMissing();
        job.provider = provider;
        emit ProviderSet(jobId, provider);
    }

    /// @notice Proposes a price, as client or provider.
    function setBudget(uint256 jobId, uint256 amount, bytes calldata) external {
        Job storage job = _in(jobId, JobStatus.Open);
        if (msg.sender != job.provider) _requireRole(job.client);
        job.budget = amount;
        emit BudgetSet(jobId, amount);
    }

    /// @notice Puts the budget into escrow, as the client.
    /// @param expectedBudget what the client means to pay: another price is refused.
    function fund(uint256 jobId, uint256 expectedBudget, bytes calldata) external nonReentrant {
        Job storage job = _in(jobId, JobStatus.Open);
        _requireRole(job.client);
        if (job.provider == address(0)) revert ProviderMissing();
        uint256 budget = job.budget;
        if (budget == 0 || budget != expectedBudget) revert BudgetMismatch(budget, expectedBudget);
        // Work that could be refunded at once is not started.
        if (block.timestamp >= job.expiredAt) revert ExpiryNotAhead(job.expiredAt);
        job.status = JobStatus.Funded;
        emit JobFunded(jobId, msg.sender, budget);
        paymentToken.safeTransferFrom(msg.sender, address(this), budget);
    }

    /// @notice Hands in the work, as the provider.
    /// @param deliverable hash or other reference of what was delivered.
    function submit(uint256 jobId, bytes32 deliverable, bytes calldata) external {
        Job storage job = _in(jobId, JobStatus.Funded);
        _requireRole(job.provider);
        (job.status, job.deliverable) = (JobStatus.Submitted, deliverable);
        emit JobSubmitted(jobId, msg.sender, deliverable);
    }

    /// @notice Accepts the work, as the evaluator: the provider is paid.
    function complete(uint256 jobId, bytes32 reason, bytes calldata) external nonReentrant {
        Job storage job = _in(jobId, JobStatus.Submitted);
        _requireRole(job.evaluator);
        job.status = JobStatus.Completed;
        emit JobCompleted(jobId, msg.sender, reason);
        emit PaymentReleased(jobId, job.provider, job.budget);
        _send(job.provider, job.budget);
    }

    /// @notice Ends a job without payment: as the client while it is open, later as the evaluator.
    function reject(uint256 jobId, bytes32 reason, bytes calldata) external nonReentrant {
        Job storage job = _jobs[jobId];
        JobStatus status = job.status;
        if (job.client == address(0) || status > JobStatus.Submitted) {
            revert WrongStatus(jobId, status);
        }
        _requireRole(status == JobStatus.Open ? job.client : job.evaluator);
        job.status = JobStatus.Rejected;
        emit JobRejected(jobId, msg.sender, reason);
        if (status != JobStatus.Open) _refund(jobId, job);
    }

    /// @notice Refunds a job that nobody ended in time; anyone may call.
    function claimRefund(uint256 jobId) external nonReentrant {
        Job storage job = _jobs[jobId];
        if (job.status != JobStatus.Funded && job.status != JobStatus.Submitted) {
            revert WrongStatus(jobId, job.status);
        }
        if (block.timestamp < job.expiredAt) revert NotExpired(job.expiredAt);
        job.status = JobStatus.Expired;
        emit JobExpired(jobId);
        _refund(jobId, job);
    }

    /// @notice A job; its client is 0 where there is none.
    function getJob(uint256 jobId) external view returns (Job memory) {
        return _jobs[jobId];
    }

    function _refund(uint256 jobId, Job storage job) private {
        emit Refunded(jobId, job.client, job.budget);
        _send(job.client, job.budget);
    }

    function _send(address to, uint256 amount) private {
        if (!paymentToken.trySafeTransfer(to, amount)) _credit(address(paymentToken), to, amount);
    }

    function _in(uint256 jobId, JobStatus needed) private view returns (Job storage job) {
        job = _jobs[jobId];
        if (job.client == address(0) || job.status != needed) {
            revert WrongStatus(jobId, job.status);
        }
    }

    function _requireRole(address needed) private view {
        if (msg.sender != needed) revert NotRole(msg.sender, needed);
    }
}
