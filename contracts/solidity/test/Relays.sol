// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Opening} from "../src/Openings.sol";
import {ClaimOrder, SignedClaims} from "../src/SignedClaims.sol";
import {Entitlement} from "../src/SumTree.sol";
import {Economy} from "./Economy.sol";
import {orderDigest, orderDomain} from "./Orders.sol";
import {vm} from "./Checks.sol";

/// @title A relayer carries out what accounts signed, over all assets, or something next to it.
/// @notice An order as it was signed is heard where anything is due. With any one part other than what
/// was signed it is refused for its signature, whatever the books say.
abstract contract Relays is Economy {
    address internal constant RELAYER = address(0x4E1A);
    address internal constant RECIPIENT = address(0x4EC1);
    uint256 internal constant PARTS = 8;

    /// @notice What left a position by orders, over all assets, and what of it were fees.
    uint256[POSITIONS] public relayed;
    uint256 public fees;

    function relay(uint256 which, uint32 position, uint128 fee) external {
        uint256 asset = _touch(which);
        (Opening memory opening, ClaimOrder memory order) = _ordered(asset, position, fee);
        bytes memory signature = _sign(block.chainid, asset, address(token), opening.leaf, order);
        vm.prank(RELAYER);
        try vaults[asset].claimSigned(opening.leaf, opening.proof, order, signature) returns (
            uint256 amount
        ) {
            relayed[opening.leaf.position] += amount;
            fees += order.fee;
            _tally(true);
        } catch {
            _tally(false);
        }
    }

    /// @notice A round on one asset, and then orders for all that are in it.
    function relayRound(uint256 which, uint256 seed, uint8 votes, uint128 fee) external {
        uint256 asset = _touch(which);
        this.round(asset, seed, votes);
        for (uint32 position = 0; position < POSITIONS; ++position) {
            this.relay(asset, position, fee);
        }
    }

    /// @notice What was signed differs in one part from what is carried out, each part in turn.
    function forge(uint256 which, uint32 position, uint128 fee) external {
        uint256 asset = _touch(which);
        (Opening memory opening, ClaimOrder memory order) = _ordered(asset, position, fee);
        for (uint256 part = 0; part < PARTS; ++part) {
            bytes memory signature = _signedOther(part, asset, opening.leaf, order);
            vm.prank(RELAYER);
            (bool done, bytes memory said) = address(vaults[asset])
                .call(
                    abi.encodeCall(
                        vault.claimSigned, (opening.leaf, opening.proof, order, signature)
                    )
                );
            _tally(done);
            check(!done, "an order was carried out that nobody signed");
            check(bytes4(said) == SignedClaims.NotSignedByAccount.selector, "for its signature");
        }
    }

    function _signedOther(
        uint256 part,
        uint256 asset,
        Entitlement memory leaf,
        ClaimOrder memory order
    ) private view returns (bytes memory) {
        Entitlement memory other = Entitlement(
            leaf.position, leaf.account, leaf.cumulative, leaf.detailRoot
        );
        ClaimOrder memory to = ClaimOrder(order.recipient, order.fee, order.deadline);
        address booked = address(token);
        uint256 chainId = block.chainid;
        if (part == 0) ++chainId;
        if (part == 1) asset = (asset + 1) % ASSETS;
        if (part == 2) booked = address(court);
        if (part == 3) ++other.position;
        if (part == 4) ++other.cumulative;
        if (part == 5) to.recipient = STRANGER;
        if (part == 6) ++to.fee;
        if (part == 7) ++to.deadline;
        return _sign(chainId, asset, booked, other, to);
    }

    function _ordered(uint256 asset, uint32 position, uint128 fee)
        private
        view
        returns (Opening memory opening, ClaimOrder memory order)
    {
        opening = _openingOf(_finals[asset], uint32(position % POSITIONS));
        order = ClaimOrder(RECIPIENT, uint128(within(fee, 0, 100)), uint40(block.timestamp));
    }

    /// @dev As the account of the leaf, whatever it says its position is.
    function _sign(
        uint256 chainId,
        uint256 asset,
        address booked,
        Entitlement memory leaf,
        ClaimOrder memory order
    ) private view returns (bytes memory) {
        bytes32 domain = orderDomain(chainId, address(vaults[asset]));
        return signed(_keyOf(leaf.account), orderDigest(domain, booked, leaf, order));
    }
}
