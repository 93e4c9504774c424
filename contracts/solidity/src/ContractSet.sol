// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Creates contracts that name each other, at addresses known before, as nobody in particular.
/// @notice It is created by CREATE2 with the hashes of all parts' creation code, so its address, and
/// with it every part's, is a function of the code: whoever finds code at a part's address knows what
/// was created there. Parts may refer to later ones, since an address depends on the part's number
/// only. Anyone may pay for the next part; nobody can choose another. It has no owner, no parameter
/// and nothing to do once all parts are there.
///
/// Invariants (`test/ContractSet.t.sol`):
///  1. A part is created by the code that was fixed, in order, once:
///     `test_only_the_fixed_code_is_created`.
///  2. Its address was known before: `test_parts_are_where_they_were_expected`.
contract ContractSet {
    /// @param codeHash keccak256 of the creation code without arguments.
    /// @param refs numbers of the parts whose addresses are the constructor's first arguments.
    /// @param literal the encoded rest of its arguments.
    struct Part {
        bytes32 codeHash;
        uint8[] refs;
        bytes literal;
    }

    /// @dev A contract's nonce starts at 1, and one byte of RLP holds it up to 127.
    uint256 public constant MAX_PARTS = 127;

    /// @notice How many parts have been created.
    uint256 public created;
    Part[] private _parts;

    event PartCreated(uint256 indexed index, address indexed part);

    error PartsOutOfRange(uint256 parts);
    error WrongCode(uint256 index, bytes32 codeHash);
    error PartFailed(uint256 index);
    error AllCreated();

    constructor(Part[] memory parts) {
        if (parts.length == 0 || parts.length > MAX_PARTS) revert PartsOutOfRange(parts.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            for (uint256 j = 0; j < parts[i].refs.length; ++j) {
                if (parts[i].refs[j] >= parts.length) revert PartsOutOfRange(parts[i].refs[j]);
            }
            _parts.push(parts[i]);
        }
    }

    /// @notice Creates the next part.
    function create(bytes calldata creationCode) external returns (address part) {
        uint256 index = created;
        if (index == _parts.length) revert AllCreated();
        Part storage expected = _parts[index];
        bytes32 codeHash = keccak256(creationCode);
        if (codeHash != expected.codeHash) revert WrongCode(index, codeHash);
        // Counted first: a constructor that calls back finds the next part, not this one.
        created = index + 1;
        bytes memory initcode = creationCode;
        for (uint256 i = 0; i < expected.refs.length; ++i) {
            initcode = bytes.concat(initcode, abi.encode(addressOf(expected.refs[i])));
        }
        initcode = bytes.concat(initcode, expected.literal);
        assembly ("memory-safe") {
            part := create(0, add(initcode, 0x20), mload(initcode))
        }
        if (part != addressOf(index)) revert PartFailed(index);
        emit PartCreated(index, part);
    }

    function partCount() external view returns (uint256) {
        return _parts.length;
    }

    /// @notice Where a part is, or will be: the address that CREATE gives to this contract's nonce.
    function addressOf(uint256 index) public view returns (address) {
        if (index >= _parts.length) revert PartsOutOfRange(index);
        // Fewer than 128 parts, so the nonce is one byte that is its own RLP.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes memory rlp = abi.encodePacked(hex"d694", address(this), uint8(index + 1));
        return address(uint160(uint256(keccak256(rlp))));
    }
}
