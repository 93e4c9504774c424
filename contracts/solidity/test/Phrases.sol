// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Chunk, PhraseProofs, Segment, SegmentOpening, Suffix} from "../src/PhraseProofs.sol";
import {Checks} from "./Checks.sol";

/// @title A small text with its suffixes in order, and trees over lists, with levels added at will.
abstract contract Phrases is Checks {
    address internal constant FIRST = address(0xF1);
    address internal constant SECOND = address(0xF2);

    PhraseProofs internal proofs;
    bytes internal text;
    /// @dev Where words begin, in the order of their suffixes.
    uint64[] internal order;
    /// @dev Levels above the small trees, whose neighbours are random: a corpus of any size.
    uint256 internal above;

    function _setText(bytes memory text_) internal {
        text = text_;
        delete order;
        for (uint64 i = 0; i < text_.length; ++i) {
            if (text_[i] <= " " || (i > 0 && text_[i - 1] > " ")) continue;
            order.push(i);
            for (uint256 j = order.length - 1; j > 0 && _isBelow(i, order[j - 1]); --j) {
                (order[j], order[j - 1]) = (order[j - 1], i);
            }
        }
    }

    function _segment() internal view returns (Segment memory) {
        return Segment({
            words: uint64(order.length << above),
            textBytes: uint64(_chunks().length << above) * 512 - uint64(_missing()),
            suffixRoot: _rootOf(_suffixes()),
            textRoot: _rootOf(_chunks())
        });
    }

    /// @dev The version has this segment only.
    function _version() internal view returns (bytes32 root, SegmentOpening memory place) {
        place.segment = _segment();
        place.size = 1;
        bytes32 leaf = sha256(
            abi.encodePacked(
                bytes1(0x00),
                "headwater/segment/1",
                place.segment.words,
                place.segment.textBytes,
                place.segment.suffixRoot,
                place.segment.textRoot
            )
        );
        root = sha256(abi.encodePacked(bytes1(0x02), uint64(1), leaf));
    }

    /// @dev The suffix at a rank with the chunks that hold `length` bytes of it.
    function _suffix(uint64 rank, uint256 length) internal view returns (Suffix memory suffix) {
        suffix.rank = rank;
        suffix.position = order[rank];
        (suffix.sequence, suffix.contributor) = _holder(suffix.position);
        suffix.proof = _proofOf(_suffixes(), rank);
        uint256 stop = suffix.position + length;
        if (stop > text.length) stop = text.length;
        uint256 first = suffix.position / 512;
        suffix.chunks = new Chunk[]((stop + 511) / 512 - first);
        for (uint256 i = 0; i < suffix.chunks.length; ++i) {
            suffix.chunks[i] = Chunk(_chunk(first + i), _proofOf(_chunks(), first + i));
        }
    }

    /// @dev The first row is FIRST's, all others are SECOND's.
    function _holder(uint64 position) internal view returns (uint64 sequence, address contributor) {
        for (uint256 i = 0; i < position; ++i) {
            if (text[i] == "\n") ++sequence;
        }
        contributor = sequence == 0 ? FIRST : SECOND;
    }

    function _suffixes() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](order.length);
        for (uint64 rank = 0; rank < leaves.length; ++rank) {
            (uint64 sequence, address contributor) = _holder(order[rank]);
            leaves[rank] = sha256(
                abi.encodePacked(
                    bytes1(0x00), "headwater/suffix/1", rank, order[rank], sequence, contributor
                )
            );
        }
    }

    function _chunks() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[]((text.length + 511) / 512);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = sha256(abi.encodePacked(bytes1(0x00), _chunk(i)));
        }
    }

    function _chunk(uint256 number) private view returns (bytes memory data) {
        bytes memory all = text;
        uint256 size = all.length - number * 512;
        data = new bytes(size > 512 ? 512 : size);
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = all[number * 512 + i];
        }
    }

    /// @dev Bytes that the last chunk lacks: of a text with levels above, nothing.
    function _missing() private view returns (uint256) {
        return above > 0 ? 0 : (512 - text.length % 512) % 512;
    }

    function _isBelow(uint64 one, uint64 other) private view returns (bool) {
        bytes memory all = text;
        for (uint256 i = 0; one + i < all.length && other + i < all.length; ++i) {
            if (all[one + i] != all[other + i]) return all[one + i] < all[other + i];
        }
        return one > other;
    }

    function _rootOf(bytes32[] memory leaves) private view returns (bytes32) {
        (bytes32 top,) = _climb(leaves, 0);
        for (uint256 i = 0; i < above; ++i) {
            top = sha256(abi.encodePacked(bytes1(0x01), top, keccak256(abi.encode(i))));
        }
        return sha256(abi.encodePacked(bytes1(0x02), uint64(uint256(leaves.length) << above), top));
    }

    function _proofOf(bytes32[] memory leaves, uint256 index)
        private
        view
        returns (bytes32[] memory proof)
    {
        (, bytes32[] memory within) = _climb(leaves, index);
        proof = new bytes32[](within.length + above);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] = i < within.length ? within[i] : keccak256(abi.encode(i - within.length));
        }
    }

    function _climb(bytes32[] memory level, uint256 place)
        private
        pure
        returns (bytes32 top, bytes32[] memory proof)
    {
        bytes32[] memory found = new bytes32[](32);
        uint256 used;
        while (level.length > 1) {
            if (place ^ 1 < level.length) found[used++] = level[place ^ 1];
            bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                next[i] = 2 * i + 1 < level.length
                    ? sha256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]))
                    : level[2 * i];
            }
            (level, place) = (next, place / 2);
        }
        proof = new bytes32[](used);
        for (uint256 i = 0; i < used; ++i) {
            proof[i] = found[i];
        }
        return (level[0], proof);
    }
}
