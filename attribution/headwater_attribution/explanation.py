"""One receipt of an epoch in words: which rows caused which words, and what each account earned."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater_attribution.attribution import Attribution
from headwater_attribution.bundle import EpochBundle, ReceiptPart
from headwater_attribution.corpus import Corpus
from headwater_attribution.epoch import settle
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.combined import Combined
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.registry import method_from
from headwater_attribution.recompute import rule_of
from headwater_attribution.spans.index import index_in_memory
from headwater_attribution.spans.trace import trace
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import portion


@dataclass(frozen=True, slots=True)
class CausedWords:
    """Words of the answer that one row is the cause of.

    Attributes:
        channel: `quoted` where the backend says that the row stands there, `first committed` where
            the words were the row's before anybody else's.
        row: its index in the corpus.
        contribution_id: which contribution brought it.
        contributor: whose.
        words: the words, as they stand in the answer or in canonical form.
    """

    channel: str
    row: int
    contribution_id: int
    contributor: Address
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of one receipt.

    Attributes:
        receipt_id: `0x` and 32 bytes.
        prompt: what was asked.
        answer: what was said.
        charge: what was paid, atomic units.
        pool: the contributors' part of it.
        caused: the words that rows caused, in the order of the answer for each channel.
        channels: each method's shares by itself, with its weight.
        joined: the shares that count.
        earned: what each account got of the pool.
        unattributed: what nobody got of it.
    """

    receipt_id: str
    prompt: str
    answer: str
    charge: int
    pool: int
    caused: tuple[CausedWords, ...]
    channels: tuple[tuple[str, int, Attribution], ...]
    joined: Attribution
    earned: Mapping[Address, int]
    unattributed: int


def explain(bundle: EpochBundle, receipt_id: str) -> Explanation:
    """Explain one receipt of an epoch, from the bundle's inputs alone.

    Args:
        bundle: the epoch; what it states is recomputed and not believed.
        receipt_id: the receipt's id or a beginning that only one has.

    Raises:
        InvalidInputError: no receipt begins so, or several do.
        UnknownMethodError: the bundle names a method or rule that is not installed here.
        EvidenceMismatchError: the receipt's evidence contradicts the rows.
    """
    receipt = _receipt(bundle, receipt_id)
    corpus = bundle.corpus.corpus()
    committed = None if bundle.influence is None else bundle.influence.committed()
    method = method_from(bundle.method.id, bundle.method.parameters, corpus, committed)
    joined = method.attribute(receipt.evidence)
    recomputed = receipt.model_copy(update={"attribution": joined})
    earnings = settle([recomputed], corpus, rule_of(bundle), bundle.contributors_share)
    return Explanation(
        receipt.receipt_id,
        receipt.evidence.prompt,
        receipt.evidence.answer,
        receipt.charge,
        portion(receipt.charge, bundle.contributors_share),
        (*_quoted(receipt.evidence), *_first_committed(receipt.evidence, corpus)),
        _by_channel(method, receipt.evidence),
        joined,
        {who: sum(amounts.values()) for who, amounts in earnings.by_account.items()},
        earnings.unattributed,
    )


def _receipt(bundle: EpochBundle, receipt_id: str) -> ReceiptPart:
    begun = receipt_id.lower()
    found = [each for each in bundle.receipts if each.receipt_id.startswith(begun)]
    if not begun.startswith("0x") or len(found) != 1:
        many = f"{len(found)} receipts begin" if len(found) > 1 else "no receipt begins"
        raise InvalidInputError(
            f"In this bundle {many} with {receipt_id}; it holds {len(bundle.receipts)}, such as "
            f"{', '.join(each.receipt_id for each in bundle.receipts[:3])}."
        )
    return found[0]


def _quoted(evidence: Evidence) -> list[CausedWords]:
    places = sorted(
        (
            (span.start_char, span.stop_char, passage)
            for passage in evidence.passages
            for span in passage.spans
        ),
        key=lambda place: place[:2],
    )
    return [
        CausedWords(
            "quoted",
            passage.row.index,
            passage.contribution_id,
            passage.contributor,
            evidence.answer[start:stop],
        )
        for start, stop, passage in places
    ]


def _first_committed(evidence: Evidence, corpus: Corpus) -> list[CausedWords]:
    traced = trace(index_in_memory(corpus), evidence.answer, evidence.prompt)
    place = {row.sequence: index for index, row in enumerate(corpus.rows)}
    return [
        CausedWords(
            "first committed",
            place[credit.row.sequence],
            credit.row.contribution_id,
            credit.row.contributor,
            b" ".join(traced.words[credit.start : credit.stop]).decode(),
        )
        for credit in traced.credits()
    ]


def _by_channel(
    method: AttributionMethod, evidence: Evidence
) -> tuple[tuple[str, int, Attribution], ...]:
    if not isinstance(method, Combined):
        return ((method.method_id, 1, method.attribute(evidence)),)
    return tuple(
        (each.method_id, weight, each.attribute(evidence))
        for each, weight in zip(method.methods, method.weights, strict=True)
    )
