"""Rows that hold what a registered benchmark asks: quarantined, so that scores keep their meaning.

A model trained on a benchmark's questions knows their answers by heart. A row is quarantined when a
stretch of 13 words of it stands in a registered benchmark, or all of a shorter question stands in
the row. Both sides are compared by canonical words.

Source: 13-word overlap as in Brown et al., "Language Models are Few-Shot Learners", 2020, appendix
C; which benchmark it was is told, so that others may still train on the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from headwater_attribution.canonical import words
from headwater_attribution.windows import window_hashes

OVERLAP: Final = 13
SHORTEST: Final = 6
"""Questions of fewer words are not registered: others say them by chance."""


class RegisteredBenchmarks:
    """Benchmarks that rows are held against.

    Args:
        items: by the benchmark's name its questions, and answers where they are text.
    """

    def __init__(self, items: Mapping[str, Iterable[str]]) -> None:
        self._windows: dict[int, dict[int, str]] = {}
        for name in sorted(items):
            for text in items[name]:
                said = words(text)
                size = min(OVERLAP, len(said))
                if size >= SHORTEST:
                    held = self._windows.setdefault(size, {})
                    for window in window_hashes(said, size):
                        held.setdefault(window, name)

    def windows(self) -> list[tuple[int, int, str]]:
        """Size, hash and benchmark of every stretch that rows are held against, in order."""
        return sorted(
            (size, window, name)
            for size, held in self._windows.items()
            for window, name in held.items()
        )

    def held_by(self, row: Sequence[str]) -> str | None:
        """The name of a benchmark that a row of canonical words holds something of, or None."""
        for size in sorted(self._windows, reverse=True):
            held = self._windows[size]
            for window in window_hashes(row, size):
                if window in held:
                    return held[window]
        return None
