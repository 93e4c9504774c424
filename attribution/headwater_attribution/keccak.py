"""Keccak-256 of many messages of one length, eight at a time in one compiled kernel.

Hashing a million leaves one call at a time costs more in calls than in Keccak. Here messages are
columns of bytes, put together a block of rows at a time, and the permutation runs over eight states
side by side, which the compiler turns into vector instructions; threads share the blocks, since the
kernel holds no lock of the interpreter. Results are those of `eth_utils.keccak`, row by row.

Source: FIPS 202, section 3 (KECCAK-p[1600, 24]), with Keccak's own padding 0x01 as Ethereum has it.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import numpy.typing as npt

from headwater_payments.errors import InvalidInputError, needing

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Column = bytes | Bytes
"""The same bytes in every message, or `[n, width]`, a row of bytes for each."""

LANES = 25
RATE = 136
SIDE_BY_SIDE = 8
ROWS_AT_ONCE = 16_384

Lanes = npt.NDArray[np.int64]
Absorb = Callable[[Words, Words, Words, Lanes, Words], None]


def keccak_rows(columns: Sequence[Column], count: int, *, threads: int | None = None) -> Bytes:
    """Hash `count` messages, each the concatenation of its row in every column.

    Args:
        columns: constants and `[count, width]` arrays of bytes.
        count: how many messages, `n`.
        threads: how many to use; every processor's when None.

    Returns:
        `[n, 32]`.

    Raises:
        InvalidInputError: a column has another number of rows.
        MissingExtraError: numba is not installed.
    """
    for column in columns:
        if not isinstance(column, bytes) and (column.ndim != 2 or len(column) != count):
            raise InvalidInputError(f"Each column of bytes needs {count} rows.")
    absorb = _compiled()
    hashes = np.empty((count, 32), dtype=np.uint8)

    def hash_block(start: int) -> None:
        stop = min(start + ROWS_AT_ONCE, count)
        out = np.empty((_whole(stop - start), 4), dtype=np.uint64)
        absorb(_padded(columns, start, stop), out, *_TABLES)
        hashes[start:stop] = out[: stop - start].astype("<u8", copy=False).view(np.uint8)

    starts = range(0, count, ROWS_AT_ONCE)
    workers = min(threads or os.cpu_count() or 1, len(starts))
    if workers <= 1:
        for start in starts:
            hash_block(start)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(hash_block, starts))
    return hashes


def _whole(rows: int) -> int:
    return -(-rows // SIDE_BY_SIDE) * SIDE_BY_SIDE


def _padded(columns: Sequence[Column], start: int, stop: int) -> Words:
    """Rows `start` to `stop` with Keccak's padding, as little-endian words."""
    length = sum(len(c) if isinstance(c, bytes) else c.shape[1] for c in columns)
    rows = np.zeros((_whole(stop - start), (length // RATE + 1) * RATE), dtype=np.uint8)
    used, at = rows[: stop - start], 0
    for column in columns:
        if isinstance(column, bytes):
            used[:, at : at + len(column)] = np.frombuffer(column, dtype=np.uint8)
            at += len(column)
        else:
            used[:, at : at + column.shape[1]] = column[start:stop]
            at += column.shape[1]
    rows[:, length] ^= 0x01
    rows[:, -1] ^= 0x80
    return rows.view("<u8").astype(np.uint64, copy=False)


def _theta(state: Words, parity: Words) -> None:
    one, sixty_three = np.uint64(1), np.uint64(63)
    for x in range(5):
        for k in range(8):
            parity[x, k] = (
                state[x, k]
                ^ state[x + 5, k]
                ^ state[x + 10, k]
                ^ state[x + 15, k]
                ^ state[x + 20, k]
            )
    for x in range(5):
        for k in range(8):
            after = parity[(x + 1) % 5, k]
            mixed = parity[(x + 4) % 5, k] ^ ((after << one) | (after >> sixty_three))
            for y in range(5):
                state[x + 5 * y, k] ^= mixed


def _rho_and_pi(state: Words, moved: Words, target: Lanes, turn: Words) -> None:
    sixty_three, sixty_four = np.uint64(63), np.uint64(64)
    for lane in range(25):
        left = turn[lane]
        right = (sixty_four - left) & sixty_three
        to = target[lane]
        for k in range(8):
            moved[to, k] = (state[lane, k] << left) | (state[lane, k] >> right)


def _chi(moved: Words, state: Words) -> None:
    for y in range(0, 25, 5):
        for x in range(5):
            for k in range(8):
                state[x + y, k] = moved[x + y, k] ^ (
                    ~moved[(x + 1) % 5 + y, k] & moved[(x + 2) % 5 + y, k]
                )


@cache
def _compiled() -> Absorb:
    """The kernel: absorbs rows `[n, 17 × blocks]`, `n` a multiple of eight, into hashes `[n, 4]`.

    Lane (x, y) is number x + 5·y, and the last axis of a state tells the eight messages apart.
    """
    with needing("Hashing whole epochs", "attribution"):
        from numba import njit
    compiled = njit(nogil=True)
    theta, rho_and_pi, chi = compiled(_theta), compiled(_rho_and_pi), compiled(_chi)

    def absorb(rows: Words, out: Words, constants: Words, target: Lanes, turn: Words) -> None:
        state = np.empty((25, 8), np.uint64)
        moved = np.empty((25, 8), np.uint64)
        parity = np.empty((5, 8), np.uint64)
        for first in range(0, rows.shape[0], 8):
            state[:] = np.uint64(0)
            for block in range(0, rows.shape[1], 17):
                for lane in range(17):
                    for k in range(8):
                        state[lane, k] ^= rows[first + k, block + lane]
                for constant in constants:
                    theta(state, parity)
                    rho_and_pi(state, moved, target, turn)
                    chi(moved, state)
                    for k in range(8):
                        state[0, k] ^= constant
            for k in range(8):
                for lane in range(4):
                    out[first + k, lane] = state[lane, k]

    kernel: Absorb = compiled(absorb)
    return kernel


def _round_constants() -> Words:
    """The constants of iota, from the shift register of algorithm 5."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = (register << 1) ^ ((register >> 7) * 0x171)
        constants.append(constant)
    return np.array(constants, dtype=np.uint64)


def _turns() -> tuple[Lanes, Words]:
    """Where pi takes each lane, and by how much rho turns it before (algorithms 2 and 3)."""
    turn = np.zeros(LANES, dtype=np.uint64)
    target = np.zeros(LANES, dtype=np.int64)
    x, y = 1, 0
    for t in range(24):
        turn[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    for lane in range(LANES):
        x, y = lane % 5, lane // 5
        target[lane] = y + 5 * ((2 * x + 3 * y) % 5)
    return target, turn


_TABLES = (_round_constants(), *_turns())
