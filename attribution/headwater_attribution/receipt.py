"""The attribution receipt: what one answer was attributed to, by what method and evidence."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from headwater_attribution.attribution import Attribution
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_payments.hexadecimal import to_hex


@dataclass(frozen=True, slots=True)
class AttributionReceipt:
    """One answer's attribution, with everything needed to recompute it named.

    Attributes:
        receipt_id: `0x` and 32 bytes: the id of the metering receipt that this belongs to.
        method_id: name and version of the method.
        parameters: the method's parameters.
        evidence: the commitment of the evidence, `0x` and 32 bytes.
        corpus_root: the content root of the corpus, `0x` and 32 bytes.
        attribution: the shares with their intervals, and what is unattributed.
    """

    receipt_id: str
    method_id: str
    parameters: Mapping[str, int]
    evidence: str
    corpus_root: str
    attribution: Attribution

    def commitment(self) -> str:
        """`0x` and the SHA-256 of the receipt as JSON with sorted keys and no spaces."""
        body = {**asdict(self), "unattributed": self.attribution.unattributed}
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return to_hex(hashlib.sha256(b"headwater/attribution/1\n" + text.encode()).digest())


def attribute_answer(
    receipt_id: str, evidence: Evidence, method: AttributionMethod
) -> AttributionReceipt:
    """Attribute one answer.

    Raises:
        EvidenceMismatchError: the evidence contradicts the method's corpus.
    """
    return AttributionReceipt(
        receipt_id,
        method.method_id,
        dict(method.parameters),
        evidence.commitment(),
        evidence.corpus_root,
        method.attribute(evidence),
    )
