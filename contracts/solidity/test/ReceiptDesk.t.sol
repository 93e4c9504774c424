// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {ERC3009DepositCollector} from "../src/ERC3009DepositCollector.sol";
import {MeteringReceipt, ReceiptDesk} from "../src/ReceiptDesk.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title A vault as the authorizer of its own channels.
contract ReceiptDeskTest is Vaults {
    uint256 private constant PAYER_KEY = 0xA11CE;
    uint256 private constant OPERATOR_KEY = 0xB0B;
    uint256 private constant NEXT_KEY = 0xB0C;

    BatchSettlement.ChannelConfig private _channel;

    function setUp() public {
        _setUpVaults();
        vm.prank(HOST);
        desk.setOperator(vault, vm.addr(OPERATOR_KEY));
        _channel = BatchSettlement.ChannelConfig({
            payer: vm.addr(PAYER_KEY),
            payerAuthorizer: vm.addr(PAYER_KEY),
            receiver: address(vault),
            receiverAuthorizer: address(vault),
            token: address(token),
            withdrawDelay: 1 days,
            salt: 0
        });
        _deposit(1_000);
    }

    function test_the_operator_claims_and_refunds_for_the_vault() public {
        BatchSettlement.VoucherClaim[] memory rows = _rows(600, 400);
        settlement.claimWithSignature(rows, _operatorClaim(rows, OPERATOR_KEY));
        settlement.settle(address(vault), address(token));
        checkEq(token.balanceOf(address(vault)), 400, "claimed");
        settlement.refundWithSignature(_channel, 600, 0, _operatorRefund(600, 0, OPERATOR_KEY));
        checkEq(token.balanceOf(vm.addr(PAYER_KEY)), 600, "refunded");
    }

    function test_anyone_claims_by_receipt() public {
        vm.prank(BOB);
        _claimByReceipt(600, 350, 350, OPERATOR_KEY);
        checkEq(token.balanceOf(address(vault)), 350, "what was charged, not what was signed for");
    }

    function test_a_receipt_claims_its_own_total_only() public {
        BatchSettlement.VoucherClaim[] memory rows = _rows(600, 600);
        (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
            _receipts(350, OPERATOR_KEY);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        desk.claimByReceipt(rows, receipts, keys, signatures);
    }

    function test_receipts_of_strangers_claim_nothing() public {
        BatchSettlement.VoucherClaim[] memory rows = _rows(600, 350);
        (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
            _receipts(350, 0xBAD);
        vm.expectPartialRevert(ReceiptDesk.NotOperatorsReceipt.selector);
        desk.claimByReceipt(rows, receipts, keys, signatures);
        keys[0] = vm.addr(OPERATOR_KEY);
        vm.expectPartialRevert(ReceiptDesk.NotOperatorsReceipt.selector);
        desk.claimByReceipt(rows, receipts, keys, signatures);
    }

    function test_receipts_of_a_retired_key_stay_owed() public {
        _rotate();
        _claimByReceipt(600, 350, 350, OPERATOR_KEY);
        checkEq(token.balanceOf(address(vault)), 350, "owed all the same");
    }

    function test_a_retired_key_claims_no_batch() public {
        _rotate();
        BatchSettlement.VoucherClaim[] memory rows = _rows(600, 400);
        bytes memory old = _operatorClaim(rows, OPERATOR_KEY);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.claimWithSignature(rows, old);
        settlement.claimWithSignature(rows, _operatorClaim(rows, NEXT_KEY));
    }

    /// @notice Else an operator would give a sale back whose receipt the contributors hold.
    function test_no_refund_before_what_is_charged() public {
        (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
            _receipts(350, OPERATOR_KEY);
        desk.postReceipt(receipts[0], keys[0], signatures[0]);
        bytes memory refund = _operatorRefund(1_000, 0, OPERATOR_KEY);
        vm.expectRevert(BatchSettlement.InvalidSignature.selector);
        settlement.refundWithSignature(_channel, 1_000, 0, refund);
        _claimByReceipt(600, 350, 350, OPERATOR_KEY);
        settlement.refundWithSignature(_channel, 1_000, 0, refund);
        checkEq(token.balanceOf(vm.addr(PAYER_KEY)), 650, "the rest alone");
    }

    function test_an_earlier_receipt_lowers_no_charge() public {
        for (uint128 total = 350; total >= 349; --total) {
            (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
                _receipts(total, OPERATOR_KEY);
            desk.postReceipt(receipts[0], keys[0], signatures[0]);
            checkEq(desk.charged(address(vault), _channelId()), 350, "the highest");
        }
    }

    function test_only_the_host_names_the_operator() public {
        vm.expectPartialRevert(ReceiptDesk.NotHost.selector);
        desk.setOperator(vault, address(this));
        VaultTerms memory terms = _terms(versionId, 0);
        terms.termsHash = 0;
        RevenueVault other = RevenueVault(factory.create(terms));
        checkEq(desk.operatorOf(other), HOST, "the host until it names another");
    }

    /// @notice A token that takes ERC-1271 signatures would let a vault that signs anything be emptied.
    function testFuzz_a_vault_signs_nothing_but_claims_and_refunds(bytes32 digest) public view {
        BatchSettlement.VoucherClaim[] memory rows = _rows(600, 400);
        bytes memory body = abi.encode(_entries(rows), signed(OPERATOR_KEY, digest));
        _checkUnsigned(digest, abi.encode(ReceiptDesk.Kind.OperatorClaim, body));
        body = abi.encode(_channelId(), uint256(0), uint128(5), signed(OPERATOR_KEY, digest));
        _checkUnsigned(digest, abi.encode(ReceiptDesk.Kind.OperatorRefund, body));
        (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
            _receipts(400, OPERATOR_KEY);
        body = abi.encode(_entries(rows), receipts, keys, signatures);
        _checkUnsigned(digest, abi.encode(ReceiptDesk.Kind.ReceiptClaim, body));
    }

    function test_a_vault_signs_nothing_but_claims_and_refunds() public {
        bytes32 digest = keccak256("a transfer of everything");
        testFuzz_a_vault_signs_nothing_but_claims_and_refunds(digest);
        // A bare signature of the operator, which an account would accept, is no preimage at all.
        bytes memory bare = signed(OPERATOR_KEY, digest);
        vm.expectRevert();
        vault.isValidSignature(digest, bare);
    }

    function _checkUnsigned(bytes32 digest, bytes memory signature) private view {
        check(
            vault.isValidSignature(digest, signature) != IERC1271.isValidSignature.selector,
            "not signed"
        );
    }

    function _rotate() private {
        vm.prank(HOST);
        desk.setOperator(vault, vm.addr(NEXT_KEY));
    }

    function _claimByReceipt(uint128 ceiling, uint128 claimed, uint128 charged, uint256 key)
        private
    {
        BatchSettlement.VoucherClaim[] memory rows = _rows(ceiling, claimed);
        (MeteringReceipt[] memory receipts, address[] memory keys, bytes[] memory signatures) =
            _receipts(charged, key);
        desk.claimByReceipt(rows, receipts, keys, signatures);
    }

    function _receipts(uint128 cumulative, uint256 key)
        private
        view
        returns (
            MeteringReceipt[] memory receipts,
            address[] memory keys,
            bytes[] memory signatures
        )
    {
        receipts = new MeteringReceipt[](1);
        receipts[0].channelId = _channelId();
        receipts[0].payee = address(vault);
        receipts[0].cumulative = cumulative;
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId)"),
                keccak256("Headwater Metering"),
                keccak256("1"),
                block.chainid
            )
        );
        bytes32 hash = keccak256(abi.encode(desk.RECEIPT_TYPEHASH(), receipts[0]));
        keys = new address[](1);
        keys[0] = vm.addr(key);
        signatures = new bytes[](1);
        signatures[0] = signed(key, keccak256(abi.encodePacked(hex"1901", domain, hash)));
    }

    function _rows(uint128 ceiling, uint128 claimed)
        private
        view
        returns (BatchSettlement.VoucherClaim[] memory rows)
    {
        rows = new BatchSettlement.VoucherClaim[](1);
        bytes32 digest = settlement.getVoucherDigest(_channelId(), ceiling);
        rows[0] = BatchSettlement.VoucherClaim(
            BatchSettlement.Voucher(_channel, ceiling), signed(PAYER_KEY, digest), claimed
        );
    }

    function _entries(BatchSettlement.VoucherClaim[] memory rows)
        private
        view
        returns (ReceiptDesk.ClaimEntry[] memory entries)
    {
        entries = new ReceiptDesk.ClaimEntry[](1);
        entries[0] = ReceiptDesk.ClaimEntry(
            _channelId(), rows[0].voucher.maxClaimableAmount, rows[0].totalClaimed
        );
    }

    function _operatorClaim(BatchSettlement.VoucherClaim[] memory rows, uint256 key)
        private
        view
        returns (bytes memory)
    {
        bytes memory signature = signed(key, settlement.getClaimBatchDigest(rows));
        return abi.encode(ReceiptDesk.Kind.OperatorClaim, abi.encode(_entries(rows), signature));
    }

    function _operatorRefund(uint128 amount, uint256 nonce, uint256 key)
        private
        view
        returns (bytes memory)
    {
        bytes memory signature =
            signed(key, settlement.getRefundDigest(_channelId(), nonce, amount));
        return abi.encode(
            ReceiptDesk.Kind.OperatorRefund, abi.encode(_channelId(), nonce, amount, signature)
        );
    }

    function _channelId() private view returns (bytes32) {
        return settlement.getChannelId(_channel);
    }

    function _deposit(uint128 amount) private {
        address payer = vm.addr(PAYER_KEY);
        ERC3009DepositCollector collector = new ERC3009DepositCollector(address(settlement));
        token.mint(payer, amount);
        bytes32 hash = keccak256(
            abi.encode(
                token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                payer,
                address(collector),
                amount,
                0,
                type(uint256).max,
                keccak256(abi.encode(_channelId(), uint256(1)))
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash));
        bytes memory data = abi.encode(0, type(uint256).max, uint256(1), signed(PAYER_KEY, digest));
        settlement.deposit(_channel, amount, address(collector), data);
    }
}
