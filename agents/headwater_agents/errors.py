"""Why a purchase did not happen, by whose move is next.

HeadwaterError
├── InvalidInputError
│   ├── UnknownListingError    discover first, then buy from a listing that was found
│   └── DeferredWalletError    build the capability without `defer_loading`
├── PaymentRefusedError        nothing was paid: the seller did not take the payment offered
├── PaymentUnknownError        whether it was paid is unknown: ask again under the same key only
└── ServiceFailedError         the seller answered with an error; `details` says which
"""

from headwater_payments.errors import HeadwaterError, InvalidInputError


class UnknownListingError(InvalidInputError):
    """The listing's id is not among those that this buyer has discovered."""

    code = "unknown_listing"
    http_status = 404


class DeferredWalletError(InvalidInputError):
    """A wallet that loads later would leave the calls before it outside its policy."""

    code = "deferred_wallet"


class PaymentRefusedError(HeadwaterError):
    """The seller still asks for payment after being offered one; nothing was delivered."""

    code = "payment_refused"
    http_status = 402


class PaymentUnknownError(HeadwaterError):
    """The exchange broke after a payment may have been sent.

    The wallet keeps the payment's reservation until it is reconciled. Only a request under the same
    key is safe; a new key could pay twice.
    """

    code = "payment_unknown"
    http_status = 504


class ServiceFailedError(HeadwaterError):
    """The seller answered with an error status, or with something that is not what it sells."""

    code = "service_failed"
    http_status = 502
