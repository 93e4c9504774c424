// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {ERC3009DepositCollector} from "../src/ERC3009DepositCollector.sol";
import {SettlementToken} from "../src/SettlementToken.sol";
import {Checks, vm} from "./Checks.sol";

/// @title One payer, one receiver, and the signatures between them.
abstract contract Channels is Checks {
    uint256 internal constant PAYER_KEY = 0xA11CE;
    uint256 internal constant AUTHORIZER_KEY = 0xB0B;
    address internal constant RECEIVER = address(0xCAFE);
    uint128 internal constant FUNDS = 1_000_000_000_000;

    BatchSettlement internal settlement;
    ERC3009DepositCollector internal collector;
    SettlementToken internal token;
    address internal payer;

    function _setUpChannels() internal {
        vm.chainId(84532);
        vm.warp(1_000_000);
        settlement = new BatchSettlement();
        collector = new ERC3009DepositCollector(address(settlement));
        token = new SettlementToken(address(this));
        payer = vm.addr(PAYER_KEY);
        token.mint(payer, FUNDS);
    }

    function _config(bytes32 salt) internal view returns (BatchSettlement.ChannelConfig memory) {
        return BatchSettlement.ChannelConfig({
            payer: payer,
            payerAuthorizer: payer,
            receiver: RECEIVER,
            receiverAuthorizer: vm.addr(AUTHORIZER_KEY),
            token: address(token),
            withdrawDelay: 900,
            salt: salt
        });
    }

    function _row(BatchSettlement.ChannelConfig memory config, uint128 ceiling, uint128 claimed)
        internal
        view
        returns (BatchSettlement.VoucherClaim memory)
    {
        bytes32 digest = settlement.getVoucherDigest(settlement.getChannelId(config), ceiling);
        return BatchSettlement.VoucherClaim(
            BatchSettlement.Voucher(config, ceiling), signed(PAYER_KEY, digest), claimed
        );
    }

    function _one(BatchSettlement.VoucherClaim memory row)
        internal
        pure
        returns (BatchSettlement.VoucherClaim[] memory rows)
    {
        rows = new BatchSettlement.VoucherClaim[](1);
        rows[0] = row;
    }

    function _claimWithSignature(BatchSettlement.VoucherClaim[] memory rows) internal {
        bytes32 digest = settlement.getClaimBatchDigest(rows);
        settlement.claimWithSignature(rows, signed(AUTHORIZER_KEY, digest));
    }

    function _deposit(BatchSettlement.ChannelConfig memory config, uint128 amount, uint256 salt)
        internal
    {
        bytes memory data = _collectorData(settlement.getChannelId(config), amount, salt);
        settlement.deposit(config, amount, address(collector), data);
    }

    function _collectorData(bytes32 channelId, uint128 amount, uint256 salt)
        internal
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                payer,
                address(collector),
                amount,
                0,
                type(uint256).max,
                keccak256(abi.encode(channelId, salt))
            )
        );
        bytes32 digest =
            keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        return abi.encode(0, type(uint256).max, salt, signed(PAYER_KEY, digest));
    }
}
