"""Auditing an answer of the embedded model: what it says without each of its causes."""

from collections import defaultdict

from headwater_attribution.attribution import Attribution
from headwater_attribution.audit_documents import AuditDocument, Retried, quoted
from headwater_attribution.evidence import Evidence, RowId
from headwater_models.chat import ChatRequest
from headwater_models.corpus_backend import CorpusBackend


async def audit_answer(
    backend: CorpusBackend,
    request: ChatRequest,
    evidence: Evidence,
    credited: Attribution,
    truth: str,
) -> AuditDocument:
    """The audit of an answer, not signed yet: each contribution that it quotes or is credited to.

    Of one that is quoted and earns nothing, too: it may keep a better one out.

    Args:
        backend: that gave the answer.
        request: the question.
        evidence: of the answer.
        credited: the shares that a method gives for the evidence.
        truth: what a right answer says.

    Raises:
        UnknownModelError, EmptyQuestionError, InvalidInputError: as `answer_without` does.
    """
    own, together = _rows(evidence)
    credit = {share.contribution_id for share in credited.shares if share.parts}
    retried = [
        Retried(
            contribution_id=number,
            without=await backend.answer_without(request, sorted(together.get(number, ()))),
            alone=await backend.answer_without(request, sorted(own.get(number, ()))),
        )
        for number in sorted(quoted(evidence) | credit)
    ]
    return AuditDocument(evidence=evidence, truth=truth, retried=tuple(retried))


def _rows(evidence: Evidence) -> tuple[dict[int, set[RowId]], dict[int, set[RowId]]]:
    """By contribution its retrieved rows, and these with all that was taken out with them."""
    passages = {passage.row: passage for passage in evidence.passages}
    own: defaultdict[int, set[RowId]] = defaultdict(set)
    for row, passage in passages.items():
        own[passage.contribution_id].add(row)
    together = {number: set(rows) for number, rows in own.items()}
    for ablation in evidence.ablations:
        leaders = (passages[row].follows or row for row in ablation.removed)
        for number in {passages[row].contribution_id for row in leaders}:
            together[number].update(ablation.removed)
    return own, together
