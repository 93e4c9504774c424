"""What can go wrong when money is spent, by what the caller does next.

HeadwaterError
├── KeyStoreError               the key file or its password is wrong: nothing was unlocked
├── PaymentError                a payment did not go through
│   ├── PolicyRefusedError      the wallet's own policy says no; nothing was signed
│   │   └── BudgetExceededError the budget cannot cover the request; nothing was signed
│   ├── PaymentRefusedError     the seller said no; nothing was charged
│   ├── PaymentUnknownError     the seller did not answer: reconcile, never pay again
│   └── SellerMisbehavedError   the seller broke the terms: it gets no more signatures
└── TransactionError            a transaction was refused or reverted
"""

from headwater_payments.errors import HeadwaterError


class KeyStoreError(HeadwaterError):
    """The key file cannot be read or the password does not open it."""

    code = "key_store"
    http_status = 400


class PaymentError(HeadwaterError):
    """A payment did not go through; the subclass says whose move it is."""

    code = "payment_failed"
    http_status = 402


class PolicyRefusedError(PaymentError):
    """The wallet's policy refuses this payment; nothing was signed."""

    code = "policy_refused"


class BudgetExceededError(PolicyRefusedError):
    """The budget cannot cover the most that this request may cost; nothing was signed."""

    code = "budget_exceeded"


class PaymentRefusedError(PaymentError):
    """The seller refused the payment; nothing was charged."""

    code = "payment_refused"


class PaymentUnknownError(PaymentError):
    """A payment was sent and no outcome is known: reconcile it, do not pay under a new key."""

    code = "payment_unknown"
    http_status = 504


class SellerMisbehavedError(PaymentError):
    """The seller's answer breaks the terms it was paid under; its channel is blocked."""

    code = "seller_misbehaved"
    http_status = 502


class TransactionError(HeadwaterError):
    """The chain refused or reverted a transaction."""

    code = "transaction_failed"
    http_status = 502


class TransactionPendingError(TransactionError):
    """A transaction was sent and no receipt came in time: it may still be mined."""

    code = "transaction_pending"
    http_status = 504
