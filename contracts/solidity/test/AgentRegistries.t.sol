// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IdentityRegistry} from "../src/IdentityRegistry.sol";
import {ReputationRegistry} from "../src/ReputationRegistry.sol";
import {Checks, vm} from "./Checks.sol";

contract AgentRegistriesTest is Checks {
    address private constant ALICE = address(0xA11CE);
    address private constant CLIENT = address(0xC11E);
    address private constant OTHER = address(0xC22E);
    uint256 private constant WALLET_KEY = 0xB0B;

    IdentityRegistry private identities;
    ReputationRegistry private reputation;
    uint256 private agentId;

    function setUp() public {
        vm.chainId(84532);
        vm.warp(1_000_000);
        identities = new IdentityRegistry();
        reputation = new ReputationRegistry(address(identities));
        vm.prank(ALICE);
        agentId = identities.register("https://a.example/agent.json");
    }

    function test_agents_are_counted_from_zero() public {
        checkEq(agentId, 0, "first");
        IdentityRegistry.MetadataEntry[] memory entries = new IdentityRegistry.MetadataEntry[](1);
        entries[0] = IdentityRegistry.MetadataEntry("kind", hex"01");
        vm.prank(CLIENT);
        uint256 second = identities.register("", entries);
        vm.prank(CLIENT);
        uint256 third = identities.register();
        checkEq(second, 1, "second");
        checkEq(third, 2, "third");
        checkEq(identities.ownerOf(second), CLIENT, "owner");
        checkEq(identities.getAgentWallet(second), CLIENT, "wallet");
        checkEq(keccak256(identities.getMetadata(second, "kind")), keccak256(hex"01"), "metadata");
        checkEq(
            keccak256(bytes(identities.tokenURI(agentId))),
            keccak256("https://a.example/agent.json"),
            "URI"
        );
        checkEq(keccak256(bytes(identities.getVersion())), keccak256("2.0.0"), "version");
        checkEq(
            identities.AGENT_WALLET_SET_TYPEHASH(),
            0x678b53cd718d595370ab070ebf48edfdcd834beac116bf23e625fc7f4d5b7d32,
            "typehash"
        );
    }

    function test_only_an_agents_people_change_it() public {
        vm.startPrank(OTHER);
        vm.expectPartialRevert(IdentityRegistry.NotAgentOperator.selector);
        identities.setAgentURI(agentId, "x");
        vm.expectPartialRevert(IdentityRegistry.NotAgentOperator.selector);
        identities.setMetadata(agentId, "k", "v");
        vm.expectPartialRevert(IdentityRegistry.NotAgentOperator.selector);
        identities.setAgentWallet(agentId, OTHER, block.timestamp, "");
        vm.expectPartialRevert(IdentityRegistry.NotAgentOperator.selector);
        identities.unsetAgentWallet(agentId);
        vm.expectPartialRevert(IERC721Errors.ERC721NonexistentToken.selector);
        identities.setAgentURI(9, "x");
        vm.stopPrank();
        vm.prank(ALICE);
        identities.setApprovalForAll(OTHER, true);
        vm.startPrank(OTHER);
        identities.setAgentURI(agentId, "x");
        identities.setMetadata(agentId, "k", "v");
        vm.stopPrank();
        checkEq(keccak256(bytes(identities.tokenURI(agentId))), keccak256("x"), "URI");
        checkEq(keccak256(identities.getMetadata(agentId, "k")), keccak256("v"), "metadata");
    }

    function test_the_wallets_key_is_reserved() public {
        vm.startPrank(ALICE);
        vm.expectRevert(IdentityRegistry.KeyReserved.selector);
        identities.setMetadata(agentId, "agentWallet", abi.encodePacked(OTHER));
        IdentityRegistry.MetadataEntry[] memory entries = new IdentityRegistry.MetadataEntry[](1);
        entries[0] = IdentityRegistry.MetadataEntry("agentWallet", abi.encodePacked(OTHER));
        vm.expectRevert(IdentityRegistry.KeyReserved.selector);
        identities.register("", entries);
        vm.stopPrank();
    }

    function test_a_wallet_is_set_by_its_own_signature() public {
        address wallet = vm.addr(WALLET_KEY);
        uint256 deadline = block.timestamp + 5 minutes;
        bytes memory consent = _consent(agentId, ALICE, deadline);
        vm.prank(ALICE);
        identities.setAgentWallet(agentId, wallet, deadline, consent);
        checkEq(identities.getAgentWallet(agentId), wallet, "wallet");
        checkEq(
            keccak256(identities.getMetadata(agentId, "agentWallet")),
            keccak256(abi.encodePacked(wallet)),
            "and its metadata"
        );
        vm.prank(ALICE);
        identities.unsetAgentWallet(agentId);
        checkEq(identities.getAgentWallet(agentId), address(0), "unset");
    }

    function test_a_contract_wallet_signs_by_erc1271() public {
        YesWallet wallet = new YesWallet();
        vm.prank(ALICE);
        identities.setAgentWallet(agentId, address(wallet), block.timestamp, "");
        checkEq(identities.getAgentWallet(agentId), address(wallet), "wallet");
    }

    function test_every_part_of_a_wallets_consent_is_signed() public {
        address wallet = vm.addr(WALLET_KEY);
        uint256 deadline = block.timestamp + 100;
        bytes memory consent = _consent(agentId, ALICE, deadline);
        vm.startPrank(ALICE);
        uint256 other = identities.register();
        vm.expectPartialRevert(IdentityRegistry.WalletNotProven.selector);
        identities.setAgentWallet(other, wallet, deadline, consent);
        vm.expectPartialRevert(IdentityRegistry.WalletNotProven.selector);
        identities.setAgentWallet(agentId, OTHER, deadline, consent);
        vm.expectPartialRevert(IdentityRegistry.WalletNotProven.selector);
        identities.setAgentWallet(agentId, address(0), deadline, consent);
        vm.expectPartialRevert(IdentityRegistry.WalletNotProven.selector);
        identities.setAgentWallet(agentId, wallet, deadline + 1, consent);
        vm.expectPartialRevert(IdentityRegistry.DeadlineOutOfRange.selector);
        identities.setAgentWallet(agentId, wallet, block.timestamp - 1, consent);
        vm.expectPartialRevert(IdentityRegistry.DeadlineOutOfRange.selector);
        identities.setAgentWallet(agentId, wallet, block.timestamp + 301, consent);
        identities.transferFrom(ALICE, OTHER, agentId);
        vm.stopPrank();
        vm.prank(OTHER);
        vm.expectPartialRevert(IdentityRegistry.WalletNotProven.selector);
        identities.setAgentWallet(agentId, wallet, deadline, consent);
    }

    function test_a_transfer_clears_the_wallet() public {
        vm.prank(ALICE);
        identities.transferFrom(ALICE, OTHER, agentId);
        checkEq(identities.getAgentWallet(agentId), address(0), "wallet");
        checkEq(identities.getMetadata(agentId, "agentWallet").length, 0, "metadata");
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

    function _consent(uint256 agent, address owner, uint256 deadline)
        private
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("ERC8004IdentityRegistry"),
                keccak256("1"),
                block.chainid,
                address(identities)
            )
        );
        bytes32 consent = keccak256(
            abi.encode(
                identities.AGENT_WALLET_SET_TYPEHASH(), agent, vm.addr(WALLET_KEY), owner, deadline
            )
        );
        return signed(WALLET_KEY, keccak256(abi.encodePacked(hex"1901", domain, consent)));
    }
}

/// @notice A contract account that signs everything.
contract YesWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}
