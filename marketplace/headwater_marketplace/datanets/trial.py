"""What a batch changes before it enters: held-out questions are answered without it, and with it.

An index of the datanet's rows, as they stood before the batch's round, is asked each question; then
one that also holds the rows of the batch that admission would take. What counts is how much of a
known answer stands in the passages that come first. Nothing is drawn and no model is trained, so
anybody who has the datanet's folder and the questions comes to the same figures. They say what the
batch does to retrieval, and nothing of what training on it would do.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from headwater_attribution.admission import Contribution
from headwater_attribution.admission.consent import rows_hash
from headwater_attribution.admission.signed import ground_hash
from headwater_attribution.documents import SignatureText, SignedDocument, Strict, Word
from headwater_marketplace.datanets.folder import MOST_BYTES, DatanetFolder
from headwater_models.bm25 import Bm25Index
from headwater_models.terms import terms
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json
from headwater_payments.signing import Signer, recover

PASSAGES: Final = 3
"""That are read for an answer."""


class HeldOutQuestion(BaseModel):
    """A question whose answer is known, and which is nobody's row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class Effect(Strict):
    """One question: how much of its answer is found, in basis points of its different terms."""

    without_bps: int = Field(ge=0, le=10_000)
    with_bps: int = Field(ge=0, le=10_000)


@dataclass(frozen=True, slots=True)
class TrialDigest(Struct):
    """What a desk signs about a trial."""

    solidity = (("datanetId", "uint256"), ("trialHash", "bytes32"))
    type_name = "BatchTrial"
    datanet_id: int
    trial_hash: bytes


class Trial(SignedDocument):
    """What a batch changes.

    Attributes:
        datanet_id: of the datanet.
        round: that the batch is for; rows of earlier rounds are what it is held against.
        rows: `consent.rows_hash` of the batch.
        questions: SHA-256 of the file of questions.
        ground: the hash of what the desk judges by.
        handed_in: rows of the batch.
        taken: those that admission takes.
        rule: `trial/1`, where more answers are found worse than better `trial-worse/1`.
        effects: one for each question, in order.
        signature: the desk's.
    """

    format: Literal["headwater/trial/1"] = "headwater/trial/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    round: int = Field(ge=1, lt=2**63)
    rows: Word
    questions: Word
    ground: Word
    handed_in: int = Field(ge=0)
    taken: int = Field(ge=0)
    rule: Literal["trial/1", "trial-worse/1"]
    effects: tuple[Effect, ...]
    signature: SignatureText = ""

    @property
    def better(self) -> int:
        """Questions of whose answers more is found with the batch."""
        return sum(each.with_bps > each.without_bps for each in self.effects)

    @property
    def worse(self) -> int:
        """Questions of whose answers less is found with the batch."""
        return sum(each.with_bps < each.without_bps for each in self.effects)

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        digest = TrialDigest(self.datanet_id, hashlib.sha256(self.canonical()).digest())
        return TypedData(Domain("Headwater Trial", "1", chain_id, None), digest)

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed the document.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        if not self.signature:
            raise InvalidInputError("The trial is not signed.")
        return recover(self.to_sign(chain_id), parse_hex(self.signature, length=65))


def try_batch(
    datanet: DatanetFolder, batch: Contribution, questions: Path, number: int | None = None
) -> Trial:
    """Answer held-out questions without a batch and with it; nothing enters.

    Args:
        datanet: whose rows of rounds before `number` are known.
        batch: what would be handed in.
        questions: JSON lines of objects with a `question` and an `answer`.
        number: of the round it is for; the present one by default.

    Raises:
        InvalidInputError: the round is not there yet, or a file is damaged.
    """
    wanted = datanet.round if number is None else number
    if not 1 <= wanted <= datanet.round:
        raise InvalidInputError(f"There is no round {wanted} yet: the present is {datanet.round}.")
    asked, named = _read_questions(questions)
    desk = datanet.terms.fresh_desk()
    for contribution, signed in datanet.history():
        if signed.round < wanted:
            desk.review(contribution, signed.round)
    verdicts = desk.preview(batch, wanted)
    taken = [text for text, v in zip(batch.rows, verdicts, strict=True) if v.accepted]
    known = [row.text for row in datanet.rows_before(wanted)]
    found = zip(_found(known, asked), _found([*known, *taken], asked), strict=True)
    effects = tuple(Effect(without_bps=one, with_bps=other) for one, other in found)
    gained = sum(each.with_bps > each.without_bps for each in effects)
    lost = sum(each.with_bps < each.without_bps for each in effects)
    return Trial(
        datanet_id=datanet.terms.datanet_id,
        round=wanted,
        rows=rows_hash(batch),
        questions=named,
        ground=ground_hash(desk),
        handed_in=len(batch.rows),
        taken=len(taken),
        rule="trial-worse/1" if lost > gained else "trial/1",
        effects=effects,
    )


async def sign_trial(trial: Trial, signer: Signer, chain_id: int) -> Trial:
    """Stand by a trial.

    Raises:
        HeadwaterError: the signer refuses.
    """
    signature = await signer.sign_typed_data(trial.to_sign(chain_id))
    return trial.model_copy(update={"signature": to_hex(signature)})


def trial_faults(
    datanet: DatanetFolder, batch: Contribution, questions: Path, stated: Trial
) -> list[str]:
    """Try again and say in which parts a stated trial differs; nothing where it holds.

    Raises:
        InvalidInputError: the round is not there yet, or a file or signature is damaged.
    """
    found = try_batch(datanet, batch, questions, stated.round)
    names = [name for name in Trial.model_fields if name != "signature"]
    faults = [
        f"The trial's {name} is another."
        for name in names
        if getattr(found, name) != getattr(stated, name)
    ]
    if not stated.signature or stated.signed_by(datanet.terms.chain_id) != datanet.terms.desk:
        faults.append(f"The trial is not signed by {datanet.terms.desk}.")
    return faults


def read_trial(path: Path) -> Trial:
    """Read what `sign_trial` gave.

    Raises:
        InvalidInputError: it can't be read, or is no trial.
    """
    try:
        return Trial.model_validate(read_json(read_file(path, MOST_BYTES)))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        raise InvalidInputError(f"The file {path} is no trial of a batch.") from exc


def _read_questions(path: Path) -> tuple[list[HeldOutQuestion], str]:
    try:
        raw = read_file(path, MOST_BYTES)
        lines = [line for line in raw.splitlines() if line.strip()]
        asked = [_QUESTION.validate_python(read_json(line)) for line in lines]
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        raise InvalidInputError(f"The file {path} holds no questions with answers.") from exc
    if not asked:
        raise InvalidInputError(f"The file {path} holds no questions.")
    return asked, to_hex(hashlib.sha256(raw).digest())


def _found(rows: Sequence[str], asked: Sequence[HeldOutQuestion]) -> list[int]:
    """For each question the part of its answer's terms that stand in the first passages."""
    index = Bm25Index([("", text) for text in rows])
    parts = []
    for each in asked:
        wanted = set(terms(each.answer))
        read = [rows[hit.position] for hit in index.search(each.question, PASSAGES)]
        held = wanted.intersection(term for text in read for term in terms(text))
        parts.append(len(held) * 10_000 // max(1, len(wanted)))
    return parts


_QUESTION: Final = TypeAdapter(HeldOutQuestion)
