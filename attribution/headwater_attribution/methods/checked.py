"""Evidence held against the corpus it names: a backend can't assign a row to somebody else."""

from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence, text_sha256
from headwater_payments.hexadecimal import to_hex


def check_evidence(evidence: Evidence, corpus: Corpus) -> None:
    """Hold every passage against the row that it names.

    Raises:
        EvidenceMismatchError: another corpus root, a missing row, or a row with another owner,
            contribution or text.
    """
    if evidence.corpus_root != to_hex(corpus.root):
        raise EvidenceMismatchError(
            "The evidence was made from another corpus than the one given.",
            evidence_root=evidence.corpus_root,
            corpus_root=to_hex(corpus.root),
        )
    for passage in evidence.passages:
        row_id = passage.row
        here = (row_id.datanet_id, row_id.version) == (corpus.datanet_id, corpus.version)
        if not here or not 0 <= row_id.index < len(corpus.rows):
            raise EvidenceMismatchError(f"The corpus has no row {row_id}.", index=row_id.index)
        row = corpus.rows[row_id.index]
        stated = (passage.contribution_id, passage.contributor, passage.text_sha256)
        if stated != (row.contribution_id, row.contributor, text_sha256(row.text)):
            raise EvidenceMismatchError(
                f"Row {row_id.index} has another owner, contribution or text than stated.",
                index=row_id.index,
            )
