"""What can go wrong when money is spent, by what the caller does next.

HeadwaterError
├── KeyStoreError               the key file or its password is wrong: nothing was unlocked
├── SignerRefusedError          a signer in another process does not sign this; nothing was signed
├── PaymentError                a payment did not go through
│   ├── PolicyRefusedError      the wallet's own policy says no; nothing was signed
│   │   ├── BudgetExceededError the budget cannot cover the request; nothing was signed
│   │   ├── PrivateAddressError the seller is in a private network that is not allowed
│   │   ├── WindowExceededError too much in too short a time: later it may go through
│   │   ├── CircuitOpenError    the seller failed again and again: later it may go through
│   │   ├── WalletStoppedError  the kill switch is on: nothing is paid until it is released
│   │   ├── ApprovalPendingError a person was asked and has not answered: try again later
│   │   └── ApprovalDeniedError a person said no, and the message says why
│   ├── PaymentRefusedError     the seller said no; nothing was charged
│   │   └── ClockSkewError      its clock and this one are too far apart: set the clock
│   ├── PaymentUnderWayError    another request makes this very payment: await its answer
│   ├── StreamCutShortError     a stream stopped early: what came is paid for
│   ├── PaymentUnknownError     the seller did not answer: reconcile, never pay again
│   └── SellerMisbehavedError   the seller broke the terms: it gets no more signatures
└── TransactionError            a transaction was refused or reverted
    ├── TransactionPendingError it was sent and is not mined yet: look its hash up
    └── TransactionReplacedError another took its nonce: it will never be mined
"""

from headwater_payments.errors import HeadwaterError


class KeyStoreError(HeadwaterError):
    """The key file cannot be read or the password does not open it."""

    code = "key_store"
    http_status = 400


class SignerRefusedError(HeadwaterError):
    """The signer's own limits forbid this signature, whatever the wallet's policy says."""

    code = "signer_refused"
    http_status = 403


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


class PrivateAddressError(PolicyRefusedError):
    """The seller is at a private address that the policy does not allow; nothing was signed."""

    code = "private_address"


class WindowExceededError(PolicyRefusedError):
    """More would be signed within an hour, day or month than the policy allows."""

    code = "window_exceeded"


class CircuitOpenError(PolicyRefusedError):
    """The seller failed several times in a row; it is left alone for a while."""

    code = "circuit_open"


class WalletStoppedError(PolicyRefusedError):
    """The kill switch is on: nothing is signed, whoever asks."""

    code = "wallet_stopped"


class ApprovalPendingError(PolicyRefusedError):
    """A person was asked; the same request goes through once it is approved."""

    code = "approval_pending"


class ApprovalDeniedError(PolicyRefusedError):
    """A person refused this payment; the reason is theirs."""

    code = "approval_denied"


class PaymentRefusedError(PaymentError):
    """The seller refused the payment; nothing was charged."""

    code = "payment_refused"


class ClockSkewError(PaymentRefusedError):
    """What was signed has expired, or is not valid yet, by the seller's clock; nothing was charged.

    `details` hold the seller's `reason` and, where its answer tells the time, `seller_ahead_s`.
    """

    code = "clock_skew"


class PaymentUnderWayError(PaymentError):
    """Another request of this wallet is making the payment of this key; this one sent nothing."""

    code = "payment_under_way"
    http_status = 409


class StreamCutShortError(PaymentError):
    """A stream ended because no further voucher came; what was received is paid for."""

    code = "stream_cut_short"


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


class TransactionReplacedError(TransactionError):
    """Another transaction took its nonce: this one has no effect, and never will."""

    code = "transaction_replaced"
    http_status = 409
