"""Why a purchase did not happen, beside what the wallet itself refuses.

HeadwaterError
├── PaymentError (headwater_wallet)  PolicyRefused, BudgetExceeded, PaymentRefused, ...
├── InvalidInputError
│   ├── UnknownListingError          discover first, then buy from a listing that was found
│   ├── DeferredWalletError          build the capability without `defer_loading`
│   └── NoPortalError                call it async, or give it a way into the wallet's event loop
└── ServiceFailedError               the seller answered with an error; `details` says which
"""

from headwater_payments.errors import HeadwaterError, InvalidInputError


class UnknownListingError(InvalidInputError):
    """The listing's id is not among those that this buyer has discovered."""

    code = "unknown_listing"
    http_status = 404


class DeferredWalletError(InvalidInputError):
    """A wallet that loads later would leave the calls before it outside its policy."""

    code = "deferred_wallet"


class NoPortalError(InvalidInputError):
    """A synchronous call was made without a way into the event loop that the wallet lives in."""

    code = "no_portal"


class ServiceFailedError(HeadwaterError):
    """The seller answered with an error status, or with something that is not what it sells."""

    code = "service_failed"
    http_status = 502
