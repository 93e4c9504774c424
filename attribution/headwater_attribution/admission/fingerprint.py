"""What of a row is compared: its canonical words as a sequence, as windows and as a bag."""

from collections import Counter
from dataclasses import dataclass

from headwater_attribution.admission.lexicon import FUNCTION_WORDS
from headwater_attribution.canonical import canonical_text, words
from headwater_attribution.windows import window_hashes

WINDOW = 5
"""Words in the windows by which a copied stretch is recognised."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """One row, ready for comparison.

    Attributes:
        canonical: its canonical text; equal texts are the same row.
        words: all canonical words in order.
        windows: hashes of its five-word windows.
        bag: its content words (all but function words) with their counts.
        bag_size: the sum of those counts.
    """

    canonical: str
    words: tuple[str, ...]
    windows: frozenset[int]
    bag: Counter[str]
    bag_size: int


def fingerprint(text: str) -> Fingerprint:
    """Take the fingerprint of a row's text."""
    in_order = words(text)
    bag = Counter([word for word in in_order if word not in FUNCTION_WORDS])
    return Fingerprint(
        canonical_text(text),
        tuple(in_order),
        frozenset(window_hashes(in_order, WINDOW)),
        bag,
        bag.total(),
    )
