"""Attacks on what a cause is paid: each pays against a rule's naive form and not against ours."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headwater_attribution.admission.fingerprint import fingerprint
from headwater_attribution.admission.neighbours import NeighbourIndex, nearest_centre
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.verdict import RowRef
from headwater_attribution.apportion import Int64s, portions
from headwater_attribution.clusters import star_centres
from headwater_attribution.columns import RuleColumns
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.rules import CAUSES, RewardRule, RuleParameters
from headwater_payments.address import parse_address
from headwater_payments.split import PARTS

MALLORY = parse_address("0x" + "4d" * 20)
POOL = 1_000_000


def bridged(bridges: int) -> Corpus:
    """Two rows of twenty words without a common one, and rows that each share half of the next."""
    last = bridges + 1
    starts = [place * 20 // last for place in range(last + 1)]
    texts = [" ".join(f"term{word}" for word in range(at, at + 20)) for at in starts]
    rows = [CorpusRow(number, MALLORY, "MIT", number, text) for number, text in enumerate(texts)]
    return Corpus(1, 1, rows)


def single_linkage(corpus: Corpus) -> tuple[int, ...]:
    """The naive form: likeness by the very same measure, carried on from row to row."""
    centres = list(range(len(corpus.rows)))
    for later, row in enumerate(corpus.rows):
        for earlier in range(later):
            index = NeighbourIndex(AdmissionParameters())
            index.add(RowRef(0, earlier), fingerprint(corpus.rows[earlier].text))
            if nearest_centre(index, fingerprint(row.text)) is not None:
                joined = {centres[earlier], centres[later]}
                centres = [min(joined) if each in joined else each for each in centres]
    return tuple(centres)


def keeps_strangers_apart(cluster: Callable[[Corpus], tuple[int, ...]], corpus: Corpus) -> bool:
    first, *_, last = cluster(corpus)
    return first != last


def test_three_bridges_join_strangers_by_single_linkage_and_not_by_stars() -> None:
    corpus = bridged(3)
    first, last = corpus.rows[0].text.split(), corpus.rows[-1].text.split()
    assert not set(first) & set(last)
    assert single_linkage(corpus) == (0,) * 5
    assert not keeps_strangers_apart(single_linkage, corpus)
    assert keeps_strangers_apart(star_centres, corpus)


def by_volume(columns: RuleColumns, parameters: RuleParameters) -> Int64s:
    """The naive form of shrinkage: towards a prior made of how many rows each account has."""
    rows = columns.rows[:, None, :]
    prior = rows * PARTS // rows.sum(axis=2, keepdims=True)
    kept = portions(columns.parts, np.full((1, 1, 1), PARTS - parameters.shrinkage))
    drawn = portions(prior, np.full((1, 1, 1), parameters.shrinkage))
    return portions(columns.charges[:, :, None], kept + drawn)


TO_VOLUME = RewardRule("volume/0", "shrunk towards volume", True, by_volume)


def share_of_filler(rule: RewardRule, shrinkage: int, *, filler: int, sure: bool) -> float:
    """What the second account gets, whose rows cause nothing, of receipts the first one caused."""
    cause = np.array([[[PARTS, 0]] * 10], dtype=np.int64)
    columns = RuleColumns(
        np.full((1, 10), POOL // 10, dtype=np.int64),
        np.array([[[0, 1]] * 10], dtype=np.int64),
        cause,
        cause if sure else cause // 2,
        np.zeros((1, 10, 2), dtype=np.int64),
        np.array([[1_000, filler]], dtype=np.int64),
    )
    shrunk = replace(rule, parameters=RuleParameters(shrinkage=shrinkage))
    return float(shrunk.settle(columns).accounts[0, 1]) / POOL


@pytest.mark.parametrize("sure", [True, False], ids=["sure", "paraphrased until unsure"])
def test_filler_as_large_as_the_corpus_takes_a_quarter_by_volume_and_nothing_by_causes(
    sure: bool,
) -> None:
    half = PARTS // 2
    assert share_of_filler(TO_VOLUME, half, filler=1_000, sure=sure) == 0.25
    assert share_of_filler(TO_VOLUME, half, filler=9_000, sure=sure) == 0.45
    for shrinkage in (0, half, PARTS):
        assert share_of_filler(CAUSES, shrinkage, filler=9_000, sure=sure) == 0
