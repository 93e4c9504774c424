"""Lanes: several channels with one seller that serves one request per channel at a time.

A lane is a channel whose salt is its number, so a wallet finds its lanes again. The lowest free one
is taken first; where all are in use, requests wait in line.
"""

from bisect import insort
from collections import deque
from collections.abc import Set as AbstractSet

import anyio

DEFAULT_LANES = 4


def lanes_for(most: int, price: int, deposit_limit: int) -> int:
    """How many lanes requests of a price may use: as many as escrow for one each allows.

    Args:
        most: lanes that the wallet opens with one seller at most.
        price: atomic units that one request may cost.
        deposit_limit: atomic units of escrow to leave with a seller, all lanes together.
    """
    return max(1, min(most, deposit_limit // max(1, price)))


class LanePool:
    """Which of a seller's lanes are free. First come, first served; one task holds a lane."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = list(range(size))
        self._line: deque[_Waiting] = deque()

    @property
    def free(self) -> int:
        """How many lanes nobody holds."""
        return len(self._free)

    async def take(self, avoid: AbstractSet[int] = frozenset()) -> int:
        """Hold the lowest free lane, waiting for one where need be.

        Cancelled while waiting, nothing is held.

        Args:
            avoid: lanes that are of no use to the caller.
        """
        number = next((each for each in self._free if each not in avoid), None)
        if number is not None:
            self._free.remove(number)
            return number
        waiting = _Waiting(avoid)
        self._line.append(waiting)
        try:
            await waiting.called.wait()
        except BaseException:
            if waiting.number is None:
                self._line.remove(waiting)
            else:
                self.give_back(waiting.number)
            raise
        assert waiting.number is not None
        return waiting.number

    def give_back(self, number: int) -> None:
        """Let the next in line have the lane."""
        for waiting in self._line:
            if number not in waiting.avoid:
                self._line.remove(waiting)
                waiting.number = number
                waiting.called.set()
                return
        insort(self._free, number)


class _Waiting:
    """One task in line."""

    def __init__(self, avoid: AbstractSet[int]) -> None:
        self.avoid, self.called = avoid, anyio.Event()
        self.number: int | None = None
