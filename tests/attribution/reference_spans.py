"""Span matching as its definition says it, window by window: slow, obvious, and exact."""

from collections import Counter

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.canonical import words
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import Evidence
from headwater_payments.split import PARTS

SHORTEST = 5


def windows(text: list[str], size: int) -> list[tuple[str, ...]]:
    """Every run of `size` words."""
    return [tuple(text[i : i + size]) for i in range(len(text) - size + 1)]


def earliest_rows(rows: list[list[str]], window: int) -> dict[tuple[str, ...], int]:
    """For each window of a row, and each whole row a little shorter, the first row that has it."""
    found: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows):
        size = min(window, len(row))
        if size >= min(window, SHORTEST) and size > 0:
            for each in windows(row, size):
                found.setdefault(each, number)
    return found


def owners(
    rows: list[list[str]], answer: list[str], prompt: list[str], window: int, at_least: int
) -> list[int | None]:
    """For each word of the answer, the earliest row that shares a heavy enough window over it."""
    rows_with_word = Counter(word for row in rows for word in set(row))
    earliest = earliest_rows(rows, window)
    owner: list[int | None] = [None] * len(answer)
    for size in {len(each) for each in earliest}:
        for start, each in enumerate(windows(answer, size)):
            weight = sum((len(rows) // max(1, rows_with_word[w])).bit_length() for w in each)
            row = earliest.get(each)
            if row is None or weight < at_least or each in windows(prompt, size):
                continue
            for word in range(start, start + size):
                owner[word] = min(row, len(rows) if (o := owner[word]) is None else o)
    return owner


def reference_span_match(
    corpus: Corpus, evidence: Evidence, *, window: int = 8, rare: int = 2, sure: int = 3
) -> Attribution:
    """What `SpanMatch` must return."""
    rows = [words(row.text) for row in corpus.rows]
    answer, prompt = words(evidence.answer), words(evidence.prompt)
    counts = {
        end: Counter(
            corpus.rows[row].contribution_id
            for row in owners(rows, answer, prompt, window, multiple * len(rows).bit_length())
            if row is not None
        )
        for end, multiple in (("parts", rare), ("low", sure), ("high", 0))
    }
    whole = max(1, len(answer))
    shares = []
    for row in corpus.rows:
        parts, low, high = (counts[end][row.contribution_id] for end in ("parts", "low", "high"))
        ends = (min(low, parts), max(high, parts))
        shares.append(
            Share(
                row.contribution_id,
                row.contributor,
                parts * PARTS // whole,
                ends[0] * PARTS // whole,
                ends[1] * PARTS // whole,
            )
        )
    return attribution_of(shares)
