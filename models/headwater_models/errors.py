"""What an inference backend refuses or cannot do, by whose move is next.

    HeadwaterError
    ├── InvalidInputError
    │   ├── UnknownModelError        ask `capabilities()` and name one of its models
    │   └── EmptyQuestionError       send a user message with text in it
    └── UnavailableError
        ├── UpstreamUnavailableError the upstream did not answer: the same request may work later
        └── UpstreamRefusedError     the upstream answered, but not with a completion

Each is raised before the first token, so nothing was generated, unless its text says otherwise.
"""

from headwater_payments.errors import InvalidInputError, UnavailableError


class UnknownModelError(InvalidInputError):
    """The request names a model that this backend does not serve."""

    code = "unknown_model"
    http_status = 404


class EmptyQuestionError(InvalidInputError):
    """The conversation holds no user message with text, so there is nothing to answer."""

    code = "empty_question"


class UpstreamUnavailableError(UnavailableError):
    """The upstream endpoint could not be reached, or stopped before the end of its answer."""

    code = "upstream_unavailable"


class UpstreamRefusedError(UnavailableError):
    """The upstream endpoint answered with an error or with something that is no completion."""

    code = "upstream_refused"
    http_status = 502
