// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

interface IAgents {
    function isAuthorizedOrOwner(address spender, uint256 agentId) external view returns (bool);
}

/// @title What clients say about agents: ERC-8004's reputation registry.
/// @notice Anyone but an agent's own people gives feedback; a value is a signed number with up to 18
/// decimals. Nothing is weighed here: a summary is over the clients that the reader names, because
/// feedback of unknown clients costs nothing to make.
///
/// Invariants (`test/ReputationRegistry.t.sol`):
///  1. An agent's owner and operators give it no feedback: `test_nobody_praises_himself`.
///  2. Feedback is numbered from 1 for each client and only revoked, never changed, by its client:
///     `test_feedback_is_revoked_by_its_client_only`.
///  3. A summary counts unrevoked feedback of the named clients and tags, and none without clients:
///     `test_a_summary_is_over_named_clients`, `testFuzz_a_summary_is_the_average`.
contract ReputationRegistry {
    struct Feedback {
        int128 value;
        uint8 valueDecimals;
        bool isRevoked;
        string tag1;
        string tag2;
    }

    /// @dev What feedback was about and where it is told; in events only.
    struct Reference {
        string endpoint;
        string uri;
        bytes32 uriHash;
    }

    /// @dev Feedback side by side, as `readAllFeedback` returns it.
    struct Found {
        address[] clients;
        uint64[] indexes;
        int128[] values;
        uint8[] valueDecimals;
        string[] tag1s;
        string[] tag2s;
        bool[] revoked;
    }

    int128 public constant MAX_VALUE = 1e38;
    uint8 public constant MAX_DECIMALS = 18;

    IAgents private immutable _identities;

    mapping(uint256 agentId => mapping(address client => Feedback[])) private _feedback;
    mapping(uint256 agentId => address[]) private _clients;
    mapping(bytes32 feedback => address[]) private _responders;
    mapping(bytes32 feedback => mapping(address responder => uint64)) private _responses;

    event NewFeedback(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        int128 value,
        uint8 valueDecimals,
        string indexed indexedTag1,
        string tag1,
        string tag2,
        string endpoint,
        string feedbackURI,
        bytes32 feedbackHash
    );
    event FeedbackRevoked(
        uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex
    );
    event ResponseAppended(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        address indexed responder,
        string responseURI,
        bytes32 responseHash
    );

    error OwnFeedback(address client, uint256 agentId);
    error ValueOutOfRange(int128 value, uint8 valueDecimals);
    error NoSuchFeedback(uint64 feedbackIndex);
    error AlreadyRevoked(uint64 feedbackIndex);
    error ClientsNotNamed();
    error EmptyResponse();

    constructor(address identityRegistry) {
        _identities = IAgents(identityRegistry);
    }

    function getIdentityRegistry() external view returns (address) {
        return address(_identities);
    }

    /// @notice Gives feedback on an agent, which must exist.
    /// @param value times 10^-valueDecimals, between -10^38 and 10^38.
    function giveFeedback(
        uint256 agentId,
        int128 value,
        uint8 valueDecimals,
        string calldata tag1,
        string calldata tag2,
        string calldata endpoint,
        string calldata feedbackURI,
        bytes32 feedbackHash
    ) external {
        if (_identities.isAuthorizedOrOwner(msg.sender, agentId)) {
            revert OwnFeedback(msg.sender, agentId);
        }
        if (value > MAX_VALUE || value < -MAX_VALUE || valueDecimals > MAX_DECIMALS) {
            revert ValueOutOfRange(value, valueDecimals);
        }
        Feedback memory given = Feedback(value, valueDecimals, false, tag1, tag2);
        _keep(agentId, given, Reference(endpoint, feedbackURI, feedbackHash));
    }

    function revokeFeedback(uint256 agentId, uint64 feedbackIndex) external {
        Feedback storage given = _one(agentId, msg.sender, feedbackIndex);
        if (given.isRevoked) revert AlreadyRevoked(feedbackIndex);
        given.isRevoked = true;
        emit FeedbackRevoked(agentId, msg.sender, feedbackIndex);
    }

    /// @notice Answers feedback; anyone may, the agent or who knows better.
    function appendResponse(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        string calldata responseURI,
        bytes32 responseHash
    ) external {
        if (bytes(responseURI).length == 0) revert EmptyResponse();
        _one(agentId, clientAddress, feedbackIndex);
        bytes32 key = _key(agentId, clientAddress, feedbackIndex);
        if (++_responses[key][msg.sender] == 1) _responders[key].push(msg.sender);
        emit ResponseAppended(
            agentId, clientAddress, feedbackIndex, msg.sender, responseURI, responseHash
        );
    }

    /// @notice The average over the named clients' unrevoked feedback; an empty tag matches all.
    /// The value is rounded toward zero to the decimals used most often, the fewer on a tie.
    function getSummary(
        uint256 agentId,
        address[] calldata clientAddresses,
        string calldata tag1,
        string calldata tag2
    ) external view returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals) {
        if (clientAddresses.length == 0) revert ClientsNotNamed();
        uint64[19] memory used;
        int256 sum;
        for (uint256 i = 0; i < clientAddresses.length; ++i) {
            Feedback[] storage given = _feedback[agentId][clientAddresses[i]];
            for (uint256 j = 0; j < given.length; ++j) {
                if (given[j].isRevoked || !_tagged(given[j], tag1, tag2)) continue;
                uint8 decimals = given[j].valueDecimals;
                // At most 10^38 * 10^18, so 2^64 of them stay far below 2^255.
                sum += int256(given[j].value) * int256(10 ** (MAX_DECIMALS - decimals));
                ++used[decimals];
                ++count;
            }
        }
        if (count == 0) return (0, 0, 0);
        for (uint8 decimals = 1; decimals <= MAX_DECIMALS; ++decimals) {
            if (used[decimals] > used[summaryValueDecimals]) summaryValueDecimals = decimals;
        }
        int256 average = sum / int256(uint256(count));
        // Values of few decimals may exceed 128 bits when they are stated with more.
        average /= int256(10 ** (MAX_DECIMALS - summaryValueDecimals));
        if (average > type(int128).max || average < type(int128).min) {
            revert ValueOutOfRange(0, summaryValueDecimals);
        }
        summaryValue = int128(average);
    }

    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (
            int128 value,
            uint8 valueDecimals,
            string memory tag1,
            string memory tag2,
            bool isRevoked
        )
    {
        Feedback storage given = _one(agentId, clientAddress, feedbackIndex);
        return (given.value, given.valueDecimals, given.tag1, given.tag2, given.isRevoked);
    }

    /// @notice Feedback by client and tags; of all clients where none is named.
    function readAllFeedback(
        uint256 agentId,
        address[] memory clientAddresses,
        string memory tag1,
        string memory tag2,
        bool includeRevoked
    )
        external
        view
        returns (
            address[] memory clients,
            uint64[] memory feedbackIndexes,
            int128[] memory values,
            uint8[] memory valueDecimals,
            string[] memory tag1s,
            string[] memory tag2s,
            bool[] memory revokedStatuses
        )
    {
        if (clientAddresses.length == 0) {
            clientAddresses = _clients[agentId];
        }
        Found memory found = _find(agentId, clientAddresses, tag1, tag2, includeRevoked);
        clients = found.clients;
        feedbackIndexes = found.indexes;
        values = found.values;
        valueDecimals = found.valueDecimals;
        tag1s = found.tag1s;
        tag2s = found.tag2s;
        revokedStatuses = found.revoked;
    }

    /// @notice How many responses: to one feedback, to all of a client (index 0), or to all of an agent
    /// (client 0); by the named responders, or by anyone.
    function getResponseCount(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        address[] calldata responders
    ) external view returns (uint64 count) {
        if (clientAddress != address(0)) {
            return _countOf(agentId, clientAddress, feedbackIndex, responders);
        }
        address[] storage clients = _clients[agentId];
        for (uint256 i = 0; i < clients.length; ++i) {
            count += _countOf(agentId, clients[i], 0, responders);
        }
    }

    function getClients(uint256 agentId) external view returns (address[] memory) {
        return _clients[agentId];
    }

    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64) {
        return uint64(_feedback[agentId][clientAddress].length);
    }

    function getVersion() external pure returns (string memory) {
        return "2.0.0";
    }

    function _find(
        uint256 agentId,
        address[] memory asked,
        string memory tag1,
        string memory tag2,
        bool includeRevoked
    ) private view returns (Found memory found) {
        uint256 size;
        for (uint256 pass = 0; pass < 2; ++pass) {
            if (pass == 1) found = _room(size);
            size = 0;
            for (uint256 i = 0; i < asked.length; ++i) {
                Feedback[] storage given = _feedback[agentId][asked[i]];
                for (uint256 j = 0; j < given.length; ++j) {
                    if (given[j].isRevoked && !includeRevoked) continue;
                    if (!_tagged(given[j], tag1, tag2)) continue;
                    if (pass == 1) _put(found, size, asked[i], uint64(j + 1), given[j]);
                    ++size;
                }
            }
        }
    }

    function _put(
        Found memory found,
        uint256 place,
        address client,
        uint64 index,
        Feedback memory one
    ) private pure {
        (found.clients[place], found.indexes[place]) = (client, index);
        (found.values[place], found.valueDecimals[place]) = (one.value, one.valueDecimals);
        (found.tag1s[place], found.tag2s[place]) = (one.tag1, one.tag2);
        found.revoked[place] = one.isRevoked;
    }

    function _room(uint256 size) private pure returns (Found memory found) {
        found.clients = new address[](size);
        found.indexes = new uint64[](size);
        found.values = new int128[](size);
        found.valueDecimals = new uint8[](size);
        found.tag1s = new string[](size);
        found.tag2s = new string[](size);
        found.revoked = new bool[](size);
    }

    function _keep(uint256 agentId, Feedback memory given, Reference memory about) private {
        Feedback[] storage all = _feedback[agentId][msg.sender];
        if (all.length == 0) _clients[agentId].push(msg.sender);
        all.push(given);
        _announce(agentId, uint64(all.length), given, about);
    }

    function _announce(uint256 agentId, uint64 index, Feedback memory given, Reference memory about)
        private
    {
        emit NewFeedback(
            agentId,
            msg.sender,
            index,
            given.value,
            given.valueDecimals,
            given.tag1,
            given.tag1,
            given.tag2,
            about.endpoint,
            about.uri,
            about.uriHash
        );
    }

    function _countOf(
        uint256 agentId,
        address client,
        uint64 feedbackIndex,
        address[] calldata responders
    ) private view returns (uint64 count) {
        uint64 first = feedbackIndex == 0 ? 1 : feedbackIndex;
        uint64 last = feedbackIndex == 0 ? uint64(_feedback[agentId][client].length) : feedbackIndex;
        for (uint64 index = first; index <= last; ++index) {
            bytes32 key = _key(agentId, client, index);
            address[] memory asked = _responders[key];
            if (responders.length != 0) asked = responders;
            for (uint256 i = 0; i < asked.length; ++i) {
                count += _responses[key][asked[i]];
            }
        }
    }

    function _one(uint256 agentId, address client, uint64 feedbackIndex)
        private
        view
        returns (Feedback storage)
    {
        Feedback[] storage given = _feedback[agentId][client];
        if (feedbackIndex == 0 || feedbackIndex > given.length) {
            revert NoSuchFeedback(feedbackIndex);
        }
        return given[feedbackIndex - 1];
    }

    function _tagged(Feedback storage given, string memory tag1, string memory tag2)
        private
        view
        returns (bool)
    {
        return _matches(given.tag1, tag1) && _matches(given.tag2, tag2);
    }

    function _matches(string memory tag, string memory asked) private pure returns (bool) {
        return bytes(asked).length == 0 || keccak256(bytes(tag)) == keccak256(bytes(asked));
    }

    function _key(uint256 agentId, address client, uint64 feedbackIndex)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(agentId, client, feedbackIndex));
    }
}
