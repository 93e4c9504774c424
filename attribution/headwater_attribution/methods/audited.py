"""A method's shares, of each contribution only as much as audits confirmed; see `audits`.

What isn't confirmed stays unattributed. The upper end of an interval stays where it was: audits say
how much is shown, not how much there may be.

Who recomputes an epoch takes the confirmed parts as its bundle states them, and holds them against
the audits in it (`audit_documents`). In a bundle without audits they are the attributor's word.
"""

from collections.abc import Mapping
from dataclasses import replace

from headwater_attribution.attribution import Attribution, attribution_of
from headwater_attribution.audits import CONFIRMED
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


class Audited:
    """Any other method, held against audits.

    Args:
        method: whose shares.
        confirmed: by contribution, parts per 10^8 of its shares that are paid, as
            `audits.confirmed_parts` gives them; nothing of what isn't named.

    Raises:
        InvalidInputError: a part lies outside 0 to 10^8, or the method is audited already.
    """

    method_id = "audited/1"

    def __init__(self, method: AttributionMethod, confirmed: Mapping[int, int]) -> None:
        if method.method_id == self.method_id:
            raise InvalidInputError("A method is held against audits once.")
        if not all(0 <= parts <= PARTS for parts in confirmed.values()):
            raise InvalidInputError("Of a share between 0 and 10^8 parts are confirmed.")
        self.method = method
        self.confirmed = dict(sorted(confirmed.items()))

    @property
    def parameters(self) -> Mapping[str, int]:
        """The method's parameters, prefixed with its id, and what is confirmed, as it was given."""
        inner = {
            f"{self.method.method_id}.{name}": value
            for name, value in self.method.parameters.items()
        }
        return inner | {f"{CONFIRMED}{number}": part for number, part in self.confirmed.items()}

    def attribute(self, evidence: Evidence) -> Attribution:
        """The confirmed parts of the method's shares; see `AttributionMethod`."""
        return attribution_of(
            replace(share, parts=share.parts * part // PARTS, low=share.low * part // PARTS)
            for share in self.method.attribute(evidence).shares
            for part in [self.confirmed.get(share.contribution_id, 0)]
        )
