"""Influence as evidence: beside an answer, what the gradient of its loss says of training rows.

No server of models gives gradients, so whoever trained an adapter observes them beside it: the
model behind `observe` holds the same base and adapter as the one that answers. What is observed is
written on the basis that was committed when the adapter was trained, in 16 bits a coordinate, and
the method `adapter-influence` turns it into shares.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from anyio import to_thread

from headwater_attribution.evidence import Evidence, InfluenceObservation
from headwater_attribution.influence.basis import ContributorBasis
from headwater_attribution.influence.committed import CommittedInfluence, basis_hash
from headwater_attribution.influence.factors import Floats
from headwater_models.backend import (
    Capabilities,
    EvidenceKind,
    Finish,
    InferenceBackend,
    InferenceEvent,
)
from headwater_models.chat import ChatRequest
from headwater_payments.errors import InvalidInputError

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class ObservedAnswer:
    """What training looks like from an answer.

    Attributes:
        gradient: `[D]` of the answer's loss by the adapter's parameters, over all checkpoints, as
            `contributor_vectors` lays them out.
        base_loss: of the answer under the base model alone, nats.
        adapted_loss: and with the adapter.
    """

    gradient: Floats
    base_loss: float
    adapted_loss: float


class InfluencedBackend:
    """A backend whose evidence says what moved its adapter toward each answer.

    Args:
        inner: what answers, with the adapter.
        committed: the vectors of that adapter.
        basis: what they are written on.
        observe: takes prompt and answer, and works out gradient and losses; it runs in a thread,
            and the answer ends when it is done.

    Raises:
        InvalidInputError: the vectors are written on another basis.
    """

    def __init__(
        self,
        inner: InferenceBackend,
        committed: CommittedInfluence,
        basis: ContributorBasis,
        observe: Callable[[str, str], ObservedAnswer],
    ) -> None:
        if basis_hash(basis) != committed.directions:
            raise InvalidInputError("The vectors were committed on another basis than this one.")
        self._inner, self._basis, self._observe = inner, basis, observe
        self._commitment = committed.commitment()

    def capabilities(self) -> Capabilities:
        """What the backend within serves, with influence as evidence."""
        inner = self._inner.capabilities()
        return replace(inner, evidence=inner.evidence | {EvidenceKind.INFLUENCE})

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Answer as the backend within does; see `InferenceBackend`."""
        async with aclosing(self._inner.stream(request)) as events:
            async for event in events:
                if isinstance(event, Finish):
                    evidence = await to_thread.run_sync(self._observed, event.evidence)
                    yield replace(event, evidence=evidence)
                else:
                    yield event

    def _observed(self, evidence: Evidence) -> Evidence:
        seen = self._observe(evidence.prompt, evidence.answer)
        projected, _ = self._basis.project(seen.gradient[None, :])
        observation = InfluenceObservation(
            self._commitment,
            tuple(projected[0].tolist()),
            round(seen.base_loss * MICRO),
            round(seen.adapted_loss * MICRO),
        )
        return replace(evidence, influence=observation)
