"""What is asked: questions spread over all contributions, and a held-out test of the model."""

import random
from collections import defaultdict
from dataclasses import dataclass

from headwater.demo.datanet import MODEL, Datanet
from headwater_models.backend import Finish
from headwater_models.chat import ChatMessage, ChatRequest
from headwater_models.corpus_backend import CorpusBackend
from headwater_models.questions import Question, held_out_questions


@dataclass(frozen=True, slots=True)
class ModelTest:
    """How the model did on held-out questions."""

    asked: int
    right: int
    changed: int

    @property
    def passed(self) -> bool:
        """At least 80 % found the right row, and every right row mattered to its answer."""
        return self.asked > 0 and 100 * self.right >= 80 * self.asked and self.changed == self.right


def questions_for_all(datanet: Datanet, count: int, seed: int) -> list[str]:
    """`count` questions, one contribution after the other, so that every contribution is asked.

    Only questions about rows of honest contributors and of the split one are drawn: nobody comes to
    a market to ask about filler.
    """
    draw = random.Random(seed)  # noqa: S311
    by_identity: dict[int, list[int]] = defaultdict(list)
    for position, (submission, _) in enumerate(datanet.kept):
        if submission.kind in ("honest", "ten-way split"):
            owner = submission.identity if submission.kind == "honest" else -1
            by_identity[owner].append(position)
    chosen = [
        position
        for positions in by_identity.values()
        for position in draw.sample(positions, min(10, len(positions)))
    ]
    found = _about(datanet, chosen, len(chosen), seed)
    queues: dict[int, list[Question]] = defaultdict(list)
    for question in found:
        submission, _ = datanet.kept[question.answer_position]
        queues[submission.identity if submission.kind == "honest" else -1].append(question)
    ordered: list[str] = []
    while len(ordered) < count and any(queues.values()):
        for queue in queues.values():
            if queue and len(ordered) < count:
                ordered.append(queue.pop().text)
    repeats = list(ordered)
    while len(ordered) < count:
        ordered.append(repeats[len(ordered) % len(repeats)])
    return ordered


def topics(datanet: Datanet, count: int, seed: int) -> list[str]:
    """`count` names of documented things, such as `textwrap.wrap`, to be briefed on."""
    draw = random.Random(seed)  # noqa: S311
    named = sorted({title for title in datanet.titles if title.count(".") == 1})
    return draw.sample(named, min(count, len(named)))


async def examine_model(datanet: Datanet, backend: CorpusBackend, seed: int) -> ModelTest:
    """Ask 50 held-out questions; for each, take the cited row away and ask again."""
    draw = random.Random(seed)  # noqa: S311
    candidates = draw.sample(range(len(datanet.kept)), min(200, len(datanet.kept)))
    right = changed = 0
    questions = _about(datanet, candidates, 50, seed)
    for question in questions:
        request = chat_request(question.text)
        answer, top = "", None
        async for event in backend.stream(request):
            if isinstance(event, Finish):
                answer = event.evidence.answer
                cited = [passage for passage in event.evidence.passages if passage.spans]
                top = cited[0].row if cited else None
        if top is not None and top.index == question.answer_position:
            right += 1
            changed += await backend.answer_without(request, [top]) != answer
    return ModelTest(len(questions), right, changed)


def chat_request(question: str) -> ChatRequest:
    """A question as the model takes it."""
    return ChatRequest(
        model=MODEL, messages=[ChatMessage(role="user", content=question)], max_tokens=160
    )


def _about(datanet: Datanet, candidates: list[int], count: int, seed: int) -> list[Question]:
    rows = [
        (title, row.text) for title, row in zip(datanet.titles, datanet.corpus.rows, strict=True)
    ]
    return held_out_questions(rows, count, seed, candidates)
