"""Credit by influence in training, for models whose adapter was trained on a datanet.

The influence of a contribution on an answer is the product of two committed integer vectors. Of
what helps, each contribution gets its part; what hurts earns nothing and takes nothing. Together
they get no more than the adapter brought: the part of the answer's loss that went away when the
adapter was put on the base model. The rest is the base's, and stays unattributed.

Noise helps every second answer a little. So a contribution earns only if it lowers the loss of
texts that were held out as well, where a trainer committed to such. What it would have got stays
unattributed.

How far such shares can be trusted isn't to be seen in one answer. So the interval is what
calibration says: its lower end is `trust` times the share.

Source: influence functions as in Koh and Liang, 2017; see `influence.curvature`.
"""

from collections.abc import Mapping

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence
from headwater_attribution.influence.committed import CommittedInfluence
from headwater_attribution.methods.checked import check_evidence
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


class AdapterInfluence:
    """Influence over the contributions of one corpus version.

    Args:
        corpus: what the adapter was trained on.
        committed: the contributions' vectors.
        trust: parts per 10^8 of a share that count towards the lower end of its interval.

    Raises:
        InvalidInputError: a vector is of no contribution in the corpus, or trust is no share.
    """

    method_id = "adapter-influence/2"

    def __init__(
        self, corpus: Corpus, committed: CommittedInfluence, *, trust: int = PARTS // 2
    ) -> None:
        self._corpus, self._committed, self._trust = corpus, committed, trust
        self._owners: dict[int, Address] = {}
        for row in reversed(corpus.rows):
            self._owners[row.contribution_id] = row.contributor
        strangers = set(committed.contributions) - self._owners.keys()
        if strangers or not 0 <= trust <= PARTS:
            raise InvalidInputError(
                "Influence is of contributions in the corpus, and trusted from 0 to 10^8 parts.",
                strangers=sorted(strangers),
                trust=trust,
            )

    @property
    def parameters(self) -> Mapping[str, int]:
        """How far shares are trusted."""
        return {"trust": self._trust}

    def attribute(self, evidence: Evidence) -> Attribution:
        """Shares of what the adapter brought; see `AttributionMethod`."""
        check_evidence(evidence, self._corpus)
        seen = evidence.influence
        if seen is None:
            return Attribution(())
        committed = self._committed
        if seen.committed != committed.commitment() or len(seen.projected) != committed.rank:
            raise EvidenceMismatchError(
                "The evidence was projected on other influence vectors than those committed.",
                stated=seen.committed,
                committed=committed.commitment(),
            )
        helps = {
            contribution: max(0, sum(a * b for a, b in zip(vector, seen.projected, strict=True)))
            for contribution, vector in zip(
                committed.contributions, committed.coordinates, strict=True
            )
        }
        whole = max(1, sum(helps.values()))
        brought = max(0, seen.base_loss_micro - seen.adapted_loss_micro)
        explained = brought * PARTS // max(1, seen.base_loss_micro)
        return attribution_of(
            self._share(contribution, explained * helped // whole, explained)
            for contribution, helped in helps.items()
            if helped and committed.standing[contribution] > 0
        )

    def _share(self, contribution: int, parts: int, explained: int) -> Share:
        low = parts * self._trust // PARTS
        high = min(explained, parts + (parts - low))
        return Share(contribution, self._owners[contribution], parts, low, max(parts, high))
