"""Attribution methods: evidence in, shares with intervals out."""

from headwater_attribution.methods.adapter_influence import AdapterInfluence
from headwater_attribution.methods.audited import Audited
from headwater_attribution.methods.combined import Combined
from headwater_attribution.methods.leave_one_out import RetrievalLeaveOneOut
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.registry import calibrated_method, default_method, method_from
from headwater_attribution.methods.span_match import SpanMatch
from headwater_attribution.methods.span_trace import SpanTrace

__all__ = [
    "AdapterInfluence",
    "AttributionMethod",
    "Audited",
    "Combined",
    "RetrievalLeaveOneOut",
    "SpanMatch",
    "SpanTrace",
    "calibrated_method",
    "default_method",
    "method_from",
]
