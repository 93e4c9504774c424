"""Credit for what the answer loses when a passage is taken away, not for having been retrieved.

The share of a star of near-duplicate rows is the drop of the answer score when its rows are taken
out, as a fraction of the full score. It goes to the star's earliest row. When one drop explains
part of another and they sum to more than the whole, all are scaled down together; they are never
scaled up.

The drop when taken out last is the least that a row can have added to an answer whose parts stand
in for each other, and its score by itself is the most; the Shapley value lies between. So the drop
is both estimate and lower end, and the row's part of the retrieval score is the upper end.

Source: leave-one-out as in Koh and Liang, "Understanding Black-box Predictions via Influence
Functions", 2017; ablation of context as in Cohen-Wang et al., "ContextCite", 2024.
"""

from collections import Counter
from collections.abc import Mapping

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.canonical import words
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.checked import check_evidence
from headwater_attribution.windows import window_hashes
from headwater_payments.address import Address
from headwater_payments.split import PARTS


class RetrievalLeaveOneOut:
    """Leave-one-out over the passages of one corpus version.

    Args:
        corpus: the rows that evidence refers to.
        prompt_window: words in the windows by which text copied from the prompt is recognised; a
            passage earns nothing when at least half of its windows stand in the prompt.
    """

    method_id = "retrieval-loo/1"

    def __init__(self, corpus: Corpus, *, prompt_window: int = 5) -> None:
        self._corpus = corpus
        self._prompt_window = prompt_window
        self._centres = star_centres(corpus)

    @property
    def parameters(self) -> Mapping[str, int]:
        """The prompt window."""
        return {"prompt_window": self._prompt_window}

    def attribute(self, evidence: Evidence) -> Attribution:
        """Shares from the drops that the ablations show; see `AttributionMethod`."""
        check_evidence(evidence, self._corpus)
        drops = {
            centre: drop
            for centre, drop in self._drops(evidence).items()
            if not copied_from(evidence.prompt, self._corpus.rows[centre].text, self._prompt_window)
        }
        whole = max(1, evidence.answer_score_micro, sum(drops.values()))
        scores = self._scores(evidence)
        retrieved = max(1, sum(scores.values()))
        parts: Counter[int] = Counter()
        high: Counter[int] = Counter()
        for centre, drop in drops.items():
            owner = self._corpus.rows[centre].contribution_id
            parts[owner] += drop * PARTS // whole
            high[owner] += max(drop * PARTS // whole, scores[centre] * PARTS // retrieved)
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
            for number, owner in self._owners(evidence).items()
        )

    def _drops(self, evidence: Evidence) -> dict[int, int]:
        """The drop of the answer score for each star, from the widest ablation within the star."""
        widest: dict[int, tuple[int, int]] = {}
        for ablation in evidence.ablations:
            stars = {self._centres[row.index] for row in ablation.removed}
            if len(stars) == 1:
                drop = max(0, evidence.answer_score_micro - ablation.answer_score_micro)
                candidate = (len(set(ablation.removed)), drop)
                centre = stars.pop()
                widest[centre] = max(widest.get(centre, (0, 0)), candidate)
        return {centre: drop for centre, (_, drop) in widest.items()}

    def _scores(self, evidence: Evidence) -> dict[int, int]:
        """The best retrieval score in each star."""
        best: dict[int, int] = {}
        for passage in evidence.passages:
            centre = self._centres[passage.row.index]
            best[centre] = max(best.get(centre, 0), passage.score_micro)
        return best

    def _influence(self, evidence: Evidence) -> Counter[int]:
        """The summed retrieval scores of each contribution."""
        influence: Counter[int] = Counter()
        for passage in evidence.passages:
            influence[passage.contribution_id] += passage.score_micro
        return influence

    def _owners(self, evidence: Evidence) -> dict[int, Address]:
        """The contributors of the cited rows and of the centres of their stars."""
        indices = [passage.row.index for passage in evidence.passages]
        rows = [self._corpus.rows[i] for i in (*indices, *(self._centres[i] for i in indices))]
        return {row.contribution_id: row.contributor for row in rows}


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
