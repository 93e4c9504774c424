// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {BatchSettlement} from "./BatchSettlement.sol";
import {IReceiptDesk} from "./IReceiptDesk.sol";
import {RevenueVault} from "./RevenueVault.sol";

/// @notice What a seller signs about each paid request (EIP-712, domain "Headwater Metering" 1).
/// @param cumulative the channel's charged total after this request, atomic units.
struct MeteringReceipt {
    bytes32 paymentId;
    bytes32 channelId;
    address payee;
    bytes32 requestHash;
    bytes32 responseHash;
    uint128 cap;
    uint128 charge;
    uint128 cumulative;
    bytes32 assetVersion;
    bytes32 attribution;
    uint64 issuedAt;
}

/// @title What a vault signs as the `receiverAuthorizer` of its channels: claims and refunds, no more.
/// @notice A signature is the preimage of the channel contract's digest, so that it is known what is
/// signed, with the operator's agreement: its signature over the digest, or its receipts for exactly
/// the totals claimed. With receipts anyone can claim. A refund is valid once everything that posted
/// receipts charge is claimed.
///
/// Units: atomic units of the channel's token.
///
/// Invariants (`test/ReceiptDesk.t.sol`):
///  1. A vault signs digests of claim batches and refunds under the channel contract's domain, and
///     nothing else: `test_a_vault_signs_nothing_but_claims_and_refunds`.
///  2. Claims and refunds of the operator need the current one: `test_a_retired_key_claims_no_batch`.
///  3. A claim by receipts takes what the receipts charge, not more and not less:
///     `test_anyone_claims_by_receipt`, `test_a_receipt_claims_its_own_total_only`.
///  4. No refund before the highest posted charge is claimed: `test_no_refund_before_what_is_charged`.
contract ReceiptDesk is IReceiptDesk {
    struct ClaimEntry {
        bytes32 channelId;
        uint128 maxClaimableAmount;
        uint128 totalClaimed;
    }

    enum Kind {
        OperatorClaim,
        OperatorRefund,
        ReceiptClaim
    }

    bytes32 public constant RECEIPT_TYPEHASH = keccak256(
        "MeteringReceipt(bytes32 paymentId,bytes32 channelId,address payee,bytes32 requestHash,bytes32 responseHash,uint128 cap,uint128 charge,uint128 cumulative,bytes32 assetVersion,bytes32 attribution,uint64 issuedAt)"
    );
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 private constant CLAIM_ENTRY_TYPEHASH =
        keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    bytes32 private constant CLAIM_BATCH_TYPEHASH = keccak256(
        "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
    );

    /// @notice The channel contract whose digests vaults sign.
    BatchSettlement public immutable settlement;

    mapping(address vault => address) private _operators;
    /// @notice Keys that ever signed receipts for a vault: what they signed stays owed.
    mapping(address vault => mapping(address key => bool)) public wasOperator;
    /// @notice The highest charge of a channel that was posted here by receipt.
    mapping(address vault => mapping(bytes32 channelId => uint128)) public charged;

    event OperatorSet(address indexed vault, address indexed operator);
    event ChargePosted(address indexed vault, bytes32 indexed channelId, uint128 cumulative);

    error NotHost(address caller);
    error NoOperator();
    error NotOperatorsReceipt(address operator);

    constructor(address settlement_) {
        settlement = BatchSettlement(settlement_);
    }

    /// @notice Names the key that serves for a vault, as its host. Receipts of earlier keys stay good.
    function setOperator(RevenueVault vault, address operator) external {
        if (msg.sender != vault.terms().host) revert NotHost(msg.sender);
        if (operator == address(0)) revert NoOperator();
        _operators[address(vault)] = operator;
        wasOperator[address(vault)][operator] = true;
        emit OperatorSet(address(vault), operator);
    }

    /// @notice The key that serves for a vault: its host until it named another.
    function operatorOf(RevenueVault vault) public view returns (address operator) {
        operator = _operators[address(vault)];
        if (operator == address(0)) operator = vault.terms().host;
    }

    /// @notice Books what a receipt says was charged: until that is claimed no refund is valid.
    /// @param operator the key that signed it.
    function postReceipt(
        MeteringReceipt calldata receipt,
        address operator,
        bytes calldata signature
    ) public {
        _requireReceipt(receipt.payee, receipt, operator, signature);
        if (receipt.cumulative <= charged[receipt.payee][receipt.channelId]) return;
        charged[receipt.payee][receipt.channelId] = receipt.cumulative;
        emit ChargePosted(receipt.payee, receipt.channelId, receipt.cumulative);
    }

    /// @notice Claims what the receipts charge and sweeps it to the vault; anyone may call.
    /// @param rows the payers' vouchers; each `totalClaimed` is its receipt's `cumulative`.
    /// @param operators the key behind each receipt.
    function claimByReceipt(
        BatchSettlement.VoucherClaim[] calldata rows,
        MeteringReceipt[] calldata receipts,
        address[] calldata operators,
        bytes[] calldata signatures
    ) external {
        address vault = rows[0].voucher.channel.receiver;
        for (uint256 i = 0; i < receipts.length; ++i) {
            postReceipt(receipts[i], operators[i], signatures[i]);
        }
        bytes memory proof = abi.encode(
            Kind.ReceiptClaim, abi.encode(_entries(rows), receipts, operators, signatures)
        );
        settlement.claimWithSignature(rows, proof);
        settlement.settle(vault, rows[0].voucher.channel.token);
    }

    /// @inheritdoc IReceiptDesk
    function isAuthorized(address vault, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool)
    {
        (Kind kind, bytes memory body) = abi.decode(signature, (Kind, bytes));
        if (kind == Kind.OperatorClaim) {
            (ClaimEntry[] memory entries, bytes memory signed) =
                abi.decode(body, (ClaimEntry[], bytes));
            return digest == _batchDigest(entries) && _operatorSigned(vault, digest, signed);
        }
        if (kind == Kind.OperatorRefund) return _isRefund(vault, digest, body);
        return _isReceiptClaim(vault, digest, body);
    }

    function _isRefund(address vault, bytes32 digest, bytes memory body)
        private
        view
        returns (bool)
    {
        (bytes32 channelId, uint256 nonce, uint128 amount, bytes memory signed) =
            abi.decode(body, (bytes32, uint256, uint128, bytes));
        if (digest != settlement.getRefundDigest(channelId, nonce, amount)) return false;
        (, uint128 claimed) = settlement.channels(channelId);
        return claimed >= charged[vault][channelId] && _operatorSigned(vault, digest, signed);
    }

    function _isReceiptClaim(address vault, bytes32 digest, bytes memory body)
        private
        view
        returns (bool)
    {
        (
            ClaimEntry[] memory entries,
            MeteringReceipt[] memory receipts,
            address[] memory operators,
            bytes[] memory signatures
        ) = abi.decode(body, (ClaimEntry[], MeteringReceipt[], address[], bytes[]));
        if (digest != _batchDigest(entries)) return false;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (
                receipts[i].channelId != entries[i].channelId
                    || receipts[i].cumulative != entries[i].totalClaimed
            ) return false;
            _requireReceipt(vault, receipts[i], operators[i], signatures[i]);
        }
        return true;
    }

    function _operatorSigned(address vault, bytes32 digest, bytes memory signed)
        private
        view
        returns (bool)
    {
        return SignatureChecker.isValidSignatureNow(operatorOf(RevenueVault(vault)), digest, signed);
    }

    function _requireReceipt(
        address vault,
        MeteringReceipt memory receipt,
        address operator,
        bytes memory signature
    ) private view {
        bool known = wasOperator[vault][operator] || operator == RevenueVault(vault).terms().host;
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPEHASH, keccak256("Headwater Metering"), keccak256("1"), block.chainid
            )
        );
        bytes32 hash = keccak256(abi.encode(RECEIPT_TYPEHASH, receipt));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, hash));
        if (
            !known || receipt.payee != vault
                || !SignatureChecker.isValidSignatureNow(operator, digest, signature)
        ) revert NotOperatorsReceipt(operator);
    }

    function _entries(BatchSettlement.VoucherClaim[] calldata rows)
        private
        view
        returns (ClaimEntry[] memory entries)
    {
        entries = new ClaimEntry[](rows.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            entries[i] = ClaimEntry(
                settlement.getChannelId(rows[i].voucher.channel),
                rows[i].voucher.maxClaimableAmount,
                rows[i].totalClaimed
            );
        }
    }

    /// @dev The channel contract's digest of a claim: without its domain there is none.
    function _batchDigest(ClaimEntry[] memory entries) private view returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            hashes[i] = keccak256(abi.encode(CLAIM_ENTRY_TYPEHASH, entries[i]));
        }
        bytes32 hash =
            keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, keccak256(abi.encodePacked(hashes))));
        return keccak256(abi.encodePacked(hex"1901", _settlementDomain(), hash));
    }

    /// @dev Read by EIP-5267 each time, so that this holds for the canonical contract too.
    function _settlementDomain() private view returns (bytes32) {
        (, string memory name, string memory version,,,,) = settlement.eip712Domain();
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                block.chainid,
                address(settlement)
            )
        );
    }
}
