"""The seam that every model stands behind: a stream of tokens that ends with usage and evidence."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from headwater_attribution.evidence import Evidence
from headwater_models.chat import ChatRequest, FinishReason, Usage
from headwater_models.errors import EmptyQuestionError, UnknownModelError


class EvidenceKind(StrEnum):
    """What a backend can observe about the causes of its answers."""

    RETRIEVAL = "retrieval"
    """Which rows were put before the model, with scores and places in the answer."""

    ABLATION = "ablation"
    """What the answer score becomes when a row is taken out of the index."""

    INFLUENCE = "influence"
    """What the gradient of the answer's loss says of the rows that an adapter was trained on."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend serves.

    Attributes:
        models: the model ids it answers for; never empty.
        evidence: the kinds of evidence its answers come with; empty for a black box.
        deterministic: whether the same request always gives the same tokens and evidence.
    """

    models: tuple[str, ...]
    evidence: frozenset[EvidenceKind] = frozenset()
    deterministic: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """The next stretch of the answer, ready to be sent on; one or more priced tokens of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer.

    Attributes:
        usage: priced tokens, counted by `headwater_models.tokens`, as a buyer can count them too.
        evidence: what was observed while answering; its `answer` is the tokens' text joined.
        reason: why the answer ended; `length` when the request's cap cut it.
        upstream_usage: what an upstream reported in its own tokens; for the provider's books only.
    """

    usage: Usage
    evidence: Evidence
    reason: FinishReason = "stop"
    upstream_usage: Usage | None = None


InferenceEvent: TypeAlias = Token | Finish


@runtime_checkable
class InferenceBackend(Protocol):
    """Answers chat requests; `headwater_models.conformance.check_backend` tests one that does."""

    def capabilities(self) -> Capabilities:
        """What this backend serves; constant over its life, free to call."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Answer one request: zero or more `Token`, then exactly one `Finish`.

        At most `request.completion_limit` priced tokens are generated, whatever `request.stream`
        says. A caller that stops early closes the generator (`contextlib.aclosing`), and generation
        stops there; several streams may run at once.

        Raises:
            UnknownModelError: the backend does not serve `request.model`; nothing was generated.
            EmptyQuestionError: there is no user message with text; nothing was generated.
            UnavailableError: something the backend needs does not answer. After the first token
                this means that the answer stays unfinished and has no usage.
        """
        ...


def require_answerable(request: ChatRequest, capabilities: Capabilities) -> None:
    """Refuse a request that a backend can't answer, before anything is generated.

    Raises:
        UnknownModelError: `request.model` is not among the capabilities' models.
        EmptyQuestionError: no user message holds any text.
    """
    if request.model not in capabilities.models:
        raise UnknownModelError(
            f"This backend does not serve the model {request.model!r}.",
            model=request.model,
            served=list(capabilities.models),
        )
    if not request.question.strip():
        raise EmptyQuestionError("The request has no user message with text in it.")
