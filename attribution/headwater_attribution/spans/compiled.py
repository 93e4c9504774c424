"""The steps of building a large segment, compiled: twins of those over arrays, with equal results.

Everything here is a loop over all words of a text, and lets other threads run beside it. What was
compiled is kept on disk where there is a place for it, so only the first process waits for that.
Importing this imports numba.

Symbols: `B` bytes of text, `R` rows, `W` words, `S` words and ends of rows.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Kernel = TypeVar("Kernel", bound=Callable[..., object])

SPACE = 32
NEWLINE = 10


def _kernel(function: Kernel) -> Kernel:
    try:
        return cast(Kernel, njit(nogil=True, error_model="numpy", cache=True)(function))
    except RuntimeError:  # numba found no directory that it may write to
        return cast(Kernel, njit(nogil=True, error_model="numpy")(function))


@_kernel
def _mixed(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64, as in `hashing`."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@_kernel
def evenly_spaced(text: U8) -> bool:
    """Whether every word but the last of a row has one space after it, and nothing else has."""
    after_word = False
    after_space = False
    for byte in text:
        if byte == SPACE:
            if not after_word:
                return False
            after_word, after_space = False, True
        elif byte == NEWLINE:
            if after_space:
                return False
            after_word = after_space = False
        else:
            after_word, after_space = True, False
    return not after_space


@_kernel
def space_evenly(text: U8, out: U8) -> int:
    """Copy rows to `out`, `[B]`, with single spaces; gives the bytes written."""
    at = 0
    wanted = False
    for byte in text:
        if byte == SPACE:
            wanted = at > 0 and out[at - 1] != NEWLINE
            continue
        if wanted and byte != NEWLINE:
            out[at] = SPACE
            at += 1
        wanted = False
        out[at] = byte
        at += 1
    return at


@_kernel
def _same_word(text: U8, one: int, other: int) -> bool:
    at, there = np.int64(one), np.int64(other)
    while text[at] == text[there] and text[at] > SPACE:
        at, there = at + 1, there + 1
    return bool(text[at] <= SPACE and text[there] <= SPACE)


@_kernel
def _grow(hashes: U64, numbers: I64) -> tuple[U64, I64]:
    """A table of twice as many slots with the same entries."""
    size = 2 * len(hashes)
    more_hashes, more_numbers = np.zeros(size, np.uint64), np.full(size, -1, np.int64)
    for at in range(len(hashes)):
        if numbers[at] >= 0:
            slot = hashes[at] & np.uint64(size - 1)
            while more_numbers[slot] >= 0:
                slot = (slot + np.uint64(1)) & np.uint64(size - 1)
            more_hashes[slot], more_numbers[slot] = hashes[at], numbers[at]
    return more_hashes, more_numbers


@_kernel
def number_words(
    text: U8, secret: int, row_words: U32, starts: U32, numbers: U32, firsts: U32
) -> tuple[int, int]:
    """Number the words of an evenly spaced text in the order in which they are first met.

    A word's hash is a bijection of its bytes where these are eight or fewer; longer words with
    equal hashes are compared.

    Args:
        text: `[B]` rows, each closed by a newline.
        secret: 63 bits that whoever wrote the text does not know, so that it can't be made slow;
            what is found does not depend on them.
        row_words: `[R]` for the number of words of each row.
        starts: `[B]` or fewer, for the byte position of each word.
        numbers: the same, for the number of each word.
        firsts: the same, for the place in `starts` of the first word with each number.

    Returns:
        Words and distinct words.
    """
    slot_hashes, slot_numbers = np.zeros(1 << 16, np.uint64), np.full(1 << 16, -1, np.int64)
    lengths = np.empty(1 << 15, np.uint32)
    words, distinct, row, row_first, at = 0, 0, 0, 0, 0
    while at < len(text):
        if text[at] == NEWLINE:
            row_words[row] = words - row_first
            row, row_first, at = row + 1, words, at + 1
            continue
        start, eight, found = at, np.uint64(0), np.uint64(secret)
        while text[at] > SPACE:
            eight = (eight << np.uint64(8)) | np.uint64(text[at])
            at += 1
            if (at - start) & 7 == 0:
                found, eight = _mixed(found ^ eight), np.uint64(0)
        if eight:
            found = _mixed(found ^ eight)
        mask = np.uint64(len(slot_hashes) - 1)
        slot = found & mask
        while slot_numbers[slot] >= 0:
            number = slot_numbers[slot]
            alike = slot_hashes[slot] == found and lengths[number] == at - start
            if alike and (at - start <= 8 or _same_word(text, start, starts[firsts[number]])):
                break
            slot = (slot + np.uint64(1)) & mask
        starts[words] = start
        if slot_numbers[slot] < 0:
            slot_hashes[slot], slot_numbers[slot] = found, distinct
            firsts[distinct], lengths[distinct] = words, at - start
            numbers[words] = distinct
            distinct += 1
            if 2 * distinct == len(slot_hashes):
                slot_hashes, slot_numbers = _grow(slot_hashes, slot_numbers)
                more = np.empty(2 * distinct, np.uint32)
                more[:distinct] = lengths
                lengths = more
        else:
            numbers[words] = slot_numbers[slot]
        words += 1
        if text[at] == SPACE:
            at += 1
    return words, distinct


@_kernel
def renumber(numbers: U32, ranks: U32, counts: U32) -> None:
    """Replace the number of each word by its rank, and count the words of each rank."""
    for word in range(len(numbers)):
        rank = ranks[numbers[word]]
        numbers[word] = rank
        counts[rank] += np.uint32(1)


@_kernel
def symbols_of(row_words: U32, numbers: U32, symbols: U32) -> None:
    """The text as `[S]` symbols: 1 for the end of a row and words from 2 on."""
    word, at = 0, 0
    for words in row_words:
        for _ in range(words):
            symbols[at] = numbers[word] + np.uint32(2)
            word, at = word + 1, at + 1
        symbols[at] = 1
        at += 1


@_kernel
def positions_of(row_words: U32, starts: U32, positions: U32) -> None:
    """The byte position of each of `[S]` symbols that is a word."""
    word, at = 0, 0
    for words in row_words:
        for _ in range(words):
            positions[at] = starts[word]
            word, at = word + 1, at + 1
        at += 1


@_kernel
def key_beginnings(symbols: U32, width: int, bits: int, place_bits: int, keys: U64) -> None:
    """`[S]` keys: the first `width` symbols of each suffix, and its place in the last bits."""
    shift = np.uint64(bits)
    for place in range(len(symbols)):
        key = np.uint64(0)
        for at in range(place, place + width):
            key = (key << shift) | (np.uint64(symbols[at]) if at < len(symbols) else np.uint64(0))
        keys[place] = (key << np.uint64(place_bits)) | np.uint64(place)


@_kernel
def key_longer(
    ranks: U32, symbols: U32, known: int, width: int, bits: int, place_bits: int, keys: U64
) -> None:
    """`[S]` keys: the rank of each suffix by `known` symbols, `width` more, and its place."""
    shift = np.uint64(bits)
    for place in range(len(symbols)):
        key = np.uint64(ranks[place])
        for at in range(place + known, place + known + width):
            key = (key << shift) | (np.uint64(symbols[at]) if at < len(symbols) else np.uint64(0))
        keys[place] = (key << np.uint64(place_bits)) | np.uint64(place)


@_kernel
def rank_keys(keys: U64, place_bits: int, ranks: U32) -> int:
    """Number the distinct beginnings of sorted keys from 0, by place; gives how many they are."""
    mask = (np.uint64(1) << np.uint64(place_bits)) - np.uint64(1)
    rank = 0
    for at in range(len(keys)):
        if at and keys[at] >> np.uint64(place_bits) != keys[at - 1] >> np.uint64(place_bits):
            rank += 1
        ranks[keys[at] & mask] = rank
    return rank + 1


@_kernel
def group_keys(keys: U64, place_bits: int, order: U32, ranks: U32, heads: U32) -> tuple[int, int]:
    """The order that sorted keys give, the ranks of its groups, and where those of several begin.

    A group is what has one beginning. Its rank is where it begins in the order. `order` may be the
    first half of the memory of `keys`.

    Returns:
        The groups of several, and the size of the largest.
    """
    mask = (np.uint64(1) << np.uint64(place_bits)) - np.uint64(1)
    groups, head, largest = 0, 0, 0
    beginning = np.uint64(0)
    for at in range(len(keys)):
        key = keys[at]
        if at == 0 or key >> np.uint64(place_bits) != beginning:
            head = at
            beginning = key >> np.uint64(place_bits)
        elif at == head + 1:
            heads[groups] = head
            groups += 1
        largest = max(largest, at - head + 1)
        order[at] = key & mask
        ranks[key & mask] = head
    return groups, largest


@_kernel
def heap_sort(keys: U64, size: int) -> None:
    """Sort the first `size` keys; unlike quicksort, no text makes it slow."""
    start, end = size // 2, size
    while end > 1:
        if start > 0:
            start -= 1
            key = keys[start]
        else:
            end -= 1
            key, keys[end] = keys[end], keys[0]
        at = start
        child = 2 * at + 1
        while child < end:
            if child + 1 < end and keys[child + 1] > keys[child]:
                child += 1
            if keys[child] <= key:
                break
            keys[at] = keys[child]
            at, child = child, 2 * child + 1
        keys[at] = key


@_kernel
def refine_groups(
    order: U32, ranks: U32, heads: U32, groups: int, known: int, spare: U64, next_heads: U32
) -> int:
    """Order every group, alike in `known` symbols, by what follows these; gives the groups left.

    Keys of a group are all read before its ranks change. What follows may have finer ranks by
    then, which are consistent with the coarser ones.
    """
    left = 0
    for group in range(groups):
        head = np.int64(heads[group])
        size = 0
        while head + size < len(order) and ranks[order[head + size]] == head:
            place = np.int64(order[head + size])
            after = np.uint64(0)
            if place + known < len(order):
                after = np.uint64(ranks[place + known]) + np.uint64(1)
            spare[size] = (after << np.uint64(32)) | np.uint64(place)
            size += 1
        if size > 24:
            heap_sort(spare, size)
        else:
            for at in range(1, size):
                key, to = spare[at], at
                while to > 0 and spare[to - 1] > key:
                    spare[to] = spare[to - 1]
                    to -= 1
                spare[to] = key
        start = 0
        for at in range(size):
            if at and spare[at] >> np.uint64(32) != spare[at - 1] >> np.uint64(32):
                start = at
            elif at == start + 1:
                next_heads[left] = head + start
                left += 1
            place = np.int64(spare[at] & np.uint64(0xFFFFFFFF))
            order[head + at] = place
            ranks[place] = head + start
    return left


@_kernel
def hash_windows(
    by_word: U64, numbers: U32, row_words: U32, size: int, place_bits: int, ends: U32, keys: U64
) -> int:
    """Hash every window of `size` words that ends in its row, as `hashing.window_hashes` does.

    Keys are hashes whose last bits gave way to the place of the window's first word. At that place
    in `ends`, `[W]`, those bits are kept. Gives how many windows there are.
    """
    mask = (np.uint64(1) << np.uint64(place_bits)) - np.uint64(1)
    windows, first = 0, np.int64(0)
    for words in row_words:
        for start in range(first, first + np.int64(words) - size + 1):
            found = np.uint64(0)
            for word in range(start, start + size):
                found = _mixed(found ^ by_word[numbers[word]])
            ends[start] = found & mask
            keys[windows] = (found & ~mask) | np.uint64(start)
            windows += 1
        first += np.int64(words)
    return windows


@_kernel
def distinct_windows(
    keys: U64, place_bits: int, ends: U32, starts: U32, distinct: U64, firsts: U32
) -> int:
    """The distinct hashes of sorted keys, rising, and where each stands first; how many they are.

    `distinct` may be the memory of `keys`.
    """
    mask = (np.uint64(1) << np.uint64(place_bits)) - np.uint64(1)
    found, low = 0, 0
    while low < len(keys):
        beginning, first, above = keys[low] & ~mask, ends[keys[low] & mask], False
        place, high = keys[low] & mask, low + 1
        while high < len(keys) and keys[high] & ~mask == beginning:
            end = ends[keys[high] & mask]
            above = above or end != first
            if end < first:
                first, place = end, keys[high] & mask
            high += 1
        alike = keys[low:high].copy() if above else keys[low:low]
        distinct[found], firsts[found] = beginning | np.uint64(first), starts[place]
        found += 1
        while above:  # once for each further hash with this beginning, which are few
            last, above = first, False
            for key in alike:
                end = ends[key & mask]
                if end > last and (not above or end < first):
                    above, first, place = True, end, key & mask
            if above:
                distinct[found], firsts[found] = beginning | np.uint64(first), starts[place]
                found += 1
        low = high
    return found


@_kernel
def count_below(hashes: U64, bits: int, directory: U32) -> None:
    """`[2^bits + 1]` how many rising hashes have smaller first bits than each value of them."""
    shift = np.uint64(64 - bits)
    bucket = np.uint64(0)
    for at in range(len(hashes)):
        while bucket <= hashes[at] >> shift:
            directory[bucket] = at
            bucket += np.uint64(1)
    while bucket < np.uint64(len(directory)):
        directory[bucket] = len(hashes)
        bucket += np.uint64(1)
