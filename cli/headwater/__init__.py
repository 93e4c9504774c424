"""Economies of autonomous agents: the front door.

The names below are loaded when they are first used, so that `import headwater` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.sandbox import Sandbox, open_asgi_sandbox, open_sandbox
    from headwater_marketplace.client import MarketplaceClient
    from headwater_marketplace.seller import Offer, PaymentMiddleware, current_meter
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
    "Sandbox": "headwater.sandbox",
    "SeedKeystore": "headwater_wallet.keys",
    "SpendPolicy": "headwater_wallet.policy",
    "Wallet": "headwater_wallet.wallet",
    "current_meter": "headwater_marketplace.seller",
    "open_asgi_sandbox": "headwater.sandbox",
    "open_sandbox": "headwater.sandbox",
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
    "Sandbox",
    "SeedKeystore",
    "SpendPolicy",
    "Wallet",
    "__version__",
    "current_meter",
    "open_asgi_sandbox",
    "open_sandbox",
    "open_wallet",
    "simple_policy",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
