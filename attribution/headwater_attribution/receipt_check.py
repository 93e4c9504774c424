"""Holding an attribution receipt against evidence and rows, and naming each part that differs."""

from dataclasses import dataclass

from headwater_attribution.attribution import Attribution
from headwater_attribution.calibration.card import CalibrationCard
from headwater_attribution.corpus import Corpus
from headwater_attribution.evidence import Evidence
from headwater_attribution.influence.committed import CommittedInfluence
from headwater_attribution.methods.registry import method_from
from headwater_attribution.signed_receipt import NOTHING, SignedAttribution, channels_of
from headwater_payments.address import Address
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.metering import MeteringReceipt


@dataclass(frozen=True, slots=True)
class ReceiptBasis:
    """What a receipt is held against.

    Attributes:
        evidence: of the answer.
        corpus: the rows that may be credited.
        issuer: who has to have signed.
        chain_id: of the signature.
        metering: the paid request, where it is known.
        bound: whether that commits to the attribution, and not to the evidence alone.
        card: the calibration card, where there is one.
        committed: the influence vectors, where the method needs them.
    """

    evidence: Evidence
    corpus: Corpus
    issuer: Address
    chain_id: int
    metering: MeteringReceipt | None = None
    bound: bool = False
    card: CalibrationCard | None = None
    committed: CommittedInfluence | None = None


def receipt_faults(receipt: SignedAttribution, basis: ReceiptBasis) -> tuple[str, ...]:
    """Everything in a receipt that does not hold, a sentence each; nothing where all of it does.

    Raises:
        UnknownMethodError: the receipt names a method that is not installed here.
    """
    faults = [
        f"The {name} is stated as {stated} and should be {found}."
        for name, stated, found in _compared(receipt, basis)
        if stated != found
    ]
    faults += _signature_faults(receipt, basis)
    corpus = basis.corpus
    try:
        named = receipt.method
        method = method_from(named.id, named.parameters, corpus, basis.committed)
        joined, channels = method.attribute(basis.evidence), channels_of(method, basis.evidence)
    except InvalidInputError as error:
        return (*faults, error.message)
    except HeadwaterError as error:
        if error.code == "unknown_method":
            raise
        return (*faults, error.message)
    faults += _share_faults("the joined shares", receipt.attribution, joined)
    if receipt.unattributed != joined.unattributed:
        faults.append(
            f"The unattributed part is stated as {receipt.unattributed} and should be "
            f"{joined.unattributed}."
        )
    stated = [(each.method, each.weight) for each in receipt.channels]
    if stated != [(each.method, each.weight) for each in channels]:
        return (*faults, "The channels or their weights are not those of the method.")
    for mine, found in zip(receipt.channels, channels, strict=True):
        faults += _share_faults(
            f"the channel {mine.method.id}", mine.attribution, found.attribution
        )
    return tuple(faults)


def _compared(receipt: SignedAttribution, basis: ReceiptBasis) -> list[tuple[str, object, object]]:
    compared: list[tuple[str, object, object]] = [
        ("evidence", receipt.evidence, basis.evidence.commitment()),
        ("root of the rows", receipt.corpus_root, to_hex(basis.corpus.root)),
        ("seed", receipt.seed, NOTHING),
        (
            "calibration card",
            receipt.calibration,
            NOTHING if basis.card is None else to_hex(basis.card.hash()),
        ),
    ]
    if basis.metering is not None:
        paid = basis.metering
        compared += [
            ("payment", receipt.payment, to_hex(paid.payment_id)),
            ("request", receipt.request_hash, to_hex(paid.request_hash)),
            ("response", receipt.response_hash, to_hex(paid.response_hash)),
            ("asset version", receipt.asset_version, to_hex(paid.asset_version)),
        ]
        if basis.bound:
            committed = to_hex(paid.attribution)
            compared.append(("payment's commitment", committed, to_hex(receipt.hash())))
    return compared


def _signature_faults(receipt: SignedAttribution, basis: ReceiptBasis) -> list[str]:
    try:
        signer = receipt.signed_by(basis.chain_id)
    except InvalidInputError as error:
        return [error.message]
    if signer == basis.issuer:
        return []
    return [f"The signature is not of {basis.issuer}, or something was changed after it."]


def _share_faults(where: str, stated: Attribution, found: Attribution) -> list[str]:
    mine = {share.contribution_id: share for share in stated.shares}
    theirs = {share.contribution_id: share for share in found.shares}
    return [
        f"In {where}, the share of contribution {number} is not what the evidence gives."
        for number in sorted(mine.keys() | theirs.keys())
        if mine.get(number) != theirs.get(number)
    ]
