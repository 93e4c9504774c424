// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleList} from "./MerkleList.sol";

/// @notice What a segment of a version's text committed to.
/// @param words how many there are, each with a suffix that begins there.
/// @param suffixRoot of the suffixes in order: rank, position, sequence and owner of each.
/// @param textRoot of the text in chunks of 512 bytes.
struct Segment {
    uint64 words;
    uint64 textBytes;
    bytes32 suffixRoot;
    bytes32 textRoot;
}

/// @notice Where a segment stands among a version's segments, and the proof of it.
struct SegmentOpening {
    Segment segment;
    uint64 index;
    uint64 size;
    bytes32[] proof;
}

/// @notice A chunk of text with its proof.
struct Chunk {
    bytes data;
    bytes32[] proof;
}

/// @notice The suffix at a rank: the byte where it begins, in whose row, and the text from there.
/// @param sequence of the row in the order of commitments: the lower one was there first.
struct Suffix {
    uint64 rank;
    uint64 position;
    uint64 sequence;
    address contributor;
    bytes32[] proof;
    Chunk[] chunks;
}

/// @notice The phrase stands in this segment at the ranks from `low` to before `high`.
/// @param borders the suffixes at `low` - 1, `low`, `high` - 1 and `high`, each that exists once.
struct SegmentCount {
    SegmentOpening place;
    uint64 low;
    uint64 high;
    Suffix[] borders;
}

/// @title Who said a phrase, and exactly how often it stands in a version: decided by the chain.
/// @notice A version's words are committed to by suffix arrays. A phrase stands where a suffix begins
/// with it; all suffixes that do are neighbours, so four of them prove a count of any size, and what
/// is counted cannot be more or less. The proof holds if the committed suffixes are all there, in order
/// and with their rows' owners. Two neighbours out of order refute the commitment itself
/// (`showsDisorder`); whatever else is wrong with it shows when its version is indexed again.
///
/// It moves no money and keeps nothing: arbiters, verifiers and other contracts ask it. Which root is a
/// version's is theirs to know.
///
/// Source: adjacent leaves as evidence of absence, Buldas, Laud and Lipmaa, "Eliminating
/// Counterevidence with Applications to Accountable Certificate Management", 2002.
///
/// Invariants (`test/PhraseProofs.t.sol`; against the Python reference,
/// `tests/contracts/test_phrase_proofs.py`):
///  1. A span opens only where the phrase stands, whole words, in the row that is named:
///     `test_a_span_names_its_row_and_nothing_else_passes`.
///  2. A count is exact, and no border can be left out or moved:
///     `test_a_count_is_exact_and_nothing_else_passes`.
///  3. Disorder is shown by neighbours in the wrong order only:
///     `test_disorder_is_shown_by_neighbours_in_the_wrong_order_only`.
contract PhraseProofs {
    /// @notice Bytes of text in a chunk; the last one holds fewer.
    uint256 public constant CHUNK_BYTES = 512;

    enum Side {
        Below,
        With,
        Above
    }

    error NotAPhrase();
    error SegmentNotOfRoot(uint64 index);
    error SegmentsIncomplete(uint256 given, uint64 size);
    error SuffixNotOfSegment(uint64 rank);
    error TextNotOfSegment(uint64 rank);
    error PhraseNotThere(uint64 rank);
    error CountOutOfRange(uint64 low, uint64 high);
    error BorderMisplaced(uint64 rank);

    /// @notice Whose row the phrase stands in, at this suffix of a version's text.
    /// @param root of the version's segments.
    /// @param phrase canonical words, apart by single spaces.
    function spanAt(
        bytes32 root,
        bytes calldata phrase,
        SegmentOpening calldata place,
        Suffix calldata suffix
    ) external view returns (address contributor, uint64 sequence) {
        _requirePhrase(phrase);
        _requireSegment(root, place);
        if (_side(phrase, _head(place.segment, suffix, phrase.length + 1)) != Side.With) {
            revert PhraseNotThere(suffix.rank);
        }
        return (suffix.contributor, suffix.sequence);
    }

    /// @notice How often the phrase stands in the version, whole words in one row.
    /// @param segments all of the version's, in order.
    function countOf(bytes32 root, bytes calldata phrase, SegmentCount[] calldata segments)
        external
        view
        returns (uint256 count)
    {
        _requirePhrase(phrase);
        for (uint256 i = 0; i < segments.length; ++i) {
            SegmentCount calldata part = segments[i];
            if (part.place.index != i || part.place.size != segments.length) {
                revert SegmentsIncomplete(segments.length, part.place.size);
            }
            _requireSegment(root, part.place);
            _requireBorders(phrase, part);
            count += part.high - part.low;
        }
        if (segments.length == 0) revert SegmentsIncomplete(0, 1);
    }

    /// @notice Whether two neighbours of a committed segment stand in the wrong order, or at one place.
    /// @param length bytes of both that are compared; their chunks hold them.
    function showsDisorder(
        bytes32 root,
        SegmentOpening calldata place,
        Suffix calldata one,
        Suffix calldata next,
        uint256 length
    ) external view returns (bool) {
        _requireSegment(root, place);
        bytes memory first = _head(place.segment, one, length);
        bytes memory second = _head(place.segment, next, length);
        if (uint256(next.rank) != uint256(one.rank) + 1) return false;
        return one.position == next.position || _compare(first, second) > 0;
    }

    function _requireBorders(bytes calldata phrase, SegmentCount calldata part) private view {
        uint64 words = part.place.segment.words;
        if (part.low > part.high || part.high > words) {
            revert CountOutOfRange(part.low, part.high);
        }
        uint256 used;
        // low - 1, low, high - 1 and high, each one up, where they exist and once each.
        uint256 last;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 rank = i < 2 ? uint256(part.low) + i : uint256(part.high) + i - 2;
            if (rank <= last || rank > words) continue;
            last = rank;
            if (used == part.borders.length) revert BorderMisplaced(uint64(rank - 1));
            Suffix calldata border = part.borders[used++];
            if (border.rank != rank - 1) revert BorderMisplaced(border.rank);
            Side side = _side(phrase, _head(part.place.segment, border, phrase.length + 1));
            Side expected = border.rank < part.low
                ? Side.Below
                : border.rank < part.high ? Side.With : Side.Above;
            if (side != expected) revert PhraseNotThere(border.rank);
        }
        if (used != part.borders.length) revert BorderMisplaced(part.borders[used].rank);
    }

    function _requireSegment(bytes32 root, SegmentOpening calldata place) private view {
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
        if (!MerkleList.opens(root, place.size, place.index, leaf, place.proof)) {
            revert SegmentNotOfRoot(place.index);
        }
    }

    /// @dev The first `length` bytes of a suffix, or up to the text's end.
    function _head(Segment calldata segment, Suffix calldata suffix, uint256 length)
        private
        view
        returns (bytes memory head)
    {
        _requireSuffix(segment, suffix);
        uint256 first = suffix.position / CHUNK_BYTES;
        uint256 stop = uint256(suffix.position) + length;
        if (stop > segment.textBytes) stop = segment.textBytes;
        uint256 held = (first + suffix.chunks.length) * CHUNK_BYTES;
        if (suffix.position > stop || stop > held) revert TextNotOfSegment(suffix.rank);
        head = new bytes(stop - suffix.position);
        uint256 from = suffix.position - first * CHUNK_BYTES;
        uint256 filled;
        for (uint256 i = 0; i < suffix.chunks.length; ++i) {
            Chunk calldata chunk = suffix.chunks[i];
            if (!_isChunk(segment, first + i, chunk)) revert TextNotOfSegment(suffix.rank);
            uint256 size = chunk.data.length - from;
            if (size > head.length - filled) size = head.length - filled;
            bytes calldata data = chunk.data;
            assembly ("memory-safe") {
                // Within `head`: `size` is at most what is not filled yet.
                calldatacopy(add(add(head, 32), filled), add(data.offset, from), size)
            }
            filled += size;
            from = 0;
        }
    }

    function _requireSuffix(Segment calldata segment, Suffix calldata suffix) private view {
        bytes32 leaf = sha256(
            abi.encodePacked(
                bytes1(0x00),
                "headwater/suffix/1",
                suffix.rank,
                suffix.position,
                suffix.sequence,
                suffix.contributor
            )
        );
        if (!MerkleList.opens(segment.suffixRoot, segment.words, suffix.rank, leaf, suffix.proof)) {
            revert SuffixNotOfSegment(suffix.rank);
        }
    }

    function _isChunk(Segment calldata segment, uint256 number, Chunk calldata chunk)
        private
        view
        returns (bool)
    {
        uint256 chunks = (uint256(segment.textBytes) + CHUNK_BYTES - 1) / CHUNK_BYTES;
        if (number >= chunks) return false;
        uint256 size = uint256(segment.textBytes) - number * CHUNK_BYTES;
        if (size > CHUNK_BYTES) size = CHUNK_BYTES;
        if (chunk.data.length != size) return false;
        bytes32 leaf = sha256(abi.encodePacked(bytes1(0x00), chunk.data));
        return MerkleList.opens(segment.textRoot, chunks, number, leaf, chunk.proof);
    }

    /// @dev Where a suffix that begins with `head` stands to those that begin with the phrase as whole
    /// words: what follows a word is a space or the end of a row, and both are below every letter.
    function _side(bytes memory phrase, bytes memory head) private pure returns (Side) {
        uint256 shared = head.length < phrase.length ? head.length : phrase.length;
        int256 order = _comparePrefix(head, phrase, shared);
        if (order != 0) return order < 0 ? Side.Below : Side.Above;
        if (head.length <= phrase.length || head[phrase.length] < "\n") return Side.Below;
        return head[phrase.length] < "!" ? Side.With : Side.Above;
    }

    function _compare(bytes memory one, bytes memory other) private pure returns (int256) {
        uint256 shared = one.length < other.length ? one.length : other.length;
        int256 order = _comparePrefix(one, other, shared);
        if (order != 0 || one.length == other.length) return order;
        return one.length < other.length ? int256(-1) : int256(1);
    }

    /// @dev By words: big-endian, so words are in the order of their bytes.
    function _comparePrefix(bytes memory one, bytes memory other, uint256 length)
        private
        pure
        returns (int256)
    {
        for (uint256 i = 0; i < length; i += 32) {
            uint256 left;
            uint256 right;
            assembly ("memory-safe") {
                left := mload(add(add(one, 32), i))
                right := mload(add(add(other, 32), i))
            }
            if (length - i < 32) {
                uint256 beyond = 8 * (32 - (length - i));
                (left, right) = (left >> beyond, right >> beyond);
            }
            if (left != right) return left < right ? int256(-1) : int256(1);
        }
        return 0;
    }

    /// @dev Words apart by single spaces; every byte of a word is above ASCII's separators.
    function _requirePhrase(bytes calldata phrase) private pure {
        bool inWord;
        for (uint256 i = 0; i < phrase.length;) {
            uint256 letter;
            // Within the phrase, so that nothing overflows or is read from behind it.
            assembly ("memory-safe") {
                letter := byte(0, calldataload(add(phrase.offset, i)))
                i := add(i, 1)
            }
            if (letter > 0x20) {
                inWord = true;
            } else {
                if (letter != 0x20 || !inWord) revert NotAPhrase();
                inWord = false;
            }
        }
        if (!inWord) revert NotAPhrase();
    }
}
