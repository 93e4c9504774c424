// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IdentityRegistry} from "../src/IdentityRegistry.sol";
import {Checks, vm} from "./Checks.sol";

contract IdentityRegistryTest is Checks {
    address private constant ALICE = address(0xA11CE);
    address private constant CLIENT = address(0xC11E);
    address private constant OTHER = address(0xC22E);
    uint256 private constant WALLET_KEY = 0xB0B;

    IdentityRegistry private identities;
    uint256 private agentId;

    function setUp() public {
        vm.chainId(84532);
        vm.warp(1_000_000);
        identities = new IdentityRegistry();
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
