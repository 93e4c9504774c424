"""A tiny retrieval backend with honest ablations: it scores by words shared with the prompt."""

from collections.abc import Collection

from headwater_attribution.canonical import words
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import (
    Ablation,
    Evidence,
    RetrievedPassage,
    text_sha256,
)
from headwater_payments.hexadecimal import to_hex

QUOTED = 2
"""Rows in an answer."""


def answer(corpus: Corpus, prompt: str, *, by_star: bool = True) -> Evidence:
    """Quote the best rows, one of each star, and measure the answer without each cited star.

    With `by_star` false the backend knows nothing of near-duplicates: it may quote a row and its
    copy, and ablates row by row.
    """
    alone = tuple(range(len(corpus.rows)))
    centres = star_centres(corpus) if by_star else alone
    asked = set(words(prompt))
    scores = [len(asked & set(words(row.text))) * 1_000_000 for row in corpus.rows]

    def best(without: Collection[int]) -> list[int]:
        left = [i for i in alone if i not in without and scores[i]]
        firsts = {centres[i]: i for i in sorted(left, key=lambda i: (scores[i], -i))}
        return sorted(firsts.values(), key=lambda i: (-scores[i], i))[:QUOTED]

    quoted = best(())
    cited = [i for i in alone if scores[i] and centres[i] in {centres[q] for q in quoted}]
    ablations = []
    for star in sorted({centres[i] for i in quoted}):
        removed = [i for i in cited if centres[i] == star]
        score = sum(scores[i] for i in best(removed))
        ablations.append(Ablation(tuple(corpus.row_id(i) for i in removed), score))
    return Evidence(
        "reference/1",
        to_hex(corpus.root),
        prompt,
        " ".join(corpus.rows[i].text for i in quoted) or "I do not know.",
        sum(scores[i] for i in quoted),
        tuple(
            RetrievedPassage(
                corpus.row_id(i),
                corpus.rows[i].contribution_id,
                corpus.rows[i].contributor,
                scores[i],
                text_sha256(corpus.rows[i].text),
            )
            for i in sorted(cited, key=lambda i: (-scores[i], i))
        ),
        tuple(ablations),
    )
