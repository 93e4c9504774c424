"""Attribution by matching words, as baselines: what search and copied phrases see of influence.

Symbols: `n` texts, `C` contributors, `Q` queries, `V` words.
"""

from collections import defaultdict
from typing import Final

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.worlds import Int32s
from headwater_attribution.influence.factors import Floats

PHRASE: Final = 3
"""Words of a phrase that count as copied."""

_K1, _B = 1.2, 0.75


def phrase_shares(documents: Int32s, owners: Int64s, queries: Int32s, contributors: int) -> Floats:
    """`[C, Q]` phrases of each query that a contributor has, each shared by all who have it."""
    holders: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for text, owner in zip(documents.tolist(), owners.tolist(), strict=True):
        for at in range(len(text) - PHRASE + 1):
            holders[tuple(text[at : at + PHRASE])].add(owner)
    scores = np.zeros((contributors, len(queries)))
    for number, text in enumerate(queries.tolist()):
        for at in range(len(text) - PHRASE + 1):
            found = holders.get(tuple(text[at : at + PHRASE]), ())
            for owner in found:
                scores[owner, number] += 1 / len(found)
    return scores


def bm25_scores(documents: Int32s, owners: Int64s, queries: Int32s, contributors: int) -> Floats:
    """`[C, Q]` BM25 of each contributor's texts for each query, summed.

    Source:
        Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, equation 3.15.
    """
    words = int(max(documents.max(), queries.max())) + 1
    counts = np.stack([np.bincount(text, minlength=words) for text in documents])
    spread = (counts > 0).sum(axis=0)
    rarity = np.log1p((len(documents) - spread + 0.5) / (spread + 0.5))
    lengths = counts.sum(axis=1, keepdims=True)
    norm = _K1 * (1 - _B + _B * lengths / lengths.mean())
    weights = rarity * counts * (_K1 + 1) / (counts + norm)
    asked = np.stack([np.bincount(text, minlength=words) for text in queries])
    scores = np.zeros((contributors, len(queries)))
    np.add.at(scores, owners, weights @ asked.T)
    return scores
