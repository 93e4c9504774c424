"""What licences ask of whoever passes text on: enough to say that two of them can't both hold.

Licences are named by SPDX ids. Where an id isn't known here, nothing is presumed: such a text may
be passed on under the very same id and no other.

Source: the SPDX licence list; Creative Commons' licence elements (BY, NC, ND, SA) and its list of
compatible licences (BY-SA 4.0 may go into GPL-3.0, and into later versions of BY-SA).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST: Final = 256
"""Characters of an expression of ids that is read."""


@dataclass(frozen=True, slots=True)
class LicenceDuties:
    """What one licence asks.

    Attributes:
        attribution: the author has to be named.
        commercial: it may be sold.
        derivatives: it may be changed and passed on.
        into: where it asks for the same licence, the ids that it may be passed on under; any where
            None.
    """

    attribution: bool = True
    commercial: bool = True
    derivatives: bool = True
    into: frozenset[str] | None = None


def duties(licence_id: str) -> LicenceDuties | None:
    """What a licence asks, or None where its id is not known."""
    if licence_id in _FREE:
        return LicenceDuties(attribution=False)
    if licence_id in _NAMED:
        return LicenceDuties()
    if licence_id in _COPYLEFT:
        return LicenceDuties(into=frozenset({licence_id, *_COPYLEFT[licence_id]}))
    return _creative_commons(licence_id)


def conflict(source: str, stated: str) -> str | None:
    """Why text under `source` can't be passed on under `stated`, as half a sentence, or None.

    Both are SPDX ids or expressions of ids with OR and AND, without brackets: of OR one choice that
    goes is enough, and under AND all have to.
    """
    if source == stated:
        return None
    if max(len(source), len(stated)) > LONGEST:
        return f"a licence is named in more than {LONGEST} characters"
    return _conflict(source, stated)


def use_conflict(licence: str, *, sold: bool) -> str | None:
    """Why text under `licence` can't enter a datanet whose versions are changed and may be sold.

    Of an expression with OR one choice that goes is enough; ids that aren't known go.
    """
    if len(licence) > LONGEST:
        return f"its licence is named in more than {LONGEST} characters"
    reasons: list[str] = []
    for choice in licence.split(" OR "):
        found = []
        for one in choice.split(" AND "):
            asked = duties(one) or LicenceDuties()
            if sold and not asked.commercial:
                found.append(f"{one} does not let it be sold")
            elif not asked.derivatives:
                found.append(f"{one} does not let it be changed")
        if not found:
            return None
        reasons += found
    return reasons[0]


def stated_in(text: str) -> str | None:
    """The licence that a text states of itself by an SPDX tag or Creative Commons' address."""
    # Nearly every row is without both.
    if "SPDX-License-Identifier" in text and (tag := _TAG.search(text)):
        return tag.group(1)
    if "creativecommons.org/" in text and (address := _ADDRESS.search(text)):
        if address.group(1) is None:
            return "CC0-1.0"
        return f"CC-{address.group(1).upper()}-{address.group(2)}"
    return None


@lru_cache(maxsize=1_024)
def _conflict(source: str, stated: str) -> str | None:
    reasons = []
    for choice in source.split(" OR "):
        wanted = [_single(one, each) for one in choice.split(" AND ") for each in _each(stated)]
        found = [reason for reason in wanted if reason is not None]
        if not found:
            return None
        reasons += found
    return reasons[0]


def _each(stated: str) -> list[str]:
    return [one for choice in stated.split(" OR ") for one in choice.split(" AND ")]


def _single(source: str, stated: str) -> str | None:
    if source == stated:
        return None
    asked, given = duties(source), duties(stated)
    if asked is None or given is None:
        # What asks for nothing goes anywhere; of the others nothing is known.
        free = asked is not None and not asked.attribution
        known = f"{source or 'no licence'} lets it go under {stated or 'none'}"
        return None if free else f"whether {known} is not known"
    if not asked.derivatives:
        return f"{source} lets it go under no other licence"
    if asked.into is not None and stated not in asked.into:
        return f"{source} asks for the same licence, and {stated} is another"
    if not asked.commercial and given.commercial:
        return f"{source} does not let it be sold, and {stated} does"
    if asked.attribution and not given.attribution:
        return f"{source} asks for its author's name, and {stated} does not"
    return None


def _creative_commons(licence_id: str) -> LicenceDuties | None:
    found = _COMMONS.fullmatch(licence_id)
    if found is None:
        return None
    elements, version = found.group(1).split("-"), found.group(2)
    into = None
    if "SA" in elements:
        later = {each for each in _VERSIONS if each >= version}
        into = frozenset(f"CC-{found.group(1)}-{each}" for each in later)
        if elements == ["BY", "SA"] and version == "4.0":
            into |= {"GPL-3.0-only", "GPL-3.0-or-later"}
    return LicenceDuties(
        commercial="NC" not in elements, derivatives="ND" not in elements, into=into
    )


_FREE: Final = frozenset({"0BSD", "CC0-1.0", "MIT-0", "PDDL-1.0", "Unlicense"})
_NAMED: Final = frozenset(
    (
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CDLA-Permissive-2.0"),
        *("ISC", "MIT", "ODC-By-1.0", "PSF-2.0", "Python-2.0", "Zlib"),
    )
)
_COPYLEFT: Final = {
    "AGPL-3.0-only": (),
    "AGPL-3.0-or-later": ("AGPL-3.0-only",),
    "GPL-2.0-only": (),
    "GPL-2.0-or-later": ("GPL-2.0-only", "GPL-3.0-only", "GPL-3.0-or-later"),
    "GPL-3.0-only": (),
    "GPL-3.0-or-later": ("GPL-3.0-only",),
    "ODbL-1.0": (),
}
_VERSIONS: Final = ("1.0", "2.0", "2.5", "3.0", "4.0")
_COMMONS: Final = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(1\.0|2\.0|2\.5|3\.0|4\.0)")
_ID: Final = r"[A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+]"
_TAG: Final = re.compile(rf"SPDX-License-Identifier:[ \t]*({_ID}(?: (?:OR|AND) {_ID})*)")
_ADDRESS: Final = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-sa|-nd)?)/(1\.0|2\.0|2\.5|3\.0|4\.0)"
    r"|publicdomain/zero/1\.0)"
)
