"""Signed verdicts: who admits or refuses rows stands by it, and anybody can judge again.

One document tells all verdicts on one contribution, with the hash of the parameters they were
judged by, of the rows, and of the document before it. A chain of them names everything that had
been accepted, so a second desk that is given the contributions in that order has to come to the
same verdicts.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from headwater_attribution.admission.desk import AdmissionDesk
from headwater_attribution.admission.parameters import AdmissionParameters
from headwater_attribution.admission.seal_log import SealLog
from headwater_attribution.admission.verdict import Contribution, Verdict
from headwater_attribution.documents import SignatureText, Word
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import Signer, recover

FIRST: Final = "0x" + "00" * 32
"""What stands for the document before the first."""


@dataclass(frozen=True, slots=True)
class VerdictsDigest(Struct):
    """What a desk signs about one contribution."""

    solidity = (
        ("contributionId", "uint256"),
        ("before", "bytes32"),
        ("verdictsHash", "bytes32"),
    )
    type_name = "AdmissionVerdicts"
    contribution_id: int
    before: bytes
    verdicts_hash: bytes


class SignedVerdicts(BaseModel):
    """All verdicts on one contribution.

    Attributes:
        contribution_id: which.
        rows: the hash of who handed in which rows under which licence.
        parameters: the hash of the thresholds and of what else the desk knew (`ground_hash`).
        before: the hash of the document before, or `FIRST`.
        seal: what the rows were sealed as (`admission.seal`), or would have been; `FIRST` where
            nobody made a seal of them.
        round: in which they were shown, from 1; 0 where there are no rounds.
        place: of the seal in the round's log; None where the rows are dated at their opening.
        verdicts: one for each row, in order.
        signature: the desk's, empty until it is signed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["headwater/verdicts/1"] = "headwater/verdicts/1"
    contribution_id: int = Field(ge=0, lt=2**256)
    rows: Word
    parameters: Word
    before: Word
    seal: Word = FIRST
    round: int = Field(default=0, ge=0, lt=2**64)
    place: int | None = Field(default=None, ge=0, lt=2**64)
    verdicts: tuple[Verdict, ...]
    signature: SignatureText = ""

    def hash(self) -> bytes:
        """SHA-256 of a tag and the document as JSON, sorted, without the signature: 32 bytes."""
        return _hash("verdicts", self.model_dump(mode="json", exclude={"signature"}))

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        before = parse_hex(self.before, length=32)
        digest = VerdictsDigest(self.contribution_id, before, self.hash())
        return TypedData(Domain("Headwater Admission", "1", chain_id, None), digest)

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed the document.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        if not self.signature:
            raise InvalidInputError("The verdicts are not signed.")
        return recover(self.to_sign(chain_id), parse_hex(self.signature, length=65))


async def review_and_sign(
    desk: AdmissionDesk,
    contribution: Contribution,
    before: str,
    signer: Signer,
    chain_id: int,
    *,
    seal: str = FIRST,
    number: int = 0,
    place: int | None = None,
) -> SignedVerdicts:
    """Judge a contribution, take it in, and sign the verdicts.

    Args:
        desk: has reviewed everything up to `before`.
        contribution: what is handed in.
        before: the hash of the document before, or `FIRST`.
        signer: the desk's key.
        chain_id: of the signature.
        seal: what the rows were sealed as; `rounds.review_round` gives it.
        number: of the round.
        place: of the seal in the round.

    Raises:
        HeadwaterError: the signer refuses; the contribution is taken in all the same, so ask it
            again with `preview` of a desk that has not.
    """
    found = _judged(desk, contribution, before, number)
    judged = found.model_copy(update={"seal": seal, "round": number, "place": place})
    signature = await signer.sign_typed_data(judged.to_sign(chain_id))
    return judged.model_copy(update={"signature": to_hex(signature)})


def replay_faults(
    history: list[tuple[Contribution, SignedVerdicts]],
    desk: AdmissionDesk,
    issuer: Address,
    chain_id: int,
    logs: Sequence[SealLog] = (),
) -> tuple[str, ...]:
    """Judge everything again, and say where signed verdicts differ; nothing where all hold.

    Args:
        history: contributions with their verdicts, in order, from the first.
        desk: fresh, with the thresholds that the terms name.
        issuer: who has to have signed.
        chain_id: of the signatures.
        logs: of all rounds' seals; without them the order of the history is taken as given.
    """
    faults = _order_faults(history, logs) if logs else []
    before = FIRST
    for contribution, stated in history:
        found = _judged(desk, contribution, before, stated.round)
        where = f"contribution {contribution.contribution_id}"
        if stated.contribution_id != contribution.contribution_id or stated.rows != found.rows:
            faults.append(f"The verdicts on {where} are about other rows.")
        if stated.parameters != found.parameters:
            faults.append(f"The verdicts on {where} were judged by other thresholds or knowledge.")
        if stated.before != before:
            faults.append(f"The verdicts on {where} do not follow the ones before them.")
        if not stated.signature or stated.signed_by(chain_id) != issuer:
            faults.append(f"The verdicts on {where} are not signed by {issuer}.")
        pairs = zip(stated.verdicts, found.verdicts, strict=False)
        faults += [
            f"Row {mine.ref.row} of {where} is {theirs.rule}, and {mine.rule} is stated."
            for mine, theirs in pairs
            if mine != theirs
        ]
        if len(stated.verdicts) != len(found.verdicts):
            faults.append(f"The verdicts on {where} leave out rows.")
        before = to_hex(stated.hash())
    return tuple(faults)


def _order_faults(
    history: Sequence[tuple[Contribution, SignedVerdicts]], logs: Sequence[SealLog]
) -> list[str]:
    """Where verdicts state a place that their seal hasn't, or were given in another order."""
    seals = {(log.round, place): each for log in logs for place, each in enumerate(log.seals)}
    faults, last = [], (0, 0)
    for contribution, stated in history:
        where = f"contribution {contribution.contribution_id}"
        if stated.place is None:
            here = (stated.round, _UNSEALED)
        else:
            here = (stated.round, stated.place)
            if seals.get(here) != stated.seal:
                faults.append(f"The log has another seal than {where} in the place stated for it.")
        if here < last:
            faults.append(f"The verdicts on {where} were given out of the order of the seals.")
        last = here
    return faults


_UNSEALED: Final = 2**64
"""Comes after all places of a round."""


def parameters_hash(parameters: AdmissionParameters) -> str:
    """`0x` and the hash of the thresholds, as the terms of a datanet name them."""
    return to_hex(_hash("admission-parameters", asdict(parameters)))


def ground_hash(desk: AdmissionDesk) -> str:
    """`0x` and the hash of all that a desk judges by: `parameters_hash` where it knows no more."""
    if not desk.knowledge:
        return parameters_hash(desk.parameters)
    known = {"parameters": asdict(desk.parameters), "knowledge": dict(desk.knowledge)}
    return to_hex(_hash("admission-ground", known))


def _judged(
    desk: AdmissionDesk, contribution: Contribution, before: str, number: int
) -> SignedVerdicts:
    return SignedVerdicts(
        contribution_id=contribution.contribution_id,
        rows=to_hex(_hash("contribution", _stated(contribution))),
        parameters=ground_hash(desk),
        before=before,
        verdicts=tuple(desk.review(contribution, number)),
    )


def _stated(contribution: Contribution) -> dict[str, object]:
    """What verdicts are about; what was not handed in is not spoken of."""
    body = asdict(contribution)
    return {name: each for name, each in body.items() if each or name not in _DOCUMENTS}


_DOCUMENTS: Final = ("consent", "withdrawal", "sources")


def _hash(what: str, body: object) -> bytes:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"headwater/{what}/1\n{text}".encode()).digest()
