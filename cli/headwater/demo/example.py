"""One answer taken apart: which stretch of it came from whose row, and what that earned."""

import json

from headwater.demo.datanet import Datanet
from headwater.demo.outcome import ExampleAnswer, Passage
from headwater_attribution.bundle import EpochBundle
from headwater_marketplace.epochs import receipt_id
from headwater_marketplace.gateway import evidence_of
from headwater_marketplace.seller.records import Payment
from headwater_payments.split import PARTS


def example_answer(payment: Payment, bundle: EpochBundle, datanet: Datanet) -> ExampleAnswer | None:
    """The answer of a payment as passages; None where the epoch holds no receipt of it."""
    wanted = receipt_id(payment.payment_id)
    receipt = next((r for r in bundle.receipts if r.receipt_id == wanted), None)
    if receipt is None or payment.evidence is None:
        return None
    evidence = evidence_of(json.loads(payment.evidence))
    names = {each.identity: each.name for each in datanet.submissions}
    spans = sorted(
        (span.start_char, span.stop_char, passage)
        for passage in evidence.passages
        for span in passage.spans
    )
    passages, at = [], 0
    for start, stop, passage in spans:
        passages.append(Passage(evidence.answer[at:start], "", ""))
        title = datanet.titles[passage.row.index]
        name = names[passage.contribution_id]
        passages.append(Passage(evidence.answer[start:stop], name, title))
        at = stop
    passages.append(Passage(evidence.answer[at:], "", ""))
    owners = {s.contribution_id: s.parts / PARTS for s in receipt.attribution.shares if s.parts}
    return ExampleAnswer(
        question=evidence.prompt,
        passages=tuple(passage for passage in passages if passage.text),
        shares=tuple((names[identity], share) for identity, share in owners.items()),
        unattributed=receipt.attribution.unattributed / PARTS,
        charge=payment.charge,
    )
