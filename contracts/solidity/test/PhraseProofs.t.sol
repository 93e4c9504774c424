// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PhraseProofs, SegmentCount, SegmentOpening, Suffix} from "../src/PhraseProofs.sol";
import {Phrases} from "./Phrases.sol";
import {vm} from "./Checks.sol";

contract PhraseProofsTest is Phrases {
    bytes private constant PHRASE = "the heap";

    function setUp() public {
        proofs = new PhraseProofs();
        // Ranks: a 0, heap 1-3, heaps 4, is 5, kept 6, of 7, said 8, so 9, the 10-13, …
        _setText("the heap is a tree\nso the heap kept the heaps of the heap said\n");
    }

    function test_a_span_names_its_row_and_nothing_else_passes() public {
        (bytes32 root, SegmentOpening memory place) = _version();
        uint256 found;
        for (uint64 rank = 0; rank < order.length; ++rank) {
            Suffix memory suffix = _suffix(rank, PHRASE.length + 1);
            if (!_stands(suffix.position, PHRASE)) {
                vm.expectRevert(abi.encodeWithSelector(PhraseProofs.PhraseNotThere.selector, rank));
                proofs.spanAt(root, PHRASE, place, suffix);
                continue;
            }
            (address contributor, uint64 sequence) = proofs.spanAt(root, PHRASE, place, suffix);
            (uint64 expected, address owner) = _holder(suffix.position);
            checkEq(contributor, owner, "whose");
            checkEq(sequence, expected, "which row");
            ++found;
            suffix.contributor = address(0xBAD);
            vm.expectPartialRevert(PhraseProofs.SuffixNotOfSegment.selector);
            proofs.spanAt(root, PHRASE, place, suffix);
            suffix.contributor = owner;
            suffix.chunks[0].data[0] = "x";
            vm.expectPartialRevert(PhraseProofs.TextNotOfSegment.selector);
            proofs.spanAt(root, PHRASE, place, suffix);
        }
        checkEq(found, 3, "of four places with the letters, three with the words");
    }

    function test_a_span_is_of_the_segment_that_is_named() public {
        (bytes32 root, SegmentOpening memory place) = _version();
        Suffix memory suffix = _suffix(10, PHRASE.length + 1);
        place.segment.words += 1;
        vm.expectPartialRevert(PhraseProofs.SegmentNotOfRoot.selector);
        proofs.spanAt(root, PHRASE, place, suffix);
        place.segment.words -= 1;
        vm.expectPartialRevert(PhraseProofs.SegmentNotOfRoot.selector);
        proofs.spanAt(keccak256("another version"), PHRASE, place, suffix);
        suffix.chunks = _suffix(10, 0).chunks;
        vm.expectPartialRevert(PhraseProofs.TextNotOfSegment.selector);
        proofs.spanAt(root, PHRASE, place, suffix);
    }

    function test_a_phrase_is_words_apart_by_single_spaces() public {
        (bytes32 root, SegmentOpening memory place) = _version();
        bytes[6] memory wrong = [bytes(""), " the", "the ", "the  heap", "the\nheap", "\tthe"];
        for (uint256 i = 0; i < wrong.length; ++i) {
            Suffix memory suffix = _suffix(10, 20);
            vm.expectRevert(PhraseProofs.NotAPhrase.selector);
            proofs.spanAt(root, wrong[i], place, suffix);
        }
    }

    /// @notice Every count from too few to too many, with honest openings of its borders: one holds.
    function test_a_count_is_exact_and_nothing_else_passes() public {
        _setText("the heap\nso the heap kept the heaps\n");
        bytes[5] memory phrases = [bytes("the heap"), "the", "so the", "zebra", "aardvark"];
        uint256[5] memory expected = [uint256(2), 3, 1, 0, 0];
        for (uint256 i = 0; i < phrases.length; ++i) {
            uint256 held;
            for (uint64 low = 0; low <= order.length; ++low) {
                for (uint64 high = low; high <= order.length; ++high) {
                    try this.countBetween(phrases[i], low, high) returns (uint256 count) {
                        checkEq(count, expected[i], "the count");
                        ++held;
                    } catch {}
                }
            }
            checkEq(held, 1, "one way to prove it");
        }
    }

    /// @dev A call of its own, whose memory ends with it.
    function countBetween(bytes memory phrase, uint64 low, uint64 high)
        external
        view
        returns (uint256)
    {
        (bytes32 root, SegmentCount[] memory parts) = _count(phrase, low, high);
        return proofs.countOf(root, phrase, parts);
    }

    function test_no_border_is_left_out_moved_or_added() public {
        (bytes32 root, SegmentCount[] memory parts) = _count(PHRASE, 10, 13);
        checkEq(proofs.countOf(root, PHRASE, parts), 3, "honest");
        Suffix[] memory borders = parts[0].borders;
        checkEq(borders.length, 4, "four borders");
        parts[0].borders = new Suffix[](3);
        for (uint256 i = 0; i < 3; ++i) {
            parts[0].borders[i] = borders[i];
        }
        vm.expectPartialRevert(PhraseProofs.BorderMisplaced.selector);
        proofs.countOf(root, PHRASE, parts);
        parts[0].borders = new Suffix[](5);
        for (uint256 i = 0; i < 5; ++i) {
            parts[0].borders[i] = borders[i < 4 ? i : 3];
        }
        vm.expectPartialRevert(PhraseProofs.BorderMisplaced.selector);
        proofs.countOf(root, PHRASE, parts);
        parts[0].borders = borders;
        (borders[1], borders[2]) = (borders[2], borders[1]);
        vm.expectPartialRevert(PhraseProofs.BorderMisplaced.selector);
        proofs.countOf(root, PHRASE, parts);
    }

    function test_a_count_is_over_all_segments() public {
        (bytes32 root, SegmentCount[] memory parts) = _count(PHRASE, 10, 13);
        SegmentCount[] memory none = new SegmentCount[](0);
        vm.expectPartialRevert(PhraseProofs.SegmentsIncomplete.selector);
        proofs.countOf(root, PHRASE, none);
        SegmentCount[] memory twice = new SegmentCount[](2);
        (twice[0], twice[1]) = (parts[0], parts[0]);
        vm.expectPartialRevert(PhraseProofs.SegmentsIncomplete.selector);
        proofs.countOf(root, PHRASE, twice);
        parts[0].high = 100;
        vm.expectPartialRevert(PhraseProofs.CountOutOfRange.selector);
        proofs.countOf(root, PHRASE, parts);
    }

    function test_disorder_is_shown_by_neighbours_in_the_wrong_order_only() public {
        (bytes32 root, SegmentOpening memory place) = _version();
        for (uint64 rank = 0; rank + 1 < order.length; ++rank) {
            Suffix memory one = _suffix(rank, 12);
            Suffix memory next = _suffix(rank + 1, 12);
            check(!proofs.showsDisorder(root, place, one, next, 12), "in order");
            check(!proofs.showsDisorder(root, place, next, one, 12), "no neighbours so");
        }
        (order[3], order[4]) = (order[4], order[3]);
        (root, place) = _version();
        check(proofs.showsDisorder(root, place, _suffix(3, 12), _suffix(4, 12), 12), "out of order");
        order[4] = order[3];
        (root, place) = _version();
        check(proofs.showsDisorder(root, place, _suffix(3, 12), _suffix(4, 12), 12), "one place");
    }

    function test_neighbours_that_begin_alike_show_no_disorder() public view {
        (bytes32 root, SegmentOpening memory place) = _version();
        check(!proofs.showsDisorder(root, place, _suffix(10, 4), _suffix(11, 4), 4), "both the");
    }

    /// @notice The end of the text comes before whatever could follow.
    function test_a_text_may_end_with_its_last_word() public {
        _setText("a a");
        (bytes32 root, SegmentOpening memory place) = _version();
        check(!proofs.showsDisorder(root, place, _suffix(0, 9), _suffix(1, 9), 9), "in order");
        (order[0], order[1]) = (order[1], order[0]);
        (root, place) = _version();
        check(proofs.showsDisorder(root, place, _suffix(0, 9), _suffix(1, 9), 9), "out of order");
        _setText("so the heap");
        checkEq(this.countBetween(PHRASE, 3, 3), 0, "no row ends here, so none holds it");
    }

    /// @notice Whatever stands above the separators belongs to a word.
    function test_a_mark_after_a_word_makes_it_another() public {
        _setText("the heap! said\nthe heap\n");
        checkEq(this.countBetween(PHRASE, 3, 4), 1, "once without the mark");
    }

    /// @notice Longer than a word of the machine, and different only behind it.
    function test_a_long_phrase_is_compared_to_its_end() public {
        bytes memory phrase = "the heap keeps the smallest item at the root";
        _setText(
            bytes.concat(
                "the heap keeps the smallest item at the rook\n",
                phrase,
                "\nthe heap keeps the smallest item at the roots\n"
            )
        );
        uint256 held;
        for (uint64 low = 0; low <= order.length; ++low) {
            try this.countBetween(phrase, low, low + 1) returns (uint256 count) {
                held += count;
            } catch {}
        }
        checkEq(held, 1, "once, at one rank");
    }

    function test_only_phrases_are_counted() public {
        (bytes32 root, SegmentCount[] memory parts) = _count("the ", 10, 14);
        vm.expectRevert(PhraseProofs.NotAPhrase.selector);
        proofs.countOf(root, "the ", parts);
    }

    /// @notice A phrase may begin in one chunk and end in the next.
    function test_a_span_goes_on_in_the_next_chunk() public {
        bytes memory long = new bytes(0);
        for (uint256 i = 0; i < 84; ++i) {
            long = bytes.concat(long, "filler");
        }
        _setText(bytes.concat(long, " the heap\n", long, " zebra\n"));
        (bytes32 root, SegmentOpening memory place) = _version();
        for (uint64 rank = 0; rank < order.length; ++rank) {
            if (!_stands(order[rank], PHRASE)) continue;
            Suffix memory suffix = _suffix(rank, PHRASE.length + 1);
            checkEq(suffix.chunks.length, 2, "two chunks");
            (address contributor,) = proofs.spanAt(root, PHRASE, place, suffix);
            checkEq(contributor, FIRST, "whose");
            suffix = _suffix(uint64(order.length - 1), 6);
            checkAtMost(512, suffix.position, "beyond the first chunk");
            (contributor,) = proofs.spanAt(root, "zebra", place, suffix);
            checkEq(contributor, SECOND, "whose, in a later chunk");
            return;
        }
        check(false, "the phrase is in the text");
    }

    function _count(bytes memory phrase, uint64 low, uint64 high)
        private
        view
        returns (bytes32 root, SegmentCount[] memory parts)
    {
        parts = new SegmentCount[](1);
        (root, parts[0].place) = _version();
        (parts[0].low, parts[0].high) = (low, high);
        uint256[4] memory wanted =
            [uint256(low), uint256(low) + 1, uint256(high), uint256(high) + 1];
        Suffix[] memory found = new Suffix[](4);
        uint256 used;
        for (uint256 i = 0; i < 4; ++i) {
            bool known = wanted[i] == 0 || wanted[i] > order.length;
            for (uint256 j = 0; j < i; ++j) {
                if (wanted[j] == wanted[i]) known = true;
            }
            if (!known) found[used++] = _suffix(uint64(wanted[i] - 1), phrase.length + 1);
        }
        parts[0].borders = new Suffix[](used);
        for (uint256 i = 0; i < used; ++i) {
            parts[0].borders[i] = found[i];
        }
    }

    /// @dev Whether the words stand at a byte of the text, by looking there.
    function _stands(uint256 position, bytes memory phrase) private view returns (bool) {
        bytes memory all = text;
        if (position + phrase.length >= all.length) return false;
        for (uint256 i = 0; i < phrase.length; ++i) {
            if (all[position + i] != phrase[i]) return false;
        }
        return all[position + phrase.length] <= " ";
    }
}
