"""A signer whose key is in another process, reached over a Unix socket (`headwater wallet signer`).

Nothing of this process can be read, dumped or tricked into giving the key away, and the other one
decides what it signs (`signing_rules`).
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import anyio

from headwater_payments.address import Address, parse_address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.json_text import read_json
from headwater_payments.sign_in import SignInMessage
from headwater_payments.signing import recover, recover_text
from headwater_payments.x402 import JsonObject
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.fees import read_transaction, sender_of
from headwater_wallet.sign_in_rules import sign_in_to_json
from headwater_wallet.signer_service import read_line
from headwater_wallet.transaction_rules import transaction_to_json
from headwater_wallet.typed_json import typed_to_json

ANSWER_WITHIN_S: Final = 10


class RemoteSigner:
    """Asks a signer in another process; make one with `connect`.

    It may be cancelled at any point: the other process then has signed, or it has not, and has
    counted the signature if so.
    """

    def __init__(self, path: Path, address: Address) -> None:
        self._path, self._address = path, address

    @classmethod
    async def connect(cls, path: Path | str) -> Self:
        """Ask who signs at a socket.

        Raises:
            UnavailableError: nobody answers there, or the socket is another user's.
        """
        answer = await _ask(Path(path), {"address": True})
        try:
            return cls(Path(path), parse_address(str(answer.get("address"))))
        except InvalidInputError as exc:
            raise UnavailableError(f"What listens at {path} is no signer.") from exc

    @property
    def address(self) -> Address:
        """The account that signatures recover to."""
        return self._address

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        """65 bytes `r ‖ s ‖ v` over the typed data.

        Raises:
            SignerRefusedError: the other process does not sign this.
            UnavailableError: it does not answer, or not with this account's signature.
        """
        answer = await self._asked({"sign": typed_to_json(typed)})
        return self._checked(answer, lambda signature: recover(typed, signature))

    async def sign_in(self, message: SignInMessage) -> bytes:
        """65 bytes `r ‖ s ‖ v` over the text that says who signs in where.

        Raises:
            SignerRefusedError: the other process does not sign in there.
            UnavailableError: it does not answer, or not with this account's signature.
        """
        answer = await self._asked({"signIn": sign_in_to_json(message)})
        return self._checked(answer, lambda signature: recover_text(message.text(), signature))

    async def sign_transaction(self, transaction: dict[str, Any]) -> bytes:
        """The raw signed transaction.

        Raises:
            InvalidInputError: it is not one of EIP-1559.
            SignerRefusedError: the other process does not sign this.
            UnavailableError: it does not answer, or not with this transaction, signed by this
                account.
        """
        asked = transaction_to_json(transaction)
        answer = await self._asked({"transaction": asked})
        try:
            raw = parse_hex(str(answer.get("raw")))
            same = transaction_to_json(read_transaction(raw)) == asked
            if same and sender_of(raw) == self._address:
                return raw
        except InvalidInputError as exc:
            raise UnavailableError("The signer's answer is no transaction.") from exc
        raise UnavailableError("The signer signed another transaction, or with another key.")

    async def _asked(self, question: JsonObject) -> JsonObject:
        answer = await _ask(self._path, question)
        if "refused" in answer:
            raise SignerRefusedError(str(answer.get("detail", "The signer refused.")))
        return answer

    def _checked(self, answer: JsonObject, signer_of: Callable[[bytes], Address]) -> bytes:
        try:
            signature = parse_hex(str(answer.get("signature")), length=65)
            if signer_of(signature) == self._address:
                return signature
        except InvalidInputError as exc:
            raise UnavailableError("The signer's answer is no signature.") from exc
        raise UnavailableError("The signer signed with another key than it named.")

    def __repr__(self) -> str:
        return f"RemoteSigner({self._address})"


async def _ask(path: Path, question: JsonObject) -> JsonObject:
    try:
        if (await anyio.Path(path).stat()).st_uid != os.geteuid():
            raise UnavailableError(f"The socket {path} is another user's.")
        with anyio.fail_after(ANSWER_WITHIN_S):
            async with await anyio.connect_unix(path) as stream:
                await stream.send(json.dumps(question).encode() + b"\n")
                answer = read_json(await read_line(stream), "The signer's answer")
    except (OSError, TimeoutError, anyio.EndOfStream, anyio.BrokenResourceError) as exc:
        raise UnavailableError(
            f"No signer answers at {path}: start one with `headwater wallet signer`."
        ) from exc
    except HeadwaterError as exc:
        raise UnavailableError(f"What listens at {path} is no signer: {exc.message}") from exc
    if not isinstance(answer, dict):
        raise UnavailableError(f"What listens at {path} is no signer.")
    return answer
