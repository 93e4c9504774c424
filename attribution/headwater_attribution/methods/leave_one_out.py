"""Credit for what the answer loses when a contributor is taken away, not for having been retrieved.

The share of a contributor is the drop of the answer score when its rows are taken out, with the
rows that nearly repeat them, as a fraction of the full score. A star of near-duplicates counts as
its earliest row's, and so does a row that, by the evidence, says what an earlier one says to the
same prompt. When one drop explains part of another and they sum to more than the whole, all
are scaled down together; they are never scaled up.

Rows of one contributor are taken out together because they stand in for each other: one by one, the
drops of a contributor who has said a thing twice are nothing, and whoever says it once is paid for
it. Where an answer is worth the more the more rows support it, with less and less from each, drops
of parts sum to no more than the drop of the whole, so a contributor gains nothing by splitting up.

The drop when taken out last is the least that a contributor can have added to an answer, and its
score by itself is the most; the Shapley value lies between. So the drop is both estimate and lower
end, and the contributor's part of the retrieval score is the upper end.

Source: leave-one-out as in Koh and Liang, "Understanding Black-box Predictions via Influence
Functions", 2017; ablation of context as in Cohen-Wang et al., "ContextCite", 2024.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.canonical import words
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.checked import check_evidence, leaders
from headwater_attribution.windows import window_hashes
from headwater_payments.address import Address
from headwater_payments.split import PARTS, split_amount


class RetrievalLeaveOneOut:
    """Leave-one-out over the passages of one corpus version.

    Args:
        corpus: the rows that evidence refers to.
        prompt_window: words in the windows by which text copied from the prompt is recognised; a
            star earns nothing when at least half of its windows stand in the prompt, or in a text
            that the answer quotes under a licence of its own.
    """

    method_id = "retrieval-loo/3"

    def __init__(self, corpus: Corpus, *, prompt_window: int = 5) -> None:
        self._corpus = corpus
        self._prompt_window = prompt_window
        self._centres = star_centres(corpus)

    @property
    def parameters(self) -> Mapping[str, int]:
        """The prompt window."""
        return {"prompt_window": self._prompt_window}

    def attribute(self, evidence: Evidence) -> Attribution:
        """Shares from the drops that ablations show; see `AttributionMethod`."""
        check_evidence(evidence, self._corpus)
        stars = self._stars(evidence)
        drops = self._drops(evidence, stars)
        whole = max(1, evidence.answer_score_micro, sum(drops.values()))
        scores, quoted = _scores(evidence, stars), _quoted(evidence, stars)
        retrieved = max(1, sum(scores.values()))
        parts: Counter[int] = Counter()
        high: Counter[int] = Counter()
        for owned, drop in drops.items():
            named = quoted.intersection(owned) or frozenset(owned)
            weights = [max(1, scores[star]) if star in named else 0 for star in owned]
            shared = split_amount(drop * PARTS // whole, weights)
            for star, part in zip(owned, shared, strict=True):
                row = self._corpus.rows[star]
                brought = (copied_from(t, row.text, self._prompt_window) for t in evidence.brought)
                if not any(brought):
                    parts[row.contribution_id] += part
                    high[row.contribution_id] += max(part, scores[star] * PARTS // retrieved)
        influence = self._influence(evidence)
        return attribution_of(
            Share(
                number,
                owner,
                parts[number],
                parts[number],
                min(PARTS, high[number]),
                influence[number],
            )
            for number, owner in self._owners(stars).items()
        )

    def _stars(self, evidence: Evidence) -> dict[int, int]:
        """The star that each cited row counts as."""
        follows = leaders(evidence)
        cited = [passage.row.index for passage in evidence.passages]
        return {index: self._centres[follows.get(index, index)] for index in cited}

    def _drops(self, evidence: Evidence, star_of: Mapping[int, int]) -> dict[tuple[int, ...], int]:
        """The drop of the answer score for stars of one contributor that were taken out together.

        Of the ablations within one contributor's stars the one counts that takes out all of them;
        where there is none, those of single stars do, each by itself.
        """
        widest: dict[frozenset[int], tuple[int, int]] = {}
        stars_of: defaultdict[Address, set[int]] = defaultdict(set)
        for ablation in evidence.ablations:
            stars = frozenset(star_of[row.index] for row in ablation.removed)
            owners = {self._corpus.rows[star].contributor for star in stars}
            if len(owners) == 1:
                drop = max(0, evidence.answer_score_micro - ablation.answer_score_micro)
                candidate = (len(set(ablation.removed)), drop)
                widest[stars] = max(widest.get(stars, (0, 0)), candidate)
                stars_of[owners.pop()] |= stars
        drops: dict[tuple[int, ...], int] = {}
        for owned in stars_of.values():
            together = frozenset(owned)
            alone = (frozenset({star}) for star in owned)
            for stars in [together] if together in widest else alone:
                if stars in widest:
                    drops[tuple(sorted(stars))] = widest[stars][1]
        return drops

    def _influence(self, evidence: Evidence) -> Counter[int]:
        """The summed retrieval scores of each contribution."""
        influence: Counter[int] = Counter()
        for passage in evidence.passages:
            influence[passage.contribution_id] += passage.score_micro
        return influence

    def _owners(self, stars: Mapping[int, int]) -> dict[int, Address]:
        """The contributors of the cited rows and of the stars that they count as."""
        rows = [self._corpus.rows[index] for index in (*stars, *stars.values())]
        return {row.contribution_id: row.contributor for row in rows}


def _quoted(evidence: Evidence, stars: Mapping[int, int]) -> frozenset[int]:
    """The stars whose rows stand in the answer."""
    return frozenset(stars[p.row.index] for p in evidence.passages if p.spans)


def _scores(evidence: Evidence, stars: Mapping[int, int]) -> dict[int, int]:
    """The best retrieval score in each star."""
    best: dict[int, int] = {}
    for passage in evidence.passages:
        star = stars[passage.row.index]
        best[star] = max(best.get(star, 0), passage.score_micro)
    return best


def copied_from(prompt: str, text: str, window: int) -> bool:
    """Whether at least half of the windows of `text` stand in `prompt`.

    A text shorter than the window is one window of its own length.
    """
    in_text = words(text)
    size = min(window, len(in_text))
    if size == 0:
        return False
    asked = set(window_hashes(words(prompt), size))
    mine = window_hashes(in_text, size)
    return 2 * sum(one in asked for one in mine) >= len(mine)
