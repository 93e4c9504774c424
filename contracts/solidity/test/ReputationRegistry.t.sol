// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IdentityRegistry} from "../src/IdentityRegistry.sol";
import {ReputationRegistry} from "../src/ReputationRegistry.sol";
import {Checks, vm} from "./Checks.sol";

contract ReputationRegistryTest is Checks {
    address private constant ALICE = address(0xA11CE);
    address private constant CLIENT = address(0xC11E);
    address private constant OTHER = address(0xC22E);

    IdentityRegistry private identities;
    ReputationRegistry private reputation;
    uint256 private agentId;

    function setUp() public {
        identities = new IdentityRegistry();
        reputation = new ReputationRegistry(address(identities));
        vm.prank(ALICE);
        agentId = identities.register("https://a.example/agent.json");
    }

    function test_nobody_praises_himself() public {
        vm.prank(ALICE);
        vm.expectPartialRevert(ReputationRegistry.OwnFeedback.selector);
        reputation.giveFeedback(agentId, 5, 0, "", "", "", "", 0);
        vm.prank(ALICE);
        identities.approve(OTHER, agentId);
        vm.prank(OTHER);
        vm.expectPartialRevert(ReputationRegistry.OwnFeedback.selector);
        reputation.giveFeedback(agentId, 5, 0, "", "", "", "", 0);
        vm.expectPartialRevert(IERC721Errors.ERC721NonexistentToken.selector);
        reputation.giveFeedback(99, 5, 0, "", "", "", "", 0);
        checkEq(reputation.getIdentityRegistry(), address(identities), "registry");
    }

    function test_values_are_bounded() public {
        vm.expectPartialRevert(ReputationRegistry.ValueOutOfRange.selector);
        reputation.giveFeedback(agentId, 1e38 + 1, 0, "", "", "", "", 0);
        vm.expectPartialRevert(ReputationRegistry.ValueOutOfRange.selector);
        reputation.giveFeedback(agentId, -1e38 - 1, 0, "", "", "", "", 0);
        vm.expectPartialRevert(ReputationRegistry.ValueOutOfRange.selector);
        reputation.giveFeedback(agentId, 0, 19, "", "", "", "", 0);
        _give(CLIENT, 1e38, 0, "a");
        _give(CLIENT, -1e38, 18, "a");
    }

    function test_feedback_is_revoked_by_its_client_only() public {
        _give(CLIENT, 80, 0, "starred");
        vm.prank(OTHER);
        vm.expectPartialRevert(ReputationRegistry.NoSuchFeedback.selector);
        reputation.revokeFeedback(agentId, 1);
        vm.startPrank(CLIENT);
        vm.expectPartialRevert(ReputationRegistry.NoSuchFeedback.selector);
        reputation.revokeFeedback(agentId, 0);
        reputation.revokeFeedback(agentId, 1);
        vm.expectPartialRevert(ReputationRegistry.AlreadyRevoked.selector);
        reputation.revokeFeedback(agentId, 1);
        vm.stopPrank();
        (int128 value,, string memory tag1,, bool revoked) =
            reputation.readFeedback(agentId, CLIENT, 1);
        check(revoked, "revoked");
        checkEq(uint256(int256(value)), 80, "and still readable");
        checkEq(keccak256(bytes(tag1)), keccak256("starred"), "tag");
    }

    function test_a_summary_is_over_named_clients() public {
        address[] memory nobody = new address[](0);
        vm.expectRevert(ReputationRegistry.ClientsNotNamed.selector);
        reputation.getSummary(agentId, nobody, "", "");
        _give(CLIENT, 90, 0, "starred");
        _give(CLIENT, 955, 1, "uptime");
        _give(OTHER, -100, 0, "starred");
        address[] memory both = _clients(CLIENT, OTHER);
        (uint64 count, int128 value, uint8 decimals) =
            reputation.getSummary(agentId, both, "starred", "");
        checkEq(count, 2, "starred");
        check(value == -5 && decimals == 0, "their average");
        (count, value, decimals) = reputation.getSummary(agentId, both, "", "");
        checkEq(count, 3, "all");
        check(value == 28 && decimals == 0, "(90 + 95.5 - 100) / 3, rounded toward zero");
        vm.prank(OTHER);
        reputation.revokeFeedback(agentId, 1);
        (count, value, decimals) = reputation.getSummary(agentId, both, "", "");
        check(count == 2 && value == 92 && decimals == 0, "a tie takes the fewer decimals");
        (count,,) = reputation.getSummary(agentId, both, "", "nothing");
        checkEq(count, 0, "no such tag");
    }

    function testFuzz_a_summary_is_the_average(int64[5] memory given, uint8 decimals) public {
        decimals = uint8(within(decimals, 0, 18));
        int256 sum;
        for (uint256 i = 0; i < 5; ++i) {
            _give(i % 2 == 0 ? CLIENT : OTHER, given[i], decimals, "t");
            sum += given[i];
        }
        (uint64 count, int128 value, uint8 stated) =
            reputation.getSummary(agentId, _clients(CLIENT, OTHER), "", "");
        checkEq(count, 5, "count");
        checkEq(stated, decimals, "decimals");
        check(value == sum / 5, "average");
    }

    function test_all_feedback_is_read_by_client_and_tag() public {
        _give(CLIENT, 1, 0, "a");
        _give(CLIENT, 2, 0, "b");
        _give(OTHER, 3, 0, "a");
        vm.prank(CLIENT);
        reputation.revokeFeedback(agentId, 1);
        address[] memory everybody = new address[](0);
        (address[] memory clients, uint64[] memory indexes, int128[] memory values,,,,) =
            reputation.readAllFeedback(agentId, everybody, "", "", false);
        checkEq(clients.length, 2, "without the revoked");
        check(clients[0] == CLIENT && indexes[0] == 2 && values[0] == 2, "first");
        check(clients[1] == OTHER && indexes[1] == 1 && values[1] == 3, "second");
        bool[] memory revoked;
        (clients,,,,,, revoked) = reputation.readAllFeedback(agentId, everybody, "a", "", true);
        check(clients.length == 2 && revoked[0] && !revoked[1], "by tag, with the revoked");
        (clients,,,,,,) = reputation.readAllFeedback(agentId, _clients(OTHER, OTHER), "b", "", true);
        checkEq(clients.length, 0, "none of that client's");
        checkEq(reputation.getClients(agentId).length, 2, "clients");
        checkEq(reputation.getLastIndex(agentId, CLIENT), 2, "last index");
    }

    function test_responses_are_counted() public {
        _give(CLIENT, 1, 0, "a");
        _give(CLIENT, 2, 0, "a");
        _give(OTHER, 3, 0, "a");
        vm.expectRevert(ReputationRegistry.EmptyResponse.selector);
        reputation.appendResponse(agentId, CLIENT, 1, "", 0);
        vm.expectPartialRevert(ReputationRegistry.NoSuchFeedback.selector);
        reputation.appendResponse(agentId, CLIENT, 3, "x", 0);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(ALICE);
            reputation.appendResponse(agentId, CLIENT, 1, "x", 0);
        }
        reputation.appendResponse(agentId, CLIENT, 2, "y", 0);
        reputation.appendResponse(agentId, OTHER, 1, "z", 0);
        address[] memory anyone = new address[](0);
        checkEq(reputation.getResponseCount(agentId, CLIENT, 1, anyone), 2, "to one");
        checkEq(reputation.getResponseCount(agentId, CLIENT, 0, anyone), 3, "to a client");
        checkEq(reputation.getResponseCount(agentId, address(0), 0, anyone), 4, "to an agent");
        address[] memory alice = new address[](1);
        alice[0] = ALICE;
        checkEq(reputation.getResponseCount(agentId, address(0), 0, alice), 2, "by one");
    }

    function _give(address client, int128 value, uint8 decimals, string memory tag) private {
        vm.prank(client);
        reputation.giveFeedback(agentId, value, decimals, tag, "", "", "ipfs://f", keccak256("f"));
    }

    function _clients(address first, address second) private pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (first, second);
    }
}
