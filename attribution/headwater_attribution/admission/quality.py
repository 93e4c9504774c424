"""The quality floor: rules that judge a row by itself, before it is compared with others.

Each rule is cheap and explainable rather than clever; together they refuse what has no sentence in
it. The heuristics follow the published ones for web text (Rae et al., "Scaling Language Models",
2021, table A1; Raffel et al., "Exploring the Limits of Transfer Learning", 2020, section 2.2).
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

from headwater_attribution.admission.fingerprint import Fingerprint
from headwater_attribution.admission.lexicon import (
    NEVER_AFTER,
    SEARCH_PHRASES,
)
from headwater_attribution.admission.parameters import AdmissionParameters

Objection = tuple[str, str]
"""The id of the rule that objects, and its reason."""


def quality_objection(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    """The first quality rule that `row` fails, or None."""
    for rule in _RULES:
        objection = rule(row, parameters)
        if objection is not None:
            return objection
    return None


@lru_cache(maxsize=4_096)
def broken_pairs(words: tuple[str, ...]) -> tuple[int, int]:
    """Openers (articles and prepositions) before a word that can't follow, and openers in all."""
    broken = [
        following in NEVER_AFTER[word] for word, following in pairwise(words) if word in NEVER_AFTER
    ]
    return sum(broken), len(broken)


_FIRST_OF_SEARCH = tuple(sorted({first for first, _ in SEARCH_PHRASES}))
_ASCII_LETTERS = string.ascii_letters.encode()


def _length(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    low, high = parameters.min_words, parameters.max_words
    if low <= len(row.words) <= high:
        return None
    return "length/1", f"It has {len(row.words)} words; between {low} and {high} are accepted."


def _letters(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    visible = "".join(row.canonical.split())
    if visible.isascii():
        letters = len(visible) - len(visible.encode().translate(None, _ASCII_LETTERS))
    else:
        letters = sum(map(str.isalpha, visible))
    if letters * 10_000 >= parameters.min_letters_bps * len(visible):
        return None
    return "letters/1", f"Only {letters} of its {len(visible)} characters are letters."


def _repetition(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    for start in range(0, max(1, len(row.words) - 49), 10):
        stretch = row.words[start : start + 50]
        distinct = len(set(stretch))
        if distinct * 10_000 < parameters.min_distinct_bps * len(stretch):
            return (
                "repetition/1",
                f"A stretch of {len(stretch)} words has only {distinct} distinct ones.",
            )
    return None


def _echo(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    """A row that says the same stretch again and again, however rich the stretch is."""
    total = len(row.words) - 2
    if len(row.words) < parameters.echo_from_words or total < 1:
        return None
    stretches = list(zip(row.words, row.words[1:], row.words[2:], strict=False))
    # What stands t > 1 times is there t - 1 times too often, which is half of t or more.
    if 2 * (total - len(set(stretches))) * 10_000 < parameters.max_echo_bps * total:
        return None
    again = sum(times for times in Counter(stretches).values() if times > 1)
    if again * 10_000 < parameters.max_echo_bps * total:
        return None
    return "echo/1", f"Of its {total} three-word stretches {again} occur again in it."


def _keywords(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    count = len(row.words)
    if count >= parameters.function_from_words:
        function = count - row.bag_size
        if function * 10_000 < parameters.min_function_bps * count:
            return (
                "keywords/1",
                f"It is a list of terms: {function} of its {count} words are function words.",
            )
    word, times = max(row.bag.items(), key=lambda item: item[1], default=("", 0))
    if count >= 12 and times * 10_000 > parameters.max_top_word_bps * count:
        return "keywords/1", f"It repeats '{word}' {times} times in {count} words."
    return None


def _grammar(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    broken, openers = broken_pairs(row.words)
    if broken < 2 or broken * 10_000 < parameters.max_broken_pairs_bps * openers:
        return None
    return (
        "word-order/1",
        f"Of its {openers} articles and prepositions {broken} stand before a wrong word.",
    )


def _bait(row: Fingerprint, parameters: AdmissionParameters) -> Objection | None:
    if sum(map(row.words.count, _FIRST_OF_SEARCH)) <= parameters.max_questions:
        return None
    pairs = Counter(pairwise(row.words))
    phrases = sum(pairs[phrase] for phrase in SEARCH_PHRASES)
    if phrases <= parameters.max_questions or phrases * 15 < len(row.words):
        return None
    return "query-bait/1", f"It holds {phrases} search phrases in {len(row.words)} words."


_RULES: Sequence[Callable[[Fingerprint, AdmissionParameters], Objection | None]] = (
    _length,
    _letters,
    _repetition,
    _echo,
    _keywords,
    _grammar,
    _bait,
)
