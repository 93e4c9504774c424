// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of Permit2's public interface by which signed transfers are made.
/// @notice Names and layouts are those of the canonical contract; its allowances by signature have
/// no use in x402 and are left out.
interface IPermit2 {
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    /// @notice Moves `transferDetails.requestedAmount` of the permitted token as `owner` signed for
    /// the caller; the nonce is spent.
    function permitTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes calldata signature
    ) external;

    /// @notice The same, under a signature that covers a struct of the caller's too.
    /// @param witness that struct's hash.
    /// @param witnessTypeString the end of the signed type: the witness member, its type, and
    /// `TokenPermissions`, in alphabetical order.
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;

    /// @notice Spends the caller's nonces `wordPos * 256 + i` for every bit `i` of `mask`.
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;

    /// @notice Which nonces of a word are spent, one bit each.
    function nonceBitmap(address owner, uint256 wordPos) external view returns (uint256);

    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
