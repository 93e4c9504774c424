"""A key that signs what desks, attributors and auditors sign."""

import coincurve

from headwater_payments.address import Address
from headwater_payments.eip712 import TypedData
from headwater_payments.signing import address_of_key, sign_with_key


class Key:
    """A signer for tests."""

    def __init__(self, secret: int = 7) -> None:
        self._key = coincurve.PrivateKey(bytes([secret]) * 32)

    @property
    def address(self) -> Address:
        return address_of_key(self._key)

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        return sign_with_key(self._key, typed)
