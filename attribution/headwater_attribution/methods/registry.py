"""Methods by id and parameters, as an attribution receipt names them."""

from collections.abc import Mapping

from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.methods.combined import Combined
from headwater_attribution.methods.leave_one_out import RetrievalLeaveOneOut
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.span_match import SpanMatch
from headwater_attribution.methods.span_trace import SpanTrace


def default_method(corpus: Corpus) -> Combined:
    """Leave-one-out and span matching in equal parts: each sees causes the other misses."""
    return Combined((RetrievalLeaveOneOut(corpus), SpanMatch(corpus)), (1, 1))


def method_from(method_id: str, parameters: Mapping[str, int], corpus: Corpus) -> AttributionMethod:
    """The method that a receipt names, over `corpus`.

    Raises:
        UnknownMethodError: no method has this id and takes these parameters.
    """
    try:
        if method_id == RetrievalLeaveOneOut.method_id:
            return RetrievalLeaveOneOut(corpus, **parameters)
        if method_id == SpanMatch.method_id:
            return SpanMatch(corpus, **parameters)
        if method_id == SpanTrace.method_id:
            return SpanTrace(corpus, **parameters)
        if method_id == Combined.method_id:
            return _combined_from(parameters, corpus)
    except TypeError as exc:
        raise UnknownMethodError(
            f"The method {method_id} does not take the parameters {sorted(parameters)}.",
            method_id=method_id,
        ) from exc
    raise UnknownMethodError(
        f"There is no attribution method {method_id} here.", method_id=method_id
    )


def _combined_from(parameters: Mapping[str, int], corpus: Corpus) -> Combined:
    by_method: dict[str, dict[str, int]] = {}
    for name, value in parameters.items():
        method_id, _, parameter = name.rpartition(".")
        by_method.setdefault(method_id, {})[parameter] = value
    weights = [each.pop("weight", 0) for each in by_method.values()]
    methods = [method_from(name, each, corpus) for name, each in by_method.items()]
    return Combined(methods, weights)
