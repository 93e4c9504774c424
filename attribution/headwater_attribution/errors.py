"""What attribution refuses.

HeadwaterError
└── AttributionError          an answer, epoch or bundle that can't be attributed as it stands
    ├── DamagedIndexError     an index file is cut short or altered: build it again
    ├── EvidenceMismatchError the evidence contradicts the corpus: ask the backend for another
    ├── SealBrokenError       rows are shown twice or at the wrong time: show them once
    ├── UnknownMethodError    no method or rule has that id here: install the one it names
    └── UnsoundRuleError      a rule paid more than came in, or to others: fix the rule
"""

from headwater_payments.errors import HeadwaterError


class AttributionError(HeadwaterError):
    """An answer, an epoch or a bundle can't be attributed as it stands; nothing was credited."""

    code = "attribution_error"
    http_status = 422


class DamagedIndexError(AttributionError):
    """An index file is missing, cut short or altered; nothing was read from it."""

    code = "damaged_index"
    http_status = 500


class EvidenceMismatchError(AttributionError):
    """Evidence names another corpus, a row that is not there, or a wrong owner or text."""

    code = "evidence_mismatch"


class SealBrokenError(AttributionError):
    """Rows are shown twice, under a number that is taken, or at the wrong time; nothing entered."""

    code = "seal_broken"


class UnknownMethodError(AttributionError):
    """A method or rule id that this installation doesn't have."""

    code = "unknown_method"


class UnsoundRuleError(AttributionError):
    """A reward rule paid more than came in, a receipt's money for others, or no integers."""

    code = "unsound_rule"
    http_status = 500
