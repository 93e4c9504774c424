"""Keys at rest and in memory: one encrypted seed for a fleet of accounts, signers that stay silent.

A signer never shows its key: not in repr, not in pickles or copies (and so not in checkpoints), not
in errors. Sources: Web3 Secret Storage v3; BIP-39; BIP-44 path m/44'/60'/0'/0/i.
"""

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, Self

import coincurve
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json, normalize_keys

from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.json_text import read_json
from headwater_payments.sign_in import SignInMessage
from headwater_payments.signing import address_of_key, sign_text_with_key, sign_with_key
from headwater_wallet.errors import KeyStoreError

SCRYPT_ROUNDS = 262_144
"""The work factor of the key file; half a second on a small machine."""
MAX_WORK = 2**24
"""The most that opening a file may cost: scrypt's N · r · p, eight times what `save` takes."""
MAX_MEMORY = 2**30
"""Bytes that opening a file may take: scrypt's 128 · N · r."""
MAX_ITERATIONS = 10_000_000
"""Rounds of PBKDF2 that opening a file may take."""
MAX_BYTES = 2**16
"""Bytes of a key file; `save` writes less than a thousand."""
_KIND = "bip39-entropy"
_SCRYPT_R, _KEY_BYTES = 8, 32
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What reading a file of another shape raises, here and in the key file's library."""


Password = str | Callable[[], str]
"""A password, or what asks for it once the file is known to need one."""


class LocalSigner:
    """Signs with a key held in this process's memory."""

    __slots__ = ("_address", "_key")

    def __init__(self, secret: bytes) -> None:
        try:
            self._key = coincurve.PrivateKey(secret)
        except ValueError:
            del secret  # tools show the variables of a traceback
            raise InvalidInputError("That is not a secp256k1 private key.") from None
        self._address = address_of_key(self._key)

    @classmethod
    def random(cls) -> Self:
        """A fresh account, known to this process only."""
        return cls(secrets.token_bytes(32))

    @property
    def address(self) -> Address:
        """The account that signatures recover to."""
        return self._address

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        """65 bytes `r ‖ s ‖ v` over the typed data."""
        return self.sign_now(typed)

    def sign_now(self, typed: TypedData) -> bytes:
        """The same, without waiting."""
        return sign_with_key(self._key, typed)

    async def sign_in(self, message: SignInMessage) -> bytes:
        """65 bytes `r ‖ s ‖ v` over the text that says who signs in where."""
        return sign_text_with_key(self._key, message.text())

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        """The signed raw transaction.

        Raises:
            InvalidInputError: a member is missing or malformed.
        """
        try:
            signed = Account.sign_transaction(transaction, self._key.secret)
        except (TypeError, ValueError):
            raise InvalidInputError("The transaction is malformed and was not signed.") from None
        return bytes(signed.raw_transaction)

    def __repr__(self) -> str:
        # Shown half-made too, by tools that show the variables of a traceback.
        return f"LocalSigner({getattr(self, '_address', '***')})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A signer cannot be pickled or copied: its key stays in this process.")


class SeedKeystore:
    """One BIP-39 seed, from which any number of accounts are derived by index."""

    __slots__ = ("_entropy", "_seed")

    def __init__(self, entropy: bytes) -> None:
        if len(entropy) != 32:
            del entropy
            raise InvalidInputError("A seed has 32 bytes of entropy.")
        self._entropy = entropy
        words = Mnemonic(Language.ENGLISH).to_mnemonic(entropy)
        self._seed = seed_from_mnemonic(words, "")

    @classmethod
    def create(cls) -> Self:
        """A fresh seed of 256 random bits."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def load(cls, path: Path, password: Password) -> Self:
        """Unlock the file that `save` wrote.

        Raises:
            KeyStoreError: no such file, not a key file, one that would take too much work to open
                (nothing was tried), the wrong password, or a seed of another account than the file
                names.
        """
        ask = _asking(password)
        del password  # tools show the variables of a traceback
        document = _read(path)
        secret = ask()
        try:
            store = cls(bytes(decode_keyfile_json(document, secret.encode())))
            named = document.get("address")
            right = named is None or parse_address(f"0x{named}") == store.signer(0).address
        except (InvalidInputError, *_UNREADABLE):
            del secret
            raise _unusable(path) from None
        del secret
        if not right:
            # The file's checksum does not cover how it was encrypted.
            raise KeyStoreError(
                f"The key file at {path} is damaged: it names another account than its seed's."
            )
        return store

    def save(self, path: Path, password: Password, *, rounds: int = SCRYPT_ROUNDS) -> None:
        """Write the seed, encrypted, for its owner to read; a file that exists is never replaced.

        The first account's address stands in it, so that a damaged file is told from a good one.

        Raises:
            KeyStoreError: a file is there already, or the folder cannot be written.
            InvalidInputError: more rounds than `load` would take.
        """
        ask = _asking(password)
        del password  # tools show the variables of a traceback
        if rounds * _SCRYPT_R > MAX_WORK or rounds * _SCRYPT_R * 128 > MAX_MEMORY:
            raise InvalidInputError(f"No key file is opened that takes {rounds} rounds.")
        if os.path.lexists(path):
            raise _taken(path)
        if not os.access(path.parent, os.W_OK):
            raise KeyStoreError(f"The key file cannot be written at {path}.")
        document = create_keyfile_json(
            self._entropy, ask().encode(), kdf="scrypt", iterations=rounds
        )
        document["address"] = self.signer(0).address.removeprefix("0x").lower()
        document["headwater"] = _KIND
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise _taken(path) from None
        except OSError:
            raise KeyStoreError(f"The key file cannot be written at {path}.") from None
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())

    def signer(self, index: int) -> LocalSigner:
        """The signer of account `index`, at m/44'/60'/0'/0/index."""
        if not 0 <= index < 2**31:
            raise InvalidInputError(f"An account index lies between 0 and 2^31-1, not {index}.")
        return LocalSigner(key_from_seed(self._seed, f"m/44'/60'/0'/0/{index}"))

    def __repr__(self) -> str:
        return "SeedKeystore(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A keystore cannot be pickled or copied: its seed stays in this process.")


def _asking(password: Password) -> Callable[[], str]:
    """What gives the password, in a form that shows none."""
    return (lambda: password) if isinstance(password, str) else password


def _read(path: Path) -> dict[str, Any]:
    """A key file's content, of our kind and not too much work to open."""
    try:
        written = read_json(read_file(path, MAX_BYTES), "The key file")
        if not isinstance(written, dict) or written.get("headwater") != _KIND:
            # Another program's key has 32 bytes too: accounts derived from it would be empty.
            raise ValueError("not a seed of ours")
        document: dict[str, Any] = normalize_keys(written)
        affordable = _affordable(document["crypto"])
    except OSError as exc:
        raise KeyStoreError(f"There is no readable key file at {path}: {exc.strerror}.") from None
    except (InvalidInputError, *_UNREADABLE):
        raise _unusable(path) from None
    if not affordable:
        raise KeyStoreError(
            f"The key file at {path} would take more work or memory to open than any that "
            "Headwater writes; it was not tried."
        )
    return document


def _taken(path: Path) -> KeyStoreError:
    return KeyStoreError(f"A key file exists at {path}; it was left as it is.")


def _unusable(path: Path) -> KeyStoreError:
    return KeyStoreError(
        f"The key file at {path} is damaged, another program's, or the password is wrong."
    )


def _affordable(crypto: dict[str, Any]) -> bool:
    """Whether deriving a file's key takes bounded time and memory, whoever wrote the file."""
    work: dict[str, int] = crypto["kdfparams"]
    if not 0 < work["dklen"] <= _KEY_BYTES:
        return False
    if crypto["kdf"] == "pbkdf2":
        return 0 < work["c"] <= MAX_ITERATIONS
    n, r, p = work["n"], work["r"], work["p"]
    return min(n, r, p) > 0 and n * r * p <= MAX_WORK and 128 * r * max(n, p) <= MAX_MEMORY
