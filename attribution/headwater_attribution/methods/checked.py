"""Evidence held against the corpus it names: a backend can't assign a row to somebody else."""

from collections.abc import Mapping

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence, RowId, text_sha256
from headwater_payments.hexadecimal import to_hex


def check_evidence(evidence: Evidence, corpus: Corpus) -> None:
    """Hold every passage against the row that it names.

    Raises:
        EvidenceMismatchError: another corpus root, a missing row, a row with another owner,
            contribution or text, or one that follows a row that isn't earlier or follows another.
    """
    if evidence.corpus_root != to_hex(corpus.root):
        raise EvidenceMismatchError(
            "The evidence was made from another corpus than the one given.",
            evidence_root=evidence.corpus_root,
            corpus_root=to_hex(corpus.root),
        )
    for passage in evidence.passages:
        row_id = passage.row
        row = _row(corpus, row_id)
        stated = (passage.contribution_id, passage.contributor, passage.text_sha256)
        if stated != (row.contribution_id, row.contributor, text_sha256(row.text)):
            raise EvidenceMismatchError(
                f"Row {row_id.index} has another owner, contribution or text than stated.",
                index=row_id.index,
            )
        if passage.follows is not None:
            _row(corpus, passage.follows)
            if passage.follows.index >= row_id.index:
                raise EvidenceMismatchError(
                    f"Row {row_id.index} can't follow row {passage.follows.index}, which is not "
                    "earlier.",
                    index=row_id.index,
                )

    follows = leaders(evidence)
    if not follows.keys().isdisjoint(follows.values()):
        raise EvidenceMismatchError("A row follows one that itself follows another.")


def leaders(evidence: Evidence, *, quoted: bool = False) -> Mapping[int, int]:
    """By index, the earlier row that a passage's row follows, for those that follow one.

    Args:
        evidence: whose passages.
        quoted: whether only those passages count that stand in the answer.
    """
    return {
        passage.row.index: passage.follows.index
        for passage in evidence.passages
        if passage.follows is not None and (passage.spans or not quoted)
    }


def _row(corpus: Corpus, row_id: RowId) -> CorpusRow:
    here = (row_id.datanet_id, row_id.version) == (corpus.datanet_id, corpus.version)
    if not here or not 0 <= row_id.index < len(corpus.rows):
        raise EvidenceMismatchError(f"The corpus has no row {row_id}.", index=row_id.index)
    return corpus.rows[row_id.index]
