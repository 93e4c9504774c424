// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {BatchSettlement} from "../src/BatchSettlement.sol";
import {ExactPermit2Proxy} from "../src/ExactPermit2Proxy.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {PhraseProofs, SegmentCount, SegmentOpening, Suffix} from "../src/PhraseProofs.sol";
import {RevenueVault} from "../src/RevenueVault.sol";
import {Entitlement, SumNode, SumTree} from "../src/SumTree.sol";
import {UptoPermit2Proxy} from "../src/UptoPermit2Proxy.sol";
import {VaultTerms} from "../src/VaultTerms.sol";
import {Channels} from "./Channels.sol";
import {Permits} from "./Permits.sol";
import {Phrases} from "./Phrases.sol";
import {Vaults} from "./Vaults.sol";
import {vm} from "./Checks.sol";

/// @title Gas of the channels' calls, without the 21,000 of a transaction, as the canonical contract's
/// figures are.
contract ChannelGasTest is Channels {
    function setUp() public {
        _setUpChannels();
    }

    function test_gas_deposit() public {
        bytes memory data = _collectorData(settlement.getChannelId(_config(0)), 100, 1);
        settlement.deposit(_config(0), 100, address(collector), data);
        vm.snapshotGasLastCall("channels", "deposit, first, EIP-3009");
    }

    function test_gas_claim_one() public {
        _deposit(_config(0), 100, 1);
        BatchSettlement.VoucherClaim[] memory rows = _one(_row(_config(0), 50, 50));
        vm.prank(RECEIVER);
        settlement.claim(rows);
        vm.snapshotGasLastCall("channels", "claim, 1 channel, first");
    }

    function test_gas_claim_ten() public {
        BatchSettlement.VoucherClaim[] memory rows = new BatchSettlement.VoucherClaim[](10);
        for (uint256 i = 0; i < 10; ++i) {
            _deposit(_config(bytes32(i)), 100, i + 1);
            rows[i] = _row(_config(bytes32(i)), 50, 50);
        }
        vm.prank(RECEIVER);
        settlement.claim(rows);
        uint256 gas = vm.snapshotGasLastCall("channels", "claim, 10 channels, first");
        checkAtMost(gas, 10 * 19_200, "a voucher of ten");
    }

    function test_gas_settle_and_refund() public {
        _deposit(_config(0), 100, 1);
        _claimWithSignature(_one(_row(_config(0), 50, 50)));
        settlement.settle(RECEIVER, address(token));
        uint256 gas = vm.snapshotGasLastCall("channels", "settle");
        checkAtMost(gas, 31_000, "settle");
        vm.prank(RECEIVER);
        settlement.refund(_config(0), 50);
        vm.snapshotGasLastCall("channels", "refund");
    }
}

/// @title What a first deposit costs once the contract holds tokens at all, as it does on a public
/// network: its balance of the token is not written from zero. Measured in a transaction of its own.
contract ChannelBesideOthersGasTest is Channels {
    function setUp() public {
        _setUpChannels();
        _deposit(_config(bytes32(uint256(1))), 100, 2);
    }

    function test_gas_deposit_beside_others() public {
        bytes memory data = _collectorData(settlement.getChannelId(_config(0)), 100, 1);
        settlement.deposit(_config(0), 100, address(collector), data);
        vm.snapshotGasLastCall("channels", "deposit, new channel beside others, EIP-3009");
    }
}

/// @title Gas of payments by Permit2, without the 21,000 of a transaction.
contract PermitGasTest is Permits {
    function setUp() public {
        _setUpPermits();
        _approvePermit2();
        token.mint(PAYEE, 1);
    }

    function test_gas_exact() public {
        IPermit2.PermitTransferFrom memory permit = _permit(100, 1);
        ExactPermit2Proxy.Witness memory witness = ExactPermit2Proxy.Witness(PAYEE, 0);
        bytes memory signature = _signExact(permit, witness);
        exact.settle(permit, payer, witness, signature);
        vm.snapshotGasLastCall("permits", "exact, by Permit2");
    }

    function test_gas_upto() public {
        IPermit2.PermitTransferFrom memory permit = _permit(100, 1);
        UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, address(this), 0);
        bytes memory signature = _signUpto(permit, witness);
        upto.settle(permit, 60, payer, witness, signature);
        vm.snapshotGasLastCall("permits", "upto, by Permit2");
    }
}

/// @title A vault's terms as one would keep them first: each in a word of its own.
contract TenWordFactory {
    function create(address implementation, bytes32[10] calldata words) external returns (address) {
        return
            Clones.cloneDeterministicWithImmutableArgs(
                implementation, abi.encode(words), bytes32(0)
            );
    }
}

/// @title Gas of the vault's calls, each a transaction of its own: calldata, the 21,000 and cold storage
/// are in it, refunds are off it.
/// forge-config: default.isolate = true
contract VaultGasTest is Vaults {
    function setUp() public {
        _setUpVaults();
        _pay(vault, 2_000_000_000);
        _bond(vault, ATTRIBUTOR, 1_000_000_000);
    }

    function test_gas_create_vault() public {
        VaultTerms memory terms = _terms(versionId, 0);
        terms.termsHash = keccak256("other terms");
        // Addresses without zeros: those of the other tests are short, and cost less calldata.
        terms.platform = _account(1);
        terms.host = _account(2);
        terms.attributor = _account(3);
        terms.fallbackTo = _account(4);
        factory.create(terms);
        uint256 gas = vm.snapshotGasLastCall("vaults", "create");
        checkAtMost(gas, 120_000, "create");
    }

    /// @notice The naive form of terms: ten words of arguments behind the proxy, of which nothing is
    /// checked and nothing told. Their code alone costs more than a whole creation may.
    function test_terms_in_ten_words_cost_more_than_a_vault_may() public {
        TenWordFactory naive = new TenWordFactory();
        bytes32[10] memory words;
        for (uint256 i = 0; i < 10; ++i) {
            words[i] = bytes32(uint256(uint160(_account(i))));
        }
        naive.create(factory.implementationOf(address(token)), words);
        uint256 gas = vm.snapshotGasLastCall("vaults", "create, naive: ten words, unchecked");
        checkAtMost(120_001, gas, "ten words");
    }

    function test_gas_post_root_and_claim_at_depth_20() public {
        (bytes32 root, uint128 sum, bytes memory proof) = _deep(_leaf(0, _account(5), 500));
        _post(root, sum, 20);
        vm.snapshotGasLastCall("vaults", "post a root, first, with its seed");
        _finalize();
        vault.claim(_leaf(0, _account(5), 500), proof);
        uint256 gas = vm.snapshotGasLastCall("vaults", "claim, depth 20, first");
        checkAtMost(gas, 110_000, "a first claim");
        (root, sum, proof) = _deep(_leaf(0, _account(5), 900));
        _post(root, sum, 20);
        gas = vm.snapshotGasLastCall("vaults", "post a root, repeated, with its seed");
        checkAtMost(gas, 100_000, "a root");
        _finalize();
        vault.claim(_leaf(0, _account(5), 900), proof);
        gas = vm.snapshotGasLastCall("vaults", "claim, depth 20, repeated");
        checkAtMost(gas, 75_000, "a repeated claim");
    }

    /// @notice What posting costs does not grow with the contributors: two of them, or four thousand
    /// million.
    function test_gas_of_a_root_is_constant_in_contributors() public {
        (bytes32 root, uint128 sum) = _tree(_two(1_000, 1_000), 1);
        _post(root, sum, 1);
        _finalize();
        (root, sum) = _tree(_two(2_000, 2_000), 1);
        _post(root, sum, 1);
        uint256 few = vm.snapshotGasLastCall("vaults", "post a root of 2 contributors, repeated");
        _finalize();
        _post(keccak256("a root of many"), sum + 1_000, 32);
        uint256 many = vm.snapshotGasLastCall("vaults", "post a root of 2^32 slots, repeated");
        checkAtMost(many, few + 200, "some bytes of calldata");
        checkAtMost(many, 100_000, "many");
    }

    function test_gas_collect() public {
        vault.payHost();
        vm.snapshotGasLastCall("vaults", "pay the host, first");
    }

    function _account(uint256 seed) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("account", seed)))));
    }

    /// @dev The leaf at position 0 of a tree whose 2^20 slots are all in use, without building it:
    /// neighbours with hashes and sums like a full tree's, so that their calldata costs what it does.
    function _deep(Entitlement memory leaf)
        private
        view
        returns (bytes32 hash, uint128 sum, bytes memory proof)
    {
        SumNode[] memory neighbours = new SumNode[](20);
        (hash, sum) = (SumTree.leafHash(leaf, address(vault), address(token)), leaf.cumulative);
        for (uint256 i = 0; i < 20; ++i) {
            neighbours[i] =
                SumNode(keccak256(abi.encode(i)), uint128((501 << i) + (i * 7919) % (1 << i)));
            hash = SumTree.node(hash, sum, neighbours[i].hash, neighbours[i].sum);
            sum += neighbours[i].sum;
        }
        proof = _packed(neighbours);
    }
}

/// @title Gas of proofs about text, each sent as a transaction: 2^20 chunks of 512 bytes and 2^22 places
/// for words, one segment, and each suffix in a chunk of its own.
/// forge-config: default.isolate = true
contract PhraseGasTest is Phrases {
    bytes private constant PHRASE = "the heap keeps order";

    function setUp() public {
        proofs = new PhraseProofs();
        above = 18;
        // Sixteen words, a power of two, which levels above need; and no phrase at the text's end.
        bytes memory last = _line("z", "");
        (last[0], last[1], last[2], last[3], last[4]) = ("w", "a", "l", "k", "s");
        last[5] = " ";
        _setText(
            bytes.concat(
                _line("a", " so it goes"),
                _line("b", bytes.concat(" ", PHRASE)),
                _line("c", bytes.concat(" ", PHRASE)),
                last
            )
        );
    }

    function test_gas_of_a_span() public {
        (bytes32 root, SegmentOpening memory place) = _version();
        Suffix memory suffix = _suffix(_rankOf(PHRASE), PHRASE.length + 1);
        checkEq(suffix.chunks[0].proof.length, 20, "2^20 chunks");
        _send(abi.encodeCall(proofs.spanAt, (root, PHRASE, place, suffix)));
        uint256 gas = vm.snapshotGasLastCall("phrases", "prove a span and whose row it stands in");
        checkAtMost(gas, 90_000, "a span");
    }

    function test_gas_of_an_exact_count() public {
        SegmentCount[] memory parts = new SegmentCount[](1);
        bytes32 root;
        (root, parts[0].place) = _version();
        parts[0].low = _rankOf(PHRASE);
        parts[0].high = parts[0].low + 2;
        parts[0].borders = new Suffix[](4);
        for (uint64 i = 0; i < 4; ++i) {
            parts[0].borders[i] = _suffix(parts[0].low + i - 1, PHRASE.length + 1);
        }
        checkEq(proofs.countOf(root, PHRASE, parts), 2, "twice");
        _send(abi.encodeCall(proofs.countOf, (root, PHRASE, parts)));
        uint256 gas = vm.snapshotGasLastCall("phrases", "prove an exact count, 4 suffixes");
        checkAtMost(gas, 330_000, "a count");
    }

    /// @dev As a transaction: what is only looked up would be a static call, and cost nothing of it.
    function _send(bytes memory data) private {
        (bool done,) = address(proofs).call(data);
        check(done, "proven");
    }

    /// @dev 512 bytes: a long word, the end, and the end of the row.
    function _line(bytes1 letter, bytes memory end) private pure returns (bytes memory line) {
        line = new bytes(512 - end.length - 1);
        for (uint256 i = 0; i < line.length; ++i) {
            line[i] = letter;
        }
        line = bytes.concat(line, end, "\n");
    }

    function _rankOf(bytes memory phrase) private view returns (uint64 rank) {
        for (rank = 0; rank < order.length; ++rank) {
            bytes memory all = text;
            uint256 same;
            while (same < phrase.length && all[order[rank] + same] == phrase[same]) ++same;
            if (same == phrase.length) return rank;
        }
        revert("not there");
    }
}
