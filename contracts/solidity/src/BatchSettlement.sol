// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IDepositCollector} from "./IDepositCollector.sol";

/// @title Unidirectional payment channels behind x402's `batch-settlement` scheme.
/// @notice A payer deposits once, signs cumulative vouchers off chain, and the receiver claims many
/// channels in one transaction; a later sweep moves what was claimed. Written from the scheme's
/// public interface; on public networks the canonical deployment is used.
///
/// Units: atomic units of the channel's token; seconds. A channel's `balance` counts everything
/// deposited and not returned, claimed part included: `balance - totalClaimed` is still the payer's.
///
/// Invariants (`test/BatchSettlement.t.sol`, money ones also `test/BatchSettlement.invariant.t.sol`):
///  1. totalClaimed <= balance in every channel, and totalClaimed never falls:
///     `invariant_claims_stay_within_balances`.
///  2. tokens held = sum of balances - sum of settled: `invariant_tokens_are_conserved`.
///  3. Per receiver and token, totalSettled <= totalClaimed: `invariant_claims_stay_within_balances`.
///  4. A claim never exceeds what the payer signed: `test_a_claim_above_the_voucher_is_refused`.
///  5. Only receiver or receiverAuthorizer claim and refund; only payer or payerAuthorizer
///     withdraw: `test_strangers_are_refused`.
///  6. A withdrawal waits its delay and takes unclaimed units only:
///     `test_a_withdrawal_waits_and_leaves_claims`.
///  7. A refund signature works for one nonce: `test_a_refund_signature_works_once`.
///  8. A collector credits exactly what arrived: `test_a_collector_that_brings_less_is_refused`,
///     `test_a_reentrant_collector_is_refused`.
contract BatchSettlement is EIP712, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct ChannelConfig {
        address payer;
        address payerAuthorizer;
        address receiver;
        address receiverAuthorizer;
        address token;
        uint40 withdrawDelay;
        bytes32 salt;
    }

    struct Voucher {
        ChannelConfig channel;
        uint128 maxClaimableAmount;
    }

    struct VoucherClaim {
        Voucher voucher;
        bytes signature;
        uint128 totalClaimed;
    }

    struct ChannelState {
        uint128 balance;
        uint128 totalClaimed;
    }

    struct WithdrawalState {
        uint128 amount;
        uint40 initiatedAt;
    }

    struct ReceiverState {
        uint128 totalClaimed;
        uint128 totalSettled;
    }

    bytes32 public constant CHANNEL_CONFIG_TYPEHASH = keccak256(
        "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
    );
    bytes32 public constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
    bytes32 public constant REFUND_TYPEHASH =
        keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
    bytes32 public constant CLAIM_ENTRY_TYPEHASH =
        keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    bytes32 public constant CLAIM_BATCH_TYPEHASH = keccak256(
        "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
    );
    uint40 public constant MIN_WITHDRAW_DELAY = 15 minutes;
    uint40 public constant MAX_WITHDRAW_DELAY = 30 days;

    mapping(bytes32 channelId => ChannelState) public channels;
    mapping(bytes32 channelId => WithdrawalState) public pendingWithdrawals;
    mapping(address receiver => mapping(address token => ReceiverState)) public receivers;
    mapping(bytes32 channelId => uint256) public refundNonce;

    event ChannelCreated(bytes32 indexed channelId, ChannelConfig config);
    event ChannelClosed(bytes32 indexed channelId, ChannelConfig config);
    event Deposited(
        bytes32 indexed channelId, address indexed sender, uint128 amount, uint128 newBalance
    );
    event Claimed(
        bytes32 indexed channelId,
        address indexed sender,
        uint128 claimAmount,
        uint128 newTotalClaimed
    );
    event Settled(
        address indexed receiver, address indexed token, address indexed sender, uint128 amount
    );
    event Refunded(bytes32 indexed channelId, address indexed sender, uint128 amount);
    event WithdrawInitiated(bytes32 indexed channelId, uint128 amount, uint40 finalizeAfter);
    event WithdrawFinalized(bytes32 indexed channelId, address indexed sender, uint128 amount);

    error InvalidChannel();
    error WithdrawDelayOutOfRange();
    error ZeroDeposit();
    error DepositOverflow();
    error InvalidCollector();
    error DepositCollectionFailed();
    error EmptyBatch();
    error InvalidSignature();
    error NotReceiverAuthorizer();
    error NotAuthorizedToClaim();
    error ClaimExceedsCeiling();
    error ClaimExceedsBalance();
    error NotAuthorizedToRefund();
    error ZeroRefund();
    error InvalidRefundNonce();
    error NotAuthorizedToInitiateWithdraw();
    error NotAuthorizedToFinalizeWithdraw();
    error WithdrawalAlreadyPending();
    error WithdrawalNotPending();
    error WithdrawDelayNotElapsed();
    error WithdrawAmountExceedsAvailable();
    error NothingToWithdraw();

    constructor() EIP712("x402 Batch Settlement", "1") {}

    /// @notice Adds `amount` to a channel, creating it on the first deposit.
    /// @param collector brings the tokens; it is not trusted, the balance is compared afterwards.
    function deposit(
        ChannelConfig calldata config,
        uint128 amount,
        address collector,
        bytes calldata collectorData
    ) external nonReentrant {
        _requireValid(config);
        if (amount == 0) revert ZeroDeposit();
        if (collector == address(0)) revert InvalidCollector();
        bytes32 channelId = getChannelId(config);
        ChannelState memory channel = channels[channelId];
        if (amount > type(uint128).max - channel.balance) revert DepositOverflow();

        if (channel.balance == 0 && channel.totalClaimed == 0) {
            emit ChannelCreated(channelId, config);
        }
        channel.balance += amount;
        channels[channelId].balance = channel.balance;
        emit Deposited(channelId, msg.sender, amount, channel.balance);

        // The books are written first: whatever the collector calls sees this deposit, and every
        // function that moves money is closed by the guard until the arrival has been checked.
        uint256 before = IERC20(config.token).balanceOf(address(this));
        IDepositCollector(collector)
            .collect(config.payer, config.token, amount, channelId, collectorData);
        if (IERC20(config.token).balanceOf(address(this)) != before + amount) {
            revert DepositCollectionFailed();
        }
    }

    /// @notice Books vouchers, as receiver or receiverAuthorizer of every row; moves no tokens.
    function claim(VoucherClaim[] calldata voucherClaims) external nonReentrant {
        if (voucherClaims.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < voucherClaims.length; ++i) {
            if (!_isReceiverSide(voucherClaims[i].voucher.channel)) revert NotAuthorizedToClaim();
            _claim(voucherClaims[i], getChannelId(voucherClaims[i].voucher.channel));
        }
    }

    /// @notice Books vouchers under one signature of the receiverAuthorizer that all rows share.
    function claimWithSignature(
        VoucherClaim[] calldata voucherClaims,
        bytes calldata authorizerSignature
    ) external nonReentrant {
        if (voucherClaims.length == 0) revert EmptyBatch();
        address authorizer = voucherClaims[0].voucher.channel.receiverAuthorizer;
        bytes32[] memory channelIds = _channelIds(voucherClaims);
        bytes32 digest = _claimBatchDigest(voucherClaims, channelIds);
        if (!SignatureChecker.isValidSignatureNowCalldata(authorizer, digest, authorizerSignature))
        {
            revert InvalidSignature();
        }
        for (uint256 i = 0; i < voucherClaims.length; ++i) {
            if (voucherClaims[i].voucher.channel.receiverAuthorizer != authorizer) {
                revert NotReceiverAuthorizer();
            }
            _claim(voucherClaims[i], channelIds[i]);
        }
    }

    /// @notice Sends a receiver everything claimed and not yet sent; anyone may call.
    function settle(address receiver, address token) external nonReentrant {
        ReceiverState storage state = receivers[receiver][token];
        uint128 amount = state.totalClaimed - state.totalSettled;
        if (amount == 0) return;
        state.totalSettled += amount;
        emit Settled(receiver, token, msg.sender, amount);
        IERC20(token).safeTransfer(receiver, amount);
    }

    /// @notice Returns up to `amount` of the unclaimed units to the payer, as the receiver's side.
    function refund(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        if (!_isReceiverSide(config)) revert NotAuthorizedToRefund();
        _refund(config, getChannelId(config), amount);
    }

    /// @notice Returns up to `amount`, under the receiverAuthorizer's signature; anyone may relay.
    function refundWithSignature(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 nonce,
        bytes calldata receiverAuthorizerSignature
    ) external nonReentrant {
        bytes32 channelId = getChannelId(config);
        if (nonce != refundNonce[channelId]) revert InvalidRefundNonce();
        bytes32 digest = getRefundDigest(channelId, nonce, amount);
        if (!SignatureChecker.isValidSignatureNowCalldata(
                config.receiverAuthorizer, digest, receiverAuthorizerSignature
            )) revert InvalidSignature();
        _refund(config, channelId, amount);
    }

    /// @notice Starts the payer's way out: claims stay possible until `withdrawDelay` has passed.
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        if (!_isPayerSide(config)) revert NotAuthorizedToInitiateWithdraw();
        if (amount == 0) revert NothingToWithdraw();
        bytes32 channelId = getChannelId(config);
        if (pendingWithdrawals[channelId].initiatedAt != 0) revert WithdrawalAlreadyPending();
        ChannelState memory channel = channels[channelId];
        if (amount > channel.balance - channel.totalClaimed) {
            revert WithdrawAmountExceedsAvailable();
        }
        pendingWithdrawals[channelId] = WithdrawalState(amount, uint40(block.timestamp));
        emit WithdrawInitiated(channelId, amount, uint40(block.timestamp) + config.withdrawDelay);
    }

    /// @notice Pays a withdrawal out after its delay, capped by what is still unclaimed.
    function finalizeWithdraw(ChannelConfig calldata config) external nonReentrant {
        if (!_isPayerSide(config)) revert NotAuthorizedToFinalizeWithdraw();
        bytes32 channelId = getChannelId(config);
        WithdrawalState memory withdrawal = pendingWithdrawals[channelId];
        if (withdrawal.initiatedAt == 0) revert WithdrawalNotPending();
        if (block.timestamp < uint256(withdrawal.initiatedAt) + config.withdrawDelay) {
            revert WithdrawDelayNotElapsed();
        }
        delete pendingWithdrawals[channelId];
        uint128 amount = _takeUnclaimed(config, channelId, withdrawal.amount);
        emit WithdrawFinalized(channelId, msg.sender, amount);
        if (amount > 0) IERC20(config.token).safeTransfer(config.payer, amount);
    }

    /// @notice The channel's identity: the EIP-712 digest of its configuration on this chain.
    function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    CHANNEL_CONFIG_TYPEHASH,
                    config.payer,
                    config.payerAuthorizer,
                    config.receiver,
                    config.receiverAuthorizer,
                    config.token,
                    config.withdrawDelay,
                    config.salt
                )
            )
        );
    }

    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(
            keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, maxClaimableAmount))
        );
    }

    function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
    }

    function getClaimBatchDigest(VoucherClaim[] calldata voucherClaims)
        external
        view
        returns (bytes32)
    {
        return _claimBatchDigest(voucherClaims, _channelIds(voucherClaims));
    }

    function _claim(VoucherClaim calldata row, bytes32 channelId) private {
        ChannelConfig calldata config = row.voucher.channel;
        ChannelState memory channel = channels[channelId];
        if (row.totalClaimed > row.voucher.maxClaimableAmount) revert ClaimExceedsCeiling();
        if (row.totalClaimed > channel.balance) revert ClaimExceedsBalance();
        // A stale row changes nothing and must not fail: it would block every other row of a batch.
        if (row.totalClaimed <= channel.totalClaimed) return;
        bytes32 digest = getVoucherDigest(channelId, row.voucher.maxClaimableAmount);
        if (!_isSignedByPayer(config, digest, row.signature)) revert InvalidSignature();

        uint128 amount = row.totalClaimed - channel.totalClaimed;
        channels[channelId].totalClaimed = row.totalClaimed;
        receivers[config.receiver][config.token].totalClaimed += amount;
        emit Claimed(channelId, msg.sender, amount, row.totalClaimed);
    }

    function _refund(ChannelConfig calldata config, bytes32 channelId, uint128 requested) private {
        if (requested == 0) revert ZeroRefund();
        // The nonce advances even when nothing is left to return, so a signature never lingers.
        ++refundNonce[channelId];
        uint128 pending = pendingWithdrawals[channelId].amount;
        uint128 amount = _takeUnclaimed(config, channelId, requested);
        if (amount == 0) return;
        if (amount >= pending) {
            delete pendingWithdrawals[channelId];
        } else {
            pendingWithdrawals[channelId].amount = pending - amount;
        }
        emit Refunded(channelId, msg.sender, amount);
        IERC20(config.token).safeTransfer(config.payer, amount);
    }

    /// @dev Takes up to `requested` of the unclaimed units off the channel's books.
    function _takeUnclaimed(ChannelConfig calldata config, bytes32 channelId, uint128 requested)
        private
        returns (uint128 amount)
    {
        ChannelState memory channel = channels[channelId];
        uint128 unclaimed = channel.balance - channel.totalClaimed;
        amount = requested < unclaimed ? requested : unclaimed;
        if (amount == 0) return 0;
        channels[channelId].balance = channel.balance - amount;
        if (channel.balance == amount) emit ChannelClosed(channelId, config);
    }

    function _channelIds(VoucherClaim[] calldata rows) private view returns (bytes32[] memory ids) {
        ids = new bytes32[](rows.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            ids[i] = getChannelId(rows[i].voucher.channel);
        }
    }

    function _claimBatchDigest(VoucherClaim[] calldata rows, bytes32[] memory channelIds)
        private
        view
        returns (bytes32)
    {
        bytes32[] memory entries = new bytes32[](rows.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            entries[i] = keccak256(
                abi.encode(
                    CLAIM_ENTRY_TYPEHASH,
                    channelIds[i],
                    rows[i].voucher.maxClaimableAmount,
                    rows[i].totalClaimed
                )
            );
        }
        return _hashTypedDataV4(
            keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, keccak256(abi.encodePacked(entries))))
        );
    }

    /// @dev A named payerAuthorizer is a plain key; without one the payer signs, by ERC-1271 if it
    /// has code.
    function _isSignedByPayer(
        ChannelConfig calldata config,
        bytes32 digest,
        bytes calldata signature
    ) private view returns (bool) {
        if (config.payerAuthorizer == address(0)) {
            return SignatureChecker.isValidSignatureNowCalldata(config.payer, digest, signature);
        }
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        return failure == ECDSA.RecoverError.NoError && signer == config.payerAuthorizer;
    }

    function _isReceiverSide(ChannelConfig calldata config) private view returns (bool) {
        return msg.sender == config.receiver || msg.sender == config.receiverAuthorizer;
    }

    function _isPayerSide(ChannelConfig calldata config) private view returns (bool) {
        return msg.sender == config.payer || msg.sender == config.payerAuthorizer;
    }

    function _requireValid(ChannelConfig calldata config) private pure {
        if (
            config.payer == address(0) || config.receiver == address(0)
                || config.receiverAuthorizer == address(0) || config.token == address(0)
        ) revert InvalidChannel();
        if (config.withdrawDelay < MIN_WITHDRAW_DELAY || config.withdrawDelay > MAX_WITHDRAW_DELAY)
        {
            revert WithdrawDelayOutOfRange();
        }
    }
}
