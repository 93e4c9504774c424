// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {
    ERC721URIStorage
} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Agents as tokens: ERC-8004's identity registry, for chains that have no canonical one.
/// @notice An agent is an ERC-721 token whose URI is its registration file. Its wallet receives what
/// it earns and is proven by the wallet's own signature; a transfer clears it. Interface and domain
/// are those of the canonical deployments, which public networks use instead; here nobody can
/// upgrade anything.
///
/// Units: `deadline` in unix seconds, at most five minutes ahead.
///
/// Invariants (`test/IdentityRegistry.t.sol`):
///  1. Ids count from 0, one for each registration: `test_agents_are_counted_from_zero`.
///  2. A wallet other than the registrant is set with that wallet's signature only, EOA or ERC-1271,
///     bound to agent, owner, chain and contract: `test_a_wallet_is_set_by_its_own_signature`,
///     `test_every_part_of_a_wallets_consent_is_signed`.
///  3. A transfer clears the wallet: `test_a_transfer_clears_the_wallet`.
///  4. The key `agentWallet` is written by nothing else: `test_the_wallets_key_is_reserved`.
contract IdentityRegistry is ERC721URIStorage, EIP712 {
    struct MetadataEntry {
        string metadataKey;
        bytes metadataValue;
    }

    bytes32 public constant AGENT_WALLET_SET_TYPEHASH = keccak256(
        "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
    );
    uint256 public constant MAX_DEADLINE_DELAY = 5 minutes;
    string private constant WALLET_KEY = "agentWallet";

    uint256 private _agents;
    mapping(uint256 agentId => mapping(string key => bytes)) private _metadata;
    mapping(uint256 agentId => address) private _wallets;

    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event MetadataSet(
        uint256 indexed agentId,
        string indexed indexedMetadataKey,
        string metadataKey,
        bytes metadataValue
    );
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);

    error NotAgentOperator(address caller, uint256 agentId);
    error KeyReserved();
    error DeadlineOutOfRange(uint256 deadline);
    error WalletNotProven(address wallet);

    constructor() ERC721("AgentIdentity", "AGENT") EIP712("ERC8004IdentityRegistry", "1") {}

    modifier onlyOperator(uint256 agentId) {
        if (!isAuthorizedOrOwner(msg.sender, agentId)) {
            revert NotAgentOperator(msg.sender, agentId);
        }
        _;
    }

    function register() external returns (uint256 agentId) {
        return _register("");
    }

    function register(string calldata agentURI) external returns (uint256 agentId) {
        return _register(agentURI);
    }

    function register(string calldata agentURI, MetadataEntry[] calldata metadata)
        external
        returns (uint256 agentId)
    {
        agentId = _register(agentURI);
        for (uint256 i = 0; i < metadata.length; ++i) {
            _requireFree(metadata[i].metadataKey);
            _setMetadata(agentId, metadata[i].metadataKey, metadata[i].metadataValue);
        }
    }

    function setAgentURI(uint256 agentId, string calldata newURI) external onlyOperator(agentId) {
        _setTokenURI(agentId, newURI);
        emit URIUpdated(agentId, newURI, msg.sender);
    }

    function getMetadata(uint256 agentId, string memory metadataKey)
        external
        view
        returns (bytes memory)
    {
        return _metadata[agentId][metadataKey];
    }

    function setMetadata(uint256 agentId, string memory metadataKey, bytes memory metadataValue)
        external
        onlyOperator(agentId)
    {
        _requireFree(metadataKey);
        _setMetadata(agentId, metadataKey, metadataValue);
    }

    /// @notice Names the account that receives for an agent.
    /// @param signature by `newWallet`, over the agent, its owner and the deadline.
    function setAgentWallet(
        uint256 agentId,
        address newWallet,
        uint256 deadline,
        bytes calldata signature
    ) external onlyOperator(agentId) {
        if (deadline < block.timestamp || deadline > block.timestamp + MAX_DEADLINE_DELAY) {
            revert DeadlineOutOfRange(deadline);
        }
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    AGENT_WALLET_SET_TYPEHASH, agentId, newWallet, ownerOf(agentId), deadline
                )
            )
        );
        if (
            newWallet == address(0)
                || !SignatureChecker.isValidSignatureNowCalldata(newWallet, digest, signature)
        ) revert WalletNotProven(newWallet);
        _setWallet(agentId, newWallet);
    }

    function unsetAgentWallet(uint256 agentId) external onlyOperator(agentId) {
        _setWallet(agentId, address(0));
    }

    function getAgentWallet(uint256 agentId) external view returns (address) {
        _requireOwned(agentId);
        return _wallets[agentId];
    }

    /// @notice Whether `spender` may act for an agent: its owner, an operator, or the approved account.
    function isAuthorizedOrOwner(address spender, uint256 agentId) public view returns (bool) {
        return _isAuthorized(_requireOwned(agentId), spender, agentId);
    }

    function getVersion() external pure returns (string memory) {
        return "2.0.0";
    }

    /// @dev A wallet was proven to one owner; the next one's money must not go there.
    function _update(address to, uint256 tokenId, address auth)
        internal
        override(ERC721)
        returns (address from)
    {
        from = super._update(to, tokenId, auth);
        if (from != address(0)) _setWallet(tokenId, address(0));
    }

    function _register(string memory agentURI) private returns (uint256 agentId) {
        agentId = _agents++;
        emit Registered(agentId, agentURI, msg.sender);
        _mint(msg.sender, agentId);
        _setTokenURI(agentId, agentURI);
        _setWallet(agentId, msg.sender);
    }

    function _setWallet(uint256 agentId, address wallet) private {
        _wallets[agentId] = wallet;
        bytes memory value = wallet == address(0) ? bytes("") : abi.encodePacked(wallet);
        _setMetadata(agentId, WALLET_KEY, value);
    }

    function _setMetadata(uint256 agentId, string memory key, bytes memory value) private {
        _metadata[agentId][key] = value;
        emit MetadataSet(agentId, key, key, value);
    }

    function _requireFree(string memory key) private pure {
        if (keccak256(bytes(key)) == keccak256(bytes(WALLET_KEY))) revert KeyReserved();
    }
}
