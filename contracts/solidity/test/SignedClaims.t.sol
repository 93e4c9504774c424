// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {RevenueVault} from "../src/RevenueVault.sol";
import {ClaimOrder, SignedClaims} from "../src/SignedClaims.sol";
import {Entitlement, SumNode} from "../src/SumTree.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {orderDigest, orderDomain} from "./Orders.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @notice An account that is a contract: one key signs for it.
contract SmartAccount is IERC1271 {
    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        (bytes32 r, bytes32 s, uint8 v) =
            (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        return ecrecover(digest, v, r, s) == _key
            ? IERC1271.isValidSignature.selector
            : bytes4(0xffffffff);
    }
}

contract SignedClaimsTest is Vaults {
    uint256 private constant KEY = 0xC0FFEE;
    address private constant RECIPIENT = address(0x4EC1);
    address private constant RELAYER = address(0x4E1A);

    Entitlement[] private _leaves;

    function setUp() public {
        _setUpVaults();
        _pay(vault, 10_000);
        _open(vm.addr(KEY));
    }

    function test_a_signed_claim_pays_another_recipient_and_the_relayer() public {
        ClaimOrder memory order = _order();
        _relay(_leaves[0], order, _sign(_leaves[0], order));
        checkEq(token.balanceOf(RECIPIENT), 2_900, "recipient");
        checkEq(token.balanceOf(RELAYER), 100, "the relayer's fee");
        checkEq(token.balanceOf(vm.addr(KEY)), 0, "the account itself");
        checkEq(vault.claimedTotal(), 3_000, "books");
    }

    function test_a_contract_account_signs_too() public {
        setUp();
        address account = address(new SmartAccount(vm.addr(KEY)));
        _setUpVaults();
        _pay(vault, 10_000);
        _open(account);
        ClaimOrder memory order = _order();
        _relay(_leaves[0], order, _sign(_leaves[0], order));
        checkEq(token.balanceOf(RECIPIENT), 2_900, "recipient");
    }

    function test_an_order_is_carried_out_once() public {
        ClaimOrder memory order = _order();
        bytes memory signature = _sign(_leaves[0], order);
        _relay(_leaves[0], order, signature);
        bytes memory proof = _proofOf(0);
        vm.expectPartialRevert(RevenueVault.NothingToClaim.selector);
        vault.claimSigned(_leaves[0], proof, order, signature);
    }

    function test_an_order_ends_at_its_deadline() public {
        ClaimOrder memory order = _order();
        bytes memory signature = _sign(_leaves[0], order);
        bytes memory proof = _proofOf(0);
        vm.warp(order.deadline + 1);
        vm.expectPartialRevert(SignedClaims.ClaimExpired.selector);
        vault.claimSigned(_leaves[0], proof, order, signature);
        vm.warp(order.deadline);
        vault.claimSigned(_leaves[0], proof, order, signature);
    }

    function test_a_fee_stays_within_the_claim() public {
        ClaimOrder memory order = _order();
        order.fee = 3_001;
        bytes memory signature = _sign(_leaves[0], order);
        bytes memory proof = _proofOf(0);
        vm.expectPartialRevert(SignedClaims.FeeAboveClaim.selector);
        vault.claimSigned(_leaves[0], proof, order, signature);
    }

    /// @notice Changing anything after the signature leaves it without one.
    function testFuzz_every_part_of_an_order_is_signed(uint256 which, uint64 other) public {
        which = within(which, 0, 6);
        ClaimOrder memory order = _order();
        Entitlement memory leaf = _leaves[0];
        uint32 position = 0;
        if (which == 4) leaf.cumulative += other % 7 + 1;
        if (which == 5) leaf.position = 1;
        bytes memory signature = _sign(leaf, order);
        if (which == 0) order.recipient = address(uint160(other) | (1 << 100));
        if (which == 1) order.fee += uint128(other % 99) + 1;
        if (which == 2) order.deadline += uint40(other % 99) + 1;
        if (which == 3) vm.chainId(1);
        if (which == 6) {
            VaultTerms memory terms = _terms(versionId, 0);
            terms.termsHash = keccak256("another vault's");
            RevenueVault signedFor = vault;
            vault = RevenueVault(factory.create(terms));
            signature = _sign(leaf, order);
            vault = signedFor;
        }
        bytes memory proof = _proofOf(position);
        vm.expectPartialRevert(SignedClaims.NotSignedByAccount.selector);
        vault.claimSigned(_leaves[0], proof, order, signature);
    }

    function test_every_part_of_an_order_is_signed() public {
        for (uint256 i = 0; i <= 6; ++i) {
            setUp();
            testFuzz_every_part_of_an_order_is_signed(i, 5);
        }
    }

    function test_a_strangers_signature_moves_nothing() public {
        ClaimOrder memory order = _order();
        bytes memory signature = signed(0xBAD, _digest(_leaves[0], order));
        bytes memory proof = _proofOf(0);
        vm.expectPartialRevert(SignedClaims.NotSignedByAccount.selector);
        vault.claimSigned(_leaves[0], proof, order, signature);
    }

    function _open(address account) private {
        delete _leaves;
        Entitlement[] memory leaves = _two(3_000, 2_000);
        leaves[0].account = account;
        _leaves.push(leaves[0]);
        _leaves.push(leaves[1]);
        (bytes32 root, uint128 sum) = _tree(leaves, 1);
        _post(root, sum, 1);
        _finalize();
    }

    function _proofOf(uint32 position) private view returns (bytes memory) {
        return _proof(_leaves, 1, position);
    }

    function _order() private view returns (ClaimOrder memory) {
        return ClaimOrder(RECIPIENT, 100, uint40(block.timestamp + 1 hours));
    }

    function _relay(Entitlement memory leaf, ClaimOrder memory order, bytes memory signature)
        private
    {
        bytes memory proof = _proofOf(leaf.position);
        vm.prank(RELAYER);
        vault.claimSigned(leaf, proof, order, signature);
    }

    function _sign(Entitlement memory leaf, ClaimOrder memory order)
        private
        view
        returns (bytes memory)
    {
        return signed(KEY, _digest(leaf, order));
    }

    function _digest(Entitlement memory leaf, ClaimOrder memory order)
        private
        view
        returns (bytes32)
    {
        bytes32 domain = orderDomain(block.chainid, address(vault));
        return orderDigest(domain, address(token), leaf, order);
    }
}
