"""Auditing an answer of the embedded model: its agreement with the truth without each cause."""

from collections import defaultdict

from headwater_attribution.attribution import Attribution
from headwater_attribution.audits import AuditedShare, agreement
from headwater_attribution.evidence import Evidence, RowId
from headwater_models.chat import ChatRequest
from headwater_models.corpus_backend import CorpusBackend


async def audit_answer(
    backend: CorpusBackend,
    request: ChatRequest,
    evidence: Evidence,
    credited: Attribution,
    truth: str,
) -> list[AuditedShare]:
    """What an audit shows of each contribution that an answer quotes or that is credited with it.

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
    says = agreement(evidence.answer, truth)
    quoted = {passage.contribution_id for passage in evidence.passages if passage.spans}
    claimed = {share.contribution_id: share.parts for share in credited.shares if share.parts}
    found = []
    for number in sorted(quoted | claimed.keys()):
        without = await backend.answer_without(request, sorted(together.get(number, ())))
        alone = await backend.answer_without(request, sorted(own.get(number, ())))
        found.append(
            AuditedShare(
                number,
                claimed.get(number, 0),
                says,
                agreement(without, truth),
                agreement(alone, truth),
            )
        )
    return found


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
