// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {ERC3009DepositCollector} from "../src/ERC3009DepositCollector.sol";
import {IDepositCollector} from "../src/IDepositCollector.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Channels} from "./Channels.sol";
import {vm} from "./Checks.sol";

/// @notice Brings one unit less than asked.
contract ShortCollector is IDepositCollector {
    function collect(address, address token, uint256 amount, bytes32, bytes calldata) external {
        SettlementToken(token).transfer(msg.sender, amount - 1);
    }
}

/// @notice Pays, and tries to settle the receiver's earlier claims in the middle of the deposit.
contract ReentrantCollector is IDepositCollector {
    address private immutable _receiver;

    constructor(address receiver) {
        _receiver = receiver;
    }

    function collect(address, address token, uint256 amount, bytes32, bytes calldata) external {
        SettlementToken(token).transfer(msg.sender, amount);
        BatchSettlement(msg.sender).settle(_receiver, token);
    }
}

contract BatchSettlementTest is Channels {
    function setUp() public {
        _setUpChannels();
    }

    function test_the_public_vectors_hold_at_the_canonical_address() public {
        address canonical = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003;
        vm.etch(canonical, type(BatchSettlement).creationCode);
        (bool ok, bytes memory runtime) = canonical.call("");
        check(ok, "constructed");
        vm.etch(canonical, runtime);
        BatchSettlement placed = BatchSettlement(canonical);

        BatchSettlement.ChannelConfig memory config = BatchSettlement.ChannelConfig({
            payer: 0x1111111111111111111111111111111111111111,
            payerAuthorizer: 0x1111111111111111111111111111111111111111,
            receiver: 0x3333333333333333333333333333333333333333,
            receiverAuthorizer: 0x4444444444444444444444444444444444444444,
            token: 0x5555555555555555555555555555555555555555,
            withdrawDelay: 900,
            salt: 0
        });
        bytes32 channelId = 0x5aa0c653042e33ac01a3e944daa7f9a9db4153a203423551757927bca6a8fc93;
        checkEq(placed.getChannelId(config), channelId, "L2.1");
        checkEq(
            placed.getVoucherDigest(channelId, 1000),
            0xbeff2905f91d80520e5393b1e6aa65c14c4cf4f6e9c36eab64b49a90953873e2,
            "L2.2"
        );
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](1);
        rows[0] = BatchSettlement.VoucherClaim(BatchSettlement.Voucher(config, 1000), "", 500);
        checkEq(
            placed.getClaimBatchDigest(rows),
            0xfecd0b3504fb3b63b76003ba280d5303975ed18f1e0332b42b2428389b3569e4,
            "L2.3"
        );
        checkEq(
            placed.getRefundDigest(channelId, 0, 500),
            0xc1a94fb1c3b10ade231ee6347ba905daef6c2ce0217deb1901d7f61960e49a49,
            "L2.4"
        );
        checkEq(
            keccak256(
                abi.encode(
                    bytes32(0x1111111111111111111111111111111111111111111111111111111111111111),
                    uint256(1)
                )
            ),
            0x7deb3b60ec0f1bf56dbdd0ffedbadafddeaa08947884ff0f215ce93ee1826102,
            "L2.5"
        );
    }

    function test_the_typehashes_are_the_published_ones() public view {
        checkEq(
            settlement.CHANNEL_CONFIG_TYPEHASH(),
            0x1c9a06ceab9b0ebbd3301dc56c9111bb6d9af421356dc9ccb3b7084c755db308,
            "config"
        );
        checkEq(
            settlement.VOUCHER_TYPEHASH(),
            0x1e1bd6ff84c3e0d9029a292b212e039c0ca97ec497c55191a4a5874294609a69,
            "voucher"
        );
        checkEq(
            settlement.REFUND_TYPEHASH(),
            0xbe23ad087435072cd69b49cc5b92de10ee610fce7ae0ab428307972d764bb216,
            "refund"
        );
        checkEq(
            settlement.CLAIM_ENTRY_TYPEHASH(),
            0x30b9a0367528fca13c3e8ec6134c3113f1887ebe7a1ad61de0955aac288b0cf5,
            "entry"
        );
        checkEq(
            settlement.CLAIM_BATCH_TYPEHASH(),
            0x42bd57c010b870c2e96203c66341f28a6a19b4d56a74533a8eb5f706b9fd6d57,
            "batch"
        );
    }

    function testFuzz_deposit_claim_settle_refund_conserve_units(
        uint128 deposited,
        uint128 signedFor,
        uint128 claimed,
        uint128 refunded
    ) public {
        deposited = uint128(within(deposited, 1, FUNDS));
        signedFor = uint128(within(signedFor, 0, deposited));
        claimed = uint128(within(claimed, 0, signedFor));
        refunded = uint128(within(refunded, 1, FUNDS));
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, deposited, 1);
        _claimWithSignature(_one(_row(config, signedFor, claimed)));
        settlement.settle(RECEIVER, address(token));
        vm.prank(RECEIVER);
        settlement.refund(config, refunded);

        uint256 returned = refunded < deposited - claimed ? refunded : deposited - claimed;
        checkEq(token.balanceOf(RECEIVER), claimed, "receiver");
        checkEq(token.balanceOf(payer), FUNDS - deposited + returned, "payer");
        checkEq(
            token.balanceOf(address(settlement)), deposited - claimed - returned, "what is left"
        );
    }

    function test_a_claim_above_the_voucher_is_refused() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(config, 50, 51));
        vm.prank(RECEIVER);
        vm.expectRevert(BatchSettlement.ClaimExceedsCeiling.selector);
        settlement.claim(rows);
    }

    function test_a_claim_above_the_balance_is_refused() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(config, 200, 101));
        vm.prank(RECEIVER);
        vm.expectRevert(BatchSettlement.ClaimExceedsBalance.selector);
        settlement.claim(rows);
    }

    function test_a_voucher_of_another_channel_is_refused() public {
        _deposit(_config(0), 100, 1);
        _deposit(_config(bytes32(uint256(1))), 100, 2);
        BatchSettlement.VoucherClaim memory row = _row(_config(0), 50, 50);
        row.voucher.channel = _config(bytes32(uint256(1)));
        BatchSettlement.VoucherClaim[] memory rows = _one(row);
        vm.prank(RECEIVER);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.claim(rows);
    }

    function test_a_stale_row_changes_nothing_and_blocks_nobody() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](3);
        rows[0] = _row(config, 60, 60);
        rows[1] = _row(config, 60, 60);
        rows[2] = _row(config, 40, 40);
        vm.prank(RECEIVER);
        settlement.claim(rows);
        (, uint128 claimed) = settlement.channels(settlement.getChannelId(config));
        checkEq(claimed, 60, "claimed once");
    }

    function test_a_later_claim_adds_only_what_is_new() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 1_000, 1);
        _claimWithSignature(_one(_row(config, 300, 300)));
        _claimWithSignature(_one(_row(config, 500, 500)));
        (uint128 total,) = settlement.receivers(RECEIVER, address(token));
        checkEq(total, 500, "claimed");
        settlement.settle(RECEIVER, address(token));
        checkEq(token.balanceOf(RECEIVER), 500, "received");
    }

    /// @notice Who follows channels by their events sees each begin and end once.
    function test_a_channel_is_created_and_closed_once_in_its_events() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        vm.recordLogs();
        _deposit(config, 1_000, 1);
        checkEq(counted(BatchSettlement.ChannelCreated.selector), 1, "created");
        _deposit(config, 1_000, 2);
        _claimWithSignature(_one(_row(config, 300, 300)));
        checkEq(counted(BatchSettlement.ChannelCreated.selector), 0, "not again");
        vm.prank(RECEIVER);
        settlement.refund(config, 500);
        checkEq(counted(BatchSettlement.ChannelClosed.selector), 0, "something is left");
        vm.prank(RECEIVER);
        settlement.refund(config, 2_000);
        checkEq(counted(BatchSettlement.ChannelClosed.selector), 0, "claims are not yet settled");
    }

    function test_a_stale_row_leaves_no_trace() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 1_000, 1);
        _claimWithSignature(_one(_row(config, 300, 300)));
        vm.recordLogs();
        _claimWithSignature(_one(_row(config, 300, 300)));
        checkEq(counted(BatchSettlement.Claimed.selector), 0, "no event of nothing");
    }

    function test_a_withdrawal_of_nothing_is_refused() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 1_000, 1);
        vm.prank(payer);
        vm.expectRevert(BatchSettlement.NothingToWithdraw.selector);
        settlement.initiateWithdraw(config, 0);
    }

    function test_a_channel_names_payer_and_receiver() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        config.payer = address(0);
        vm.expectRevert(BatchSettlement.InvalidChannel.selector);
        settlement.deposit(config, 1_000, address(collector), "");
        config = _config(0);
        config.receiver = address(0);
        vm.expectRevert(BatchSettlement.InvalidChannel.selector);
        settlement.deposit(config, 1_000, address(collector), "");
    }

    function test_a_batch_of_two_authorizers_is_refused() public {
        BatchSettlement.ChannelConfig memory other = _config(bytes32(uint256(1)));
        other.receiverAuthorizer = address(0xDEAD);
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](2);
        rows[0] = _row(_config(0), 0, 0);
        rows[1] = _row(other, 0, 0);
        bytes memory signature = signed(AUTHORIZER_KEY, settlement.getClaimBatchDigest(rows));
        vm.expectRevert(BatchSettlement.NotReceiverAuthorizer.selector);
        settlement.claimWithSignature(rows, signature);
    }

    function test_an_empty_batch_is_refused() public {
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](0);
        vm.expectRevert(BatchSettlement.EmptyBatch.selector);
        settlement.claim(rows);
        vm.expectRevert(BatchSettlement.EmptyBatch.selector);
        settlement.claimWithSignature(rows, "");
    }

    function test_strangers_are_refused() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(config, 50, 50));
        vm.expectRevert(BatchSettlement.NotAuthorizedToClaim.selector);
        settlement.claim(rows);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.claimWithSignature(rows, signed(PAYER_KEY, bytes32(0)));
        vm.expectRevert(BatchSettlement.NotAuthorizedToRefund.selector);
        settlement.refund(config, 1);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.refundWithSignature(config, 1, 0, signed(PAYER_KEY, bytes32(0)));
        vm.expectRevert(BatchSettlement.NotAuthorizedToInitiateWithdraw.selector);
        settlement.initiateWithdraw(config, 1);
        vm.expectRevert(BatchSettlement.NotAuthorizedToFinalizeWithdraw.selector);
        settlement.finalizeWithdraw(config);
    }

    function test_a_withdrawal_waits_and_leaves_claims() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        vm.startPrank(payer);
        vm.expectRevert(BatchSettlement.WithdrawAmountExceedsAvailable.selector);
        settlement.initiateWithdraw(config, 101);
        settlement.initiateWithdraw(config, 100);
        vm.expectRevert(BatchSettlement.WithdrawalAlreadyPending.selector);
        settlement.initiateWithdraw(config, 1);
        vm.warp(block.timestamp + 899);
        vm.expectRevert(BatchSettlement.WithdrawDelayNotElapsed.selector);
        settlement.finalizeWithdraw(config);
        vm.stopPrank();

        // The receiver claims in the last second: the withdrawal is capped by it.
        _claimWithSignature(_one(_row(config, 30, 30)));
        vm.warp(block.timestamp + 1);
        vm.startPrank(payer);
        settlement.finalizeWithdraw(config);
        checkEq(token.balanceOf(payer), FUNDS - 30, "payer");
        vm.expectRevert(BatchSettlement.WithdrawalNotPending.selector);
        settlement.finalizeWithdraw(config);
        vm.stopPrank();
        settlement.settle(RECEIVER, address(token));
        checkEq(token.balanceOf(RECEIVER), 30, "receiver");
    }

    function test_a_refund_signature_works_once() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        bytes32 channelId = settlement.getChannelId(config);
        bytes memory signature =
            signed(AUTHORIZER_KEY, settlement.getRefundDigest(channelId, 0, 10));
        settlement.refundWithSignature(config, 10, 0, signature);
        checkEq(token.balanceOf(payer), FUNDS - 90, "refunded");
        vm.expectRevert(BatchSettlement.InvalidRefundNonce.selector);
        settlement.refundWithSignature(config, 10, 0, signature);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.refundWithSignature(config, 10, 1, signature);
    }

    function test_a_refund_of_nothing_still_spends_its_nonce() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        vm.recordLogs();
        vm.prank(RECEIVER);
        settlement.refund(config, 5);
        checkEq(counted(BatchSettlement.Refunded.selector), 0, "nothing is returned");
        checkEq(settlement.refundNonce(settlement.getChannelId(config)), 1, "nonce");
        vm.prank(RECEIVER);
        vm.expectRevert(BatchSettlement.ZeroRefund.selector);
        settlement.refund(config, 0);
    }

    function test_a_refund_shrinks_the_pending_withdrawal() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        bytes32 channelId = settlement.getChannelId(config);
        vm.prank(payer);
        settlement.initiateWithdraw(config, 60);
        vm.prank(RECEIVER);
        settlement.refund(config, 20);
        (uint128 amount, uint40 initiatedAt) = settlement.pendingWithdrawals(channelId);
        checkEq(amount, 40, "reduced");
        check(initiatedAt != 0, "still pending");
        vm.prank(RECEIVER);
        settlement.refund(config, 40);
        (amount, initiatedAt) = settlement.pendingWithdrawals(channelId);
        checkEq(uint256(amount) + initiatedAt, 0, "cancelled");
    }

    function test_claim_and_refund_work_in_one_transaction() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        _deposit(config, 100, 1);
        bytes32 channelId = settlement.getChannelId(config);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(config, 30, 30));
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(
            settlement.claimWithSignature,
            (rows, signed(AUTHORIZER_KEY, settlement.getClaimBatchDigest(rows)))
        );
        calls[1] = abi.encodeCall(
            settlement.refundWithSignature,
            (config, 100, 0, signed(AUTHORIZER_KEY, settlement.getRefundDigest(channelId, 0, 100)))
        );
        settlement.multicall(calls);
        checkEq(token.balanceOf(payer), FUNDS - 30, "the rest came back");
    }

    function test_a_collector_that_brings_less_is_refused() public {
        ShortCollector collector = new ShortCollector();
        token.mint(address(collector), 100);
        vm.expectRevert(BatchSettlement.DepositCollectionFailed.selector);
        settlement.deposit(_config(0), 100, address(collector), "");
    }

    function test_a_reentrant_collector_is_refused() public {
        _deposit(_config(0), 100, 1);
        _claimWithSignature(_one(_row(_config(0), 60, 60)));
        ReentrantCollector collector = new ReentrantCollector(RECEIVER);
        token.mint(address(collector), 100);
        vm.expectRevert();
        settlement.deposit(_config(bytes32(uint256(7))), 100, address(collector), "");
        checkEq(token.balanceOf(RECEIVER), 0, "nothing was settled in between");
    }

    function test_only_the_settlement_collects() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        bytes32 channelId = settlement.getChannelId(config);
        bytes memory data = _collectorData(channelId, 50, 1);
        vm.expectPartialRevert(ERC3009DepositCollector.NotSettlement.selector);
        collector.collect(payer, address(token), 50, channelId, data);
    }

    function test_a_deposit_signature_is_bound_to_its_channel() public {
        bytes memory data = _collectorData(settlement.getChannelId(_config(0)), 50, 1);
        vm.expectRevert(bytes("invalid signature"));
        settlement.deposit(_config(bytes32(uint256(1))), 50, address(collector), data);
    }

    function test_the_collector_keeps_nothing() public {
        _deposit(_config(0), 50, 1);
        checkEq(token.balanceOf(address(collector)), 0, "collector");
    }

    function test_a_channel_must_be_well_formed() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        config.withdrawDelay = 899;
        vm.expectRevert(BatchSettlement.WithdrawDelayOutOfRange.selector);
        settlement.deposit(config, 1, address(collector), "");
        config.withdrawDelay = 30 days + 1;
        vm.expectRevert(BatchSettlement.WithdrawDelayOutOfRange.selector);
        settlement.deposit(config, 1, address(collector), "");
        config = _config(0);
        config.receiverAuthorizer = address(0);
        vm.expectRevert(BatchSettlement.InvalidChannel.selector);
        settlement.deposit(config, 1, address(collector), "");
        vm.expectRevert(BatchSettlement.ZeroDeposit.selector);
        settlement.deposit(_config(0), 0, address(collector), "");
        vm.expectRevert(BatchSettlement.InvalidCollector.selector);
        settlement.deposit(_config(0), 1, address(0), "");
    }

    function test_a_payer_without_authorizer_signs_itself() public {
        BatchSettlement.ChannelConfig memory config = _config(0);
        config.payerAuthorizer = address(0);
        _deposit(config, 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(config, 30, 30));
        _claimWithSignature(rows);
        (, uint128 claimed) = settlement.channels(settlement.getChannelId(config));
        checkEq(claimed, 30, "claimed");
    }
}
