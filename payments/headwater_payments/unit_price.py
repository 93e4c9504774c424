"""The price of a token, stated in a route's terms beside the most that a request can cost.

Terms of x402 name one amount, the ceiling of a request. What that buys of a model depends on the
price of its tokens, which a buyer wants to judge too before it signs. The extension `token-price`
states it; sellers and buyers that do not know it do without.
"""

from typing import Final

from headwater_payments.amount import parse_atomic
from headwater_payments.errors import InvalidInputError
from headwater_payments.pricing import TokenPrice
from headwater_payments.x402 import JsonObject

TOKEN_PRICE: Final = "token-price"  # noqa: S105  the extension's name
_MEMBERS: Final = ("perThousandInput", "perThousandOutput", "perRequest")


def token_price_extension(price: TokenPrice) -> JsonObject:
    """The extension for a 402; amounts in atomic units of the terms' asset, as decimal strings."""
    amounts = (price.per_thousand_input, price.per_thousand_output, price.per_request)
    info = {name: str(atomic) for name, atomic in zip(_MEMBERS, amounts, strict=True)}
    return {"info": {"version": "1", **info}, "schema": {"type": "object"}}


def stated_token_price(extensions: JsonObject | None) -> TokenPrice | None:
    """What a seller states of its tokens' price; None where it states nothing that can be read."""
    known = (extensions or {}).get(TOKEN_PRICE)
    info = known.get("info") if isinstance(known, dict) else None
    if not isinstance(info, dict) or info.get("version") != "1":
        return None
    try:
        return TokenPrice(*(parse_atomic(info.get(name)) for name in _MEMBERS))
    except InvalidInputError:
        return None
