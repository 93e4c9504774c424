"""Methods by id and parameters, as an attribution receipt names them."""

from collections.abc import Mapping

from headwater_attribution.audits import CONFIRMED, confirmed_by
from headwater_attribution.calibration.card import CalibrationCard
from headwater_attribution.corpus import Corpus
from headwater_attribution.errors import UnknownMethodError
from headwater_attribution.influence.committed import CommittedInfluence
from headwater_attribution.methods.adapter_influence import AdapterInfluence
from headwater_attribution.methods.audited import Audited
from headwater_attribution.methods.combined import Combined
from headwater_attribution.methods.leave_one_out import RetrievalLeaveOneOut
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.methods.span_match import SpanMatch
from headwater_attribution.methods.span_trace import SpanTrace

INFLUENCE_ON_CARDS = "ek-fac-16-bit"
"""What `adapter-influence/2` is called where it is calibrated, with the curvature it is made by."""


def default_method(corpus: Corpus) -> Combined:
    """Leave-one-out and span matching in equal parts: each sees causes the other misses."""
    return Combined((RetrievalLeaveOneOut(corpus), SpanMatch(corpus)), (1, 1))


def calibrated_method(
    corpus: Corpus, card: CalibrationCard, committed: CommittedInfluence | None = None
) -> Combined:
    """All channels there is evidence for, each weighing as much as calibration trusts it.

    Args:
        corpus: the rows that may be credited.
        card: has to speak of every method used; influence goes by the name `INFLUENCE_ON_CARDS`.
        committed: the influence vectors; without them the channel is left out.

    Raises:
        UnknownMethodError: the card says nothing about a method.
        InvalidInputError: the card trusts a method not at all, so it can have no weight.
    """
    trusts = {
        RetrievalLeaveOneOut.method_id: card.confidence(RetrievalLeaveOneOut.method_id),
        SpanMatch.method_id: card.confidence(SpanMatch.method_id),
    }
    methods: list[AttributionMethod] = [RetrievalLeaveOneOut(corpus), SpanMatch(corpus)]
    if committed is not None:
        trust = card.confidence(INFLUENCE_ON_CARDS)
        methods.append(AdapterInfluence(corpus, committed, trust=trust))
        trusts[AdapterInfluence.method_id] = trust
    return Combined(methods, [trusts[method.method_id] for method in methods])


def method_from(
    method_id: str,
    parameters: Mapping[str, int],
    corpus: Corpus,
    committed: CommittedInfluence | None = None,
) -> AttributionMethod:
    """The method that a receipt names, over `corpus`.

    Args:
        method_id: name and version.
        parameters: as the method gives them.
        corpus: the rows that may be credited.
        committed: the influence vectors, for methods that need them.

    Raises:
        UnknownMethodError: no method has this id and takes these parameters, or it needs influence
            vectors and there are none.
    """
    try:
        if method_id == RetrievalLeaveOneOut.method_id:
            return RetrievalLeaveOneOut(corpus, **parameters)
        if method_id == SpanMatch.method_id:
            return SpanMatch(corpus, **parameters)
        if method_id == SpanTrace.method_id:
            return SpanTrace(corpus, **parameters)
        if method_id == AdapterInfluence.method_id and committed is not None:
            return AdapterInfluence(corpus, committed, **parameters)
        if method_id == Combined.method_id:
            return _combined_from(parameters, corpus, committed)
        if method_id == Audited.method_id:
            return _audited_from(parameters, corpus, committed)
    except TypeError as exc:
        raise UnknownMethodError(
            f"The method {method_id} does not take the parameters {sorted(parameters)}.",
            method_id=method_id,
        ) from exc
    raise UnknownMethodError(
        f"There is no attribution method {method_id} here.", method_id=method_id
    )


def _combined_from(
    parameters: Mapping[str, int], corpus: Corpus, committed: CommittedInfluence | None
) -> Combined:
    by_method: dict[str, dict[str, int]] = {}
    for name, value in parameters.items():
        method_id, _, parameter = name.rpartition(".")
        by_method.setdefault(method_id, {})[parameter] = value
    weights = [each.pop("weight", 0) for each in by_method.values()]
    methods = [method_from(name, each, corpus, committed) for name, each in by_method.items()]
    return Combined(methods, weights)


def _audited_from(
    parameters: Mapping[str, int], corpus: Corpus, committed: CommittedInfluence | None
) -> Audited:
    confirmed = {n: parts for n, parts in parameters.items() if n.startswith(CONFIRMED)}
    by_method: dict[str, dict[str, int]] = {}
    for name, value in parameters.items():
        if name not in confirmed:
            method_id, _, parameter = name.partition(".")
            by_method.setdefault(method_id, {})[parameter] = value
    if len(by_method) != 1:
        raise UnknownMethodError(
            f"The method {Audited.method_id} holds one other method against audits, and its "
            f"parameters are of {len(by_method)}.",
            method_id=Audited.method_id,
        )
    [(method_id, inner)] = by_method.items()
    return Audited(method_from(method_id, inner, corpus, committed), confirmed_by(confirmed))
