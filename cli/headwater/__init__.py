"""Economies of autonomous agents: the names a newcomer needs, loaded when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater_marketplace.client import MarketplaceClient
    from headwater_marketplace.seller import Offer, PaymentMiddleware, SellerStore
    from headwater_payments.amount import Amount, Asset
    from headwater_payments.errors import HeadwaterError
    from headwater_wallet.keys import LocalSigner, SeedKeystore
    from headwater_wallet.policy import SpendPolicy, simple_policy
    from headwater_wallet.wallet import Wallet, open_wallet

__version__ = "0.1.0"

_HOMES = {
    "Amount": "headwater_payments.amount",
    "Asset": "headwater_payments.amount",
    "HeadwaterError": "headwater_payments.errors",
    "LocalSigner": "headwater_wallet.keys",
    "MarketplaceClient": "headwater_marketplace.client",
    "Offer": "headwater_marketplace.seller",
    "PaymentMiddleware": "headwater_marketplace.seller",
    "SeedKeystore": "headwater_wallet.keys",
    "SellerStore": "headwater_marketplace.seller",
    "SpendPolicy": "headwater_wallet.policy",
    "Wallet": "headwater_wallet.wallet",
    "open_wallet": "headwater_wallet.wallet",
    "simple_policy": "headwater_wallet.policy",
}

__all__ = [
    "Amount",
    "Asset",
    "HeadwaterError",
    "LocalSigner",
    "MarketplaceClient",
    "Offer",
    "PaymentMiddleware",
    "SeedKeystore",
    "SellerStore",
    "SpendPolicy",
    "Wallet",
    "__version__",
    "open_wallet",
    "simple_policy",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
