"""What is asked: questions spread over all contributions, and a held-out test of the model."""

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest

from headwater.demo.contributions import SPLIT, Submission, joined
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
    a market to ask about filler. They are drawn from what was handed in, entered or not, since
    buyers don't ask by what admission did; and as if nothing had been split. The split contribution
    is asked about as much as it can be, so that what splitting brings is measured and not guessed.
    """
    draw = random.Random(seed)  # noqa: S311
    rows: list[tuple[str, str]] = []
    chosen: list[int] = []
    owners: list[Submission] = []
    for each in joined(datanet.submissions):
        if each.kind in ("honest", SPLIT):
            mine = range(len(rows), len(rows) + len(each.rows))
            chosen += draw.sample(mine, len(mine) if each.kind == SPLIT else min(10, len(mine)))
            rows += each.rows
            owners += [each] * len(mine)
    about_split: list[str] = []
    queues: dict[int, list[str]] = defaultdict(list)
    for question in held_out_questions(rows, len(chosen), seed, chosen):
        submission = owners[question.answer_position]
        queue = about_split if submission.kind == SPLIT else queues[submission.identity]
        queue.append(question.text)
    rounds = zip_longest(*queues.values())
    every = [*about_split, *(text for each in rounds for text in each if text is not None)]
    return list(islice(cycle(every), count))


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
