"""Inference backends that stream an answer together with the evidence of what caused it."""

from headwater_models.backend import (
    Capabilities,
    EvidenceKind,
    Finish,
    InferenceBackend,
    InferenceEvent,
    Token,
)
from headwater_models.chat import ChatMessage, ChatRequest, ChatResponse, Usage
from headwater_models.completion import CompletionFrame, complete
from headwater_models.conformance import check_backend
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.echo import EchoBackend
from headwater_models.upstream import UpstreamBackend

__all__ = [
    "Capabilities",
    "ChatMessage",
    "ChatRequest",
    "ChatResponse",
    "CompletionFrame",
    "CorpusBackend",
    "CorpusRow",
    "EchoBackend",
    "EvidenceKind",
    "Finish",
    "InferenceBackend",
    "InferenceEvent",
    "Token",
    "UpstreamBackend",
    "Usage",
    "check_backend",
    "complete",
]
