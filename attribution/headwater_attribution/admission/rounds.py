"""A round of admission: rows that were sealed first are judged first, whenever they are shown.

Whoever reads what others show can no longer seal for this round. What is handed in without a seal
of the round, copies of what was just shown among it, is dated at its opening: judged after all
that was sealed, in the order it was shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from headwater_attribution.admission.desk import AdmissionDesk
from headwater_attribution.admission.seal import Opening, seal
from headwater_attribution.admission.seal_log import SealLog
from headwater_attribution.admission.signed import SignedVerdicts, review_and_sign
from headwater_attribution.admission.verdict import Contribution
from headwater_attribution.errors import SealBrokenError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.signing import Signer


@dataclass(frozen=True, slots=True)
class Placed:
    """What was shown in a round.

    Attributes:
        opening: the rows, and their salt.
        round: in which they were shown.
        place: of their seal in the round's log; None where they are dated at their opening.
    """

    opening: Opening
    round: int
    place: int | None

    @property
    def contribution(self) -> Contribution:
        """The rows."""
        return self.opening.contribution


def in_order(log: SealLog, shown: Iterable[Opening]) -> list[Placed]:
    """What was shown in a round, in the order to be judged in.

    What was sealed and not shown is left out: its place holds nobody up, and whoever shows it in a
    later round is judged then.

    Args:
        log: of the round's seals; rows were shown only after it was signed.
        shown: in the order it was shown, which matters for what has no seal only.

    Raises:
        SealBrokenError: two have one number, or one was shown twice.
    """
    placed = [Placed(each, log.round, log.place(seal(each))) for each in shown]
    numbers = [each.contribution.contribution_id for each in placed]
    places = [each.place for each in placed if each.place is not None]
    if len(set(numbers)) != len(numbers) or len(set(places)) != len(places):
        raise SealBrokenError(
            f"In round {log.round} two contributions have one number, or one is shown twice.",
            contribution_ids=numbers,
        )
    return sorted(placed, key=lambda each: (each.place is None, each.place or 0))


async def review_round(
    desk: AdmissionDesk, placed: Iterable[Placed], before: str, signer: Signer, chain_id: int
) -> list[SignedVerdicts]:
    """Judge a round in its order, take in what is accepted, and sign the verdicts with their seals.

    Args:
        desk: has reviewed everything up to `before`.
        placed: as `in_order` gave them.
        before: the hash of the verdicts before, or `signed.FIRST`.
        signer: the desk's key.
        chain_id: of the signatures.

    Raises:
        HeadwaterError: the signer refuses; what was judged until then is taken in.
    """
    signed: list[SignedVerdicts] = []
    for each in placed:
        hashed = to_hex(signed[-1].hash()) if signed else before
        signed.append(
            await review_and_sign(
                desk,
                each.contribution,
                hashed,
                signer,
                chain_id,
                seal=to_hex(seal(each.opening)),
                number=each.round,
                place=each.place,
            )
        )
    return signed
