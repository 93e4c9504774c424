"""A weighted mean of methods, whose interval spans their disagreement."""

from collections.abc import Mapping, Sequence

from headwater_attribution.attribution import Attribution, Share, attribution_of
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError


class Combined:
    """Several methods over one corpus, each with a weight.

    The estimate is the weighted mean. The interval runs from the lowest lower end to the highest
    upper end of any method, so that a cause only one method sees is paid with less confidence. It
    is taken by contribution: where methods disagree about single rows they disagree less about all
    of them together, so a contribution that is split apart is paid no more, and at times less.

    Args:
        methods: at least one, no two with the same id.
        weights: one positive integer for each; only their ratios count.

    Raises:
        InvalidInputError: not one positive weight for each method, or a method twice, or none.
    """

    method_id = "combined/1"

    def __init__(self, methods: Sequence[AttributionMethod], weights: Sequence[int]) -> None:
        distinct = {method.method_id for method in methods}
        if not len(distinct) == len(methods) == len(weights) > 0 or min(weights) <= 0:
            raise InvalidInputError("Give methods that differ, and a positive weight for each.")
        self.methods = tuple(methods)
        self.weights = tuple(weights)

    @property
    def parameters(self) -> Mapping[str, int]:
        """Each method's parameters and weight, prefixed with its id."""
        return {
            f"{method.method_id}.{name}": value
            for method, weight in zip(self.methods, self.weights, strict=True)
            for name, value in {**method.parameters, "weight": weight}.items()
        }

    def attribute(self, evidence: Evidence) -> Attribution:
        """The weighted mean of the methods' shares; see `AttributionMethod`."""
        results = [
            {share.contribution_id: share for share in method.attribute(evidence).shares}
            for method in self.methods
        ]
        owners = {s.contribution_id: s.contributor for result in results for s in result.values()}
        return attribution_of(
            self._mean([result.get(contribution) for result in results], contribution, owner)
            for contribution, owner in owners.items()
        )

    def _mean(
        self, shares: Sequence[Share | None], contribution: int, contributor: Address
    ) -> Share:
        found = [share or Share(contribution, contributor, 0, 0, 0) for share in shares]
        weighted = sum(s.parts * w for s, w in zip(found, self.weights, strict=True))
        return Share(
            contribution,
            contributor,
            weighted // sum(self.weights),
            min(share.low for share in found),
            max(share.high for share in found),
            max(share.influence for share in found),
        )
