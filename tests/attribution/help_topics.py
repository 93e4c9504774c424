"""The language reference that `help()` shows: a second honest corpus, one contributor a topic."""

import re
from functools import cache
from pydoc_data.topics import topics

from headwater_attribution.admission import Contribution
from headwater_payments.address import parse_address

_PARAGRAPH = re.compile(r"\n\s*\n")


@cache
def help_topics() -> tuple[Contribution, ...]:
    """One contribution for each topic with 5 paragraphs or more, of 5 words or more each.

    Topics repeat each other's paragraphs; each is given to the first.
    """
    found: list[Contribution] = []
    known: set[str] = set()
    for name in sorted(topics):
        paragraphs = (each.strip() for each in _PARAGRAPH.split(topics[name]))
        rows = tuple(
            dict.fromkeys(
                each for each in paragraphs if len(each.split()) >= 5 and each not in known
            )
        )
        known.update(rows)
        if len(rows) >= 5:
            owner = parse_address(f"0x{len(found) + 1:040x}")
            found.append(Contribution(len(found), owner, "PSF-2.0", rows))
    return tuple(found)
