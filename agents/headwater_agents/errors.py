"""Why a purchase did not happen, beside what the wallet itself refuses.

HeadwaterError
├── PaymentError (headwater_wallet)  PolicyRefused, BudgetExceeded, PaymentRefused, ...
├── InvalidInputError
│   ├── UnknownListingError          discover first, then buy from a listing that was found
│   ├── ArgumentsMismatchError       mend the arguments: nothing was paid
│   ├── InputMismatchError           a service's buyer sent what its function does not take
│   ├── DeferredWalletError          build the capability without `defer_loading`
│   └── NoPortalError                call it async, or give it a way into the wallet's event loop
└── ServiceFailedError               the seller answered with an error; `details` says which
"""

from headwater_payments.errors import HeadwaterError, InvalidInputError


class UnknownListingError(InvalidInputError):
    """The listing's id is not among those that this buyer has discovered."""

    code = "unknown_listing"
    http_status = 404


class ArgumentsMismatchError(InvalidInputError):
    """What a service was to be called with does not fit its listed schema; nothing was paid."""

    code = "arguments_mismatch"
    http_status = 422


class InputMismatchError(InvalidInputError):
    """What a service was sent does not fit its function's input; nothing ran or was charged."""

    code = "input_mismatch"
    http_status = 422


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
