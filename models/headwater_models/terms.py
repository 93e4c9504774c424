"""Index terms: what a text is about, as word stems that survive inflection and naming style.

A question says "joining paths" where a docstring says `os.path.join` and "Join two paths"; both
must come out as the stems `join` and `path`.
"""

import re
import unicodedata

_STOP_WORDS = (
    "a about after all also an and any are as at be because been before being between both "
    "but by can could did do does doing done each either else for from had has have having "
    "here how i if in into is it its itself just may me might more most must my no nor not of "
    "off on once one only or other our over own same shall she he should so some such than "
    "that the their them then there these they this those through to too under until up upon "
    "us very via was we were what when where whether which while who whom whose why will with "
    "within without would yet you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that carry grammar rather than subject. Prose is full of them; a keyword list is not."""

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SUFFIXES = (
    ("ational", "ate"), ("ization", "ize"), ("ations", "ate"), ("ation", "ate"), ("ements", ""),
    ("ement", ""), ("ities", "ity"), ("ively", "ive"), ("fully", "ful"), ("ingly", ""),
    ("ments", ""), ("ment", ""), ("ness", ""), ("ings", ""), ("ing", ""), ("edly", ""),
    ("ies", "y"), ("ied", "y"), ("ers", ""), ("ors", ""), ("ed", ""), ("er", ""), ("or", ""),
    ("ly", ""), ("es", ""), ("s", ""), ("e", ""),
)  # fmt: skip
_MIN_STEM = 3


def plain_words(text: str) -> list[str]:
    """Every word in reading order, folded to one form; underscores separate words."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str) -> list[str]:
    """The stems of the content words of a text, in reading order.

    Identifiers are cut at underscores, dots and changes of case. Stop words are left out.
    """
    cut = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))
    return [stem(word) for word in _WORD.findall(cut.casefold()) if word not in STOP_WORDS]


def stem(word: str) -> str:
    """Take one English ending off a lower-case word, where at least three letters remain.

    A doubled last consonant is halved ("splitting", "split"). A stem is a key, not always a word.
    """
    for ending, instead in _SUFFIXES:
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= _MIN_STEM and not word.endswith("ss"):
            return _halve(root + instead)
    return word


def function_word_share(text: str) -> float:
    """Which part of a text's words are stop words, from 0 to 1; 0 for a text without words."""
    words = plain_words(text)
    return sum(word in STOP_WORDS for word in words) / len(words) if words else 0.0


def _halve(root: str) -> str:
    root = root[:-1] if root.endswith("e") and len(root) > _MIN_STEM else root
    doubled = len(root) > _MIN_STEM and root[-1] == root[-2] and root[-1] not in "aeiouls"
    return root[:-1] if doubled else root
