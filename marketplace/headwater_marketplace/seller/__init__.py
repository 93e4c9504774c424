"""The seller's half of a payment: an ASGI middleware and the books behind it."""

from headwater_marketplace.seller.middleware import PaymentMiddleware
from headwater_marketplace.seller.offers import Meter, Offer, current_meter
from headwater_marketplace.seller.store import SellerStore

__all__ = ["Meter", "Offer", "PaymentMiddleware", "SellerStore", "current_meter"]
