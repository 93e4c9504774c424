"""All mutants of a source in one source: which one runs is read from the block's coinbase.

Roland H. Untch, A. Jefferson Offutt and Mary Jean Harrold, "Mutation analysis using mutant
schemata", ISSTA 1993: compiled once, chosen at run time.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, TypeAlias

from headwater_contracts.mutation.mutants import Mutant, Place

_MARK: Final = re.compile(r"/\*mutant (\d+)\*/")


def schema_of(text: str, mutants: Mapping[int, Mutant]) -> str:
    """A source in which every mutant stands beside what it changes.

    Args:
        text: the source.
        mutants: by number, from 1: with that number as coinbase the mutant runs, with 0 none does.
    """
    ordered = sorted(mutants.items(), key=lambda item: (item[1].start, -item[1].end, item[0]))
    sites = [
        (key, list(group))
        for key, group in groupby(ordered, lambda item: (item[1].start, item[1].end, item[1].place))
    ]
    return _Writer(text.encode("utf-8"), sites).write(0, len(text.encode("utf-8")))


def readable_everywhere(text: str) -> str:
    """The same source with no function pure: each may read the coinbase then."""
    return re.sub(r"\bpure\b", "view", text)


def mutants_within(text: str, start: int, end: int) -> list[int]:
    """Whom an error of the compiler at these bytes of a schema is about: the numbers of mutants."""
    raw = text.encode("utf-8")
    inside = _MARK.findall(raw[start:end].decode("utf-8", "replace"))
    if inside:
        return [int(inside[0])]
    before = _MARK.findall(raw[:start].decode("utf-8", "replace"))
    return [int(before[-1])] if before else []


_Site: TypeAlias = tuple[tuple[int, int, Place], list[tuple[int, Mutant]]]


class _Writer:
    def __init__(self, text: bytes, sites: Iterable[_Site]) -> None:
        self._text = text
        self._sites = list(sites)
        self._next = 0

    def write(self, start: int, end: int) -> str:
        """The bytes from `start` to `end` with every site in them, outer ones first."""
        parts, at = [], start
        while self._next < len(self._sites) and self._sites[self._next][0][1] <= end:
            (inner_start, inner_end, place), changes = self._sites[self._next]
            self._next += 1
            parts.append(self._text[at:inner_start].decode("utf-8"))
            parts.append(_beside(place, changes, self.write(inner_start, inner_end)))
            at = inner_end
        parts.append(self._text[at:end].decode("utf-8"))
        return "".join(parts)


def _beside(place: Place, changes: list[tuple[int, Mutant]], original: str) -> str:
    for number, mutant in changes:
        mark = f"/*mutant {number}*/"
        solidity, yul = f"block.coinbase == address({number})", f"eq(coinbase(), {number})"
        if place is Place.EXPRESSION:
            original = f"({solidity} ? {mark}({mutant.after}) : ({original}))"
        elif place is Place.STATEMENT:
            original = f"{{ if ({solidity}) {mark}{{ {mutant.after} }} else {{ {original} }} }}"
        elif place is Place.YUL_EXPRESSION:
            # Both are computed and one is multiplied by 0: assembly has no choice of values.
            chosen = f"mul({yul}, {mark}{mutant.after})"
            original = f"add({chosen}, mul(iszero({yul}), {original}))"
        else:
            original = f"{mark} if iszero({yul}) {{ {original} }}"
    return original
