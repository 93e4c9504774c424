"""The attribution receipt as it is handed over: one answer, every channel's shares, signed.

It binds a paid request (the metering receipt's id, request and response) to what its answer was
attributed to: by which methods with which parameters and weights, from what evidence and rows, and
on the strength of which calibration card. Whoever has evidence and rows recomputes all of it but
the cost; see `receipt_check`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from headwater_attribution.attribution import Attribution
from headwater_attribution.bundle import NamedPart
from headwater_attribution.calibration.card import CalibrationCard
from headwater_attribution.documents import SignatureText, SignedDocument, Strict, Word
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.combined import Combined
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.metering import MeteringReceipt
from headwater_payments.signing import Signer, recover
from headwater_payments.split import PARTS

NOTHING: Final = "0x" + "00" * 32
MOST_BYTES: Final = 2**22
"""Of a receipt's file."""


class ChannelPart(Strict):
    """What one method attributed by itself, and its weight among the others."""

    method: NamedPart
    weight: int = Field(ge=1)
    attribution: Attribution


@dataclass(frozen=True, slots=True)
class AttributionDigest(Struct):
    """What a receipt's issuer signs: the payment, and the hash of all the rest."""

    solidity = (("paymentId", "bytes32"), ("receiptHash", "bytes32"))
    type_name = "AttributionReceipt"
    payment_id: bytes
    receipt_hash: bytes


class SignedAttribution(SignedDocument):
    """One answer's attribution, complete.

    Attributes:
        payment: the metering receipt's id.
        request_hash: as the metering receipt has it.
        response_hash: likewise.
        asset_version: which version of which asset answered.
        lineage: the asset versions that one derives from, nearest first.
        corpus_root: of the rows that may be credited.
        evidence: the evidence's commitment.
        method: what joined the channels.
        channels: each method by itself.
        attribution: the shares that count, with their intervals.
        unattributed: what they leave of 10^8 parts.
        seed: of whatever was drawn at random; the methods here draw nothing, so it is zero.
        calibration: the hash of the card that trust and weights come from; zero without one.
        cost_us: processor time of the attribution, microseconds. Stated, not recomputed.
        signature: the issuer's, over the hash of everything else; empty until it is signed.
    """

    format: Literal["headwater/attribution/1"] = "headwater/attribution/1"
    payment: Word
    request_hash: Word
    response_hash: Word
    asset_version: Word
    lineage: tuple[Word, ...] = ()
    corpus_root: Word
    evidence: Word
    method: NamedPart
    channels: tuple[ChannelPart, ...]
    attribution: Attribution
    unattributed: int = Field(ge=0, le=PARTS)
    seed: Word = NOTHING
    calibration: Word = NOTHING
    cost_us: int = Field(ge=0, lt=2**63)
    signature: SignatureText = ""

    def hash(self) -> bytes:
        """SHA-256 of a tag and the canonical bytes: 32 bytes."""
        return hashlib.sha256(b"headwater/attribution/1\n" + self.canonical()).digest()

    def to_sign(self, chain_id: int) -> TypedData:
        """The receipt in the form that a `Signer` takes."""
        domain = Domain("Headwater Attribution", "1", chain_id, None)
        payment = parse_hex(self.payment, length=32)
        return TypedData(domain, AttributionDigest(payment, self.hash()))

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed the receipt.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        if not self.signature:
            raise InvalidInputError("The attribution receipt is not signed.")
        return recover(self.to_sign(chain_id), parse_hex(self.signature, length=65))


@dataclass(frozen=True, slots=True)
class AttributedAnswer:
    """An answer and what it was attributed to, before its payment is known.

    Attributing takes the time; binding a payment to it takes next to none.
    """

    evidence: Evidence
    method: NamedPart
    channels: tuple[ChannelPart, ...]
    attribution: Attribution

    def receipt(
        self,
        metering: MeteringReceipt,
        *,
        lineage: Sequence[bytes] = (),
        card: CalibrationCard | None = None,
        cost_us: int = 0,
    ) -> SignedAttribution:
        """Bind it to the payment for it; the receipt is not signed yet.

        Args:
            metering: the paid request.
            lineage: the versions that the answering one derives from, nearest first.
            card: where trust and weights come from.
            cost_us: processor time spent, as the caller measured it.
        """
        return SignedAttribution(
            payment=to_hex(metering.payment_id),
            request_hash=to_hex(metering.request_hash),
            response_hash=to_hex(metering.response_hash),
            asset_version=to_hex(metering.asset_version),
            lineage=tuple(to_hex(each) for each in lineage),
            corpus_root=self.evidence.corpus_root,
            evidence=self.evidence.commitment(),
            method=self.method,
            channels=self.channels,
            attribution=self.attribution,
            unattributed=self.attribution.unattributed,
            calibration=NOTHING if card is None else to_hex(card.hash()),
            cost_us=cost_us,
        )


def attribute_answer(evidence: Evidence, method: AttributionMethod) -> AttributedAnswer:
    """Attribute an answer by a method over the corpus that its evidence names.

    Raises:
        EvidenceMismatchError: the evidence contradicts the method's corpus.
    """
    return AttributedAnswer(
        evidence, _named(method), channels_of(method, evidence), method.attribute(evidence)
    )


def attribution_receipt(
    metering: MeteringReceipt,
    evidence: Evidence,
    method: AttributionMethod,
    *,
    lineage: Sequence[bytes] = (),
    card: CalibrationCard | None = None,
    cost_us: int = 0,
) -> SignedAttribution:
    """Attribute a paid answer: `attribute_answer`, and the `receipt` of what it gives.

    Raises:
        EvidenceMismatchError: the evidence contradicts the method's corpus.
    """
    answer = attribute_answer(evidence, method)
    return answer.receipt(metering, lineage=lineage, card=card, cost_us=cost_us)


async def sign_receipt(
    receipt: SignedAttribution, signer: Signer, chain_id: int
) -> SignedAttribution:
    """The same receipt with the signer's signature."""
    signature = await signer.sign_typed_data(receipt.to_sign(chain_id))
    return receipt.model_copy(update={"signature": to_hex(signature)})


def read_receipt(path: Path) -> SignedAttribution:
    """Read a receipt's file.

    Raises:
        InvalidInputError: it can't be read, is too large, or holds no attribution receipt.
    """
    try:
        return SignedAttribution.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        said = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else str(exc)
        raise InvalidInputError(
            f"The file {path} is not an attribution receipt: {said.rstrip('.')}."
        ) from exc


def channels_of(method: AttributionMethod, evidence: Evidence) -> tuple[ChannelPart, ...]:
    """Each of the methods that `method` joins by itself, or `method` where it joins none."""
    if not isinstance(method, Combined):
        return (
            ChannelPart(method=_named(method), weight=1, attribution=method.attribute(evidence)),
        )
    return tuple(
        ChannelPart(method=_named(each), weight=weight, attribution=each.attribute(evidence))
        for each, weight in zip(method.methods, method.weights, strict=True)
    )


def _named(method: AttributionMethod) -> NamedPart:
    return NamedPart(id=method.method_id, parameters=dict(method.parameters))
