"""What every attribution method is."""

from collections.abc import Mapping
from typing import Protocol

from headwater_attribution.attribution import Attribution
from headwater_attribution.evidence import Evidence


class AttributionMethod(Protocol):
    """Turns the evidence of one answer into shares over contributions.

    A method is a pure function of its parameters, its corpus and the evidence, in integers only: a
    second party that has the three gets the same bits. Shares are never forced to sum to the whole.
    """

    @property
    def method_id(self) -> str:
        """Name and version, such as `span-match/2`; the version changes when any result would."""

    @property
    def parameters(self) -> Mapping[str, int]:
        """All numbers that the result depends on, besides corpus and evidence."""

    def attribute(self, evidence: Evidence) -> Attribution:
        """The shares of one answer.

        Raises:
            EvidenceMismatchError: the evidence contradicts the method's corpus.
        """
