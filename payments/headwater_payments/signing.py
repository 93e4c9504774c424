"""Signing and recovering typed data, and texts, on secp256k1.

Source: EIP-712; EIP-191 for texts; SEC 4.1 for recovery; EIP-2 for the low-s rule.
"""

from typing import Protocol, TypeGuard

import coincurve
from eth_hash.auto import keccak

from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class Signer(Protocol):
    """Whoever holds a key: a keystore in this process, or a service that keeps it elsewhere.

    There is no way to ask for a signature over a bare hash: an implementation sees the struct.
    """

    @property
    def address(self) -> Address:
        """The account that signatures recover to."""
        ...

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        """65 bytes `r ‖ s ‖ v`, v being 27 or 28, s in the lower half of the order.

        Raises:
            HeadwaterError: the signer refuses, or cannot be reached; nothing was signed.
        """
        ...


class ImmediateSigner(Signer, Protocol):
    """A signer whose key is in this process: it can sign inside a database transaction."""

    def sign_now(self, typed: TypedData) -> bytes:
        """What `sign_typed_data` gives, without waiting."""
        ...


def signs_now(signer: Signer) -> TypeGuard[ImmediateSigner]:
    """Whether a signer's class lets it sign without waiting."""
    return callable(getattr(type(signer), "sign_now", None))


def recover(typed: TypedData, signature: bytes) -> Address:
    """The account whose key made `signature` over `typed`.

    Raises:
        InvalidInputError: not 65 bytes, a high s (malleable), or no key fits.
    """
    return _recover(typed.digest(), signature)


def recover_text(text: str, signature: bytes) -> Address:
    """The account whose key made `signature` over a text, as wallets sign texts for people.

    Raises:
        InvalidInputError: not 65 bytes, a high s (malleable), or no key fits.
    """
    return _recover(_text_digest(text), signature)


def _recover(digest: bytes, signature: bytes) -> Address:
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        raise InvalidInputError("A signature is 65 bytes: r, s, and v of 27 or 28.")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise InvalidInputError("The signature's s lies in the upper half of the order (EIP-2).")
    recovery = bytes([signature[64] % 27])
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + recovery, digest, hasher=None
        )
    except Exception as exc:
        raise InvalidInputError("No public key fits this signature.") from exc
    return _address_of(key)


def sign_with_key(key: coincurve.PrivateKey, typed: TypedData) -> bytes:
    """Sign with a key in memory; for implementations of `Signer` only."""
    signature: bytes = key.sign_recoverable(typed.digest(), hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def sign_text_with_key(key: coincurve.PrivateKey, text: str) -> bytes:
    """Sign a text with a key in memory; for implementations of signers only."""
    signature: bytes = key.sign_recoverable(_text_digest(text), hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def _text_digest(text: str) -> bytes:
    # The prefix keeps a text from being a transaction or typed data.
    raw = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw)


def address_of_key(key: coincurve.PrivateKey) -> Address:
    """The account of a private key."""
    return _address_of(key.public_key)


def _address_of(key: coincurve.PublicKey) -> Address:
    return parse_address("0x" + keccak(key.format(compressed=False)[1:])[12:].hex())
