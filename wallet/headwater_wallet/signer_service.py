"""A signer in a process of its own, asked over a Unix socket that only its own user can open.

One question a connection, one line of JSON each way: `{"address": true}`; `{"sign": …}` with typed
data as `typed_json` writes it; `{"transaction": …}` as `transaction_rules` does; `{"signIn": …}`
with the members of a sign-in. There is no way to ask for a signature over a hash or a text. What is
signed and what is refused is shown to whoever runs it.
"""

import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import SocketAttribute, SocketStream

from headwater_payments.eip712 import TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.hexadecimal import to_hex
from headwater_payments.json_text import read_json
from headwater_payments.sign_in import SignInSigner
from headwater_payments.signing import Signer
from headwater_payments.structs import WalletSecret
from headwater_payments.x402 import JsonObject
from headwater_wallet.errors import SignerRefusedError
from headwater_wallet.seller_rules import SELLER_STRUCTS, SellerRules
from headwater_wallet.sign_in_rules import check_sign_in_asked, sign_in_from_json
from headwater_wallet.signing_rules import SigningRules, Taken
from headwater_wallet.transaction_rules import TransactionRules, transaction_from_json
from headwater_wallet.transactions import TransactionSigner
from headwater_wallet.typed_json import typed_from_json

MAX_QUESTION: Final = 262_144
"""Bytes of a question: a claim of fifty channels fits."""
ASK_WITHIN_S: Final = 5
"""Seconds in which a question must have come."""
_HUNG_UP: Final = (anyio.EndOfStream, anyio.BrokenResourceError)


class SignerService:
    """Answers for one account.

    Args:
        signer: holds the key.
        rules: what it signs as a buyer; None for nothing.
        taken: counts what was.
        now: Unix time in seconds.
        show: is told of each decision.
        seller: what it signs as a seller; None for nothing.
        transactions: which it signs; None for none.
        sign_in: the sites, by host, at which it signs in; none unless named.
    """

    def __init__(
        self,
        signer: Signer,
        rules: SigningRules | None,
        taken: Taken,
        *,
        now: Callable[[], int],
        show: Callable[[str], None] = lambda _: None,
        seller: SellerRules | None = None,
        transactions: TransactionRules | None = None,
        sign_in: Collection[str] = (),
    ) -> None:
        self._signer, self._rules, self._taken = signer, rules, taken
        self._seller, self._transactions, self._sites = seller, transactions, sign_in
        self._now, self._show = now, show
        self._turn = anyio.Lock()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Answer at a socket while the context is open.

        Raises:
            UnavailableError: others could reach the socket, or a signer listens there already, or
                one of the same key at another.
        """
        await _refuse_public(path.parent)
        await _make_room(path)
        with self._taken.held():
            async with self._answering(path):
                yield

    @asynccontextmanager
    async def _answering(self, path: Path) -> AsyncIterator[None]:
        async with (
            await anyio.create_unix_listener(path, mode=0o600) as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, self._serve)
            try:
                yield
            finally:
                group.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await anyio.Path(path).unlink(missing_ok=True)

    async def answer(self, question: bytes) -> JsonObject:
        """What is answered to one question; refusals are answers too."""
        try:
            body = read_json(question, "The question")
            if body == {"address": True}:
                return {"address": self._signer.address}
            if not isinstance(body, dict) or len(body) != 1:
                raise InvalidInputError("A signer is asked one thing at a time.")
            [(asked, what)] = body.items()
            if asked == "transaction":
                return {"raw": to_hex(await self._sign_transaction(what))}
            if asked == "signIn":
                return {"signature": to_hex(await self._sign_in(what))}
            if asked != "sign":
                raise InvalidInputError("A signer is asked for its address, or to sign.")
            return {"signature": to_hex(await self._sign(what))}
        except HeadwaterError as refusal:
            self._show(f"refused: {refusal.message}")
            return {"refused": refusal.code, "detail": refusal.message}

    async def _sign(self, body: object) -> bytes:
        typed = typed_from_json(body)
        async with self._turn:
            takes, words = self._check(typed)
            # Counted first: a signature that is lost with this process has been given away.
            self._taken.add(takes)
            signature = await self._signer.sign_typed_data(typed)
        self._show(f"signed: {words}")
        return signature

    def _check(self, typed: TypedData) -> tuple[int, str]:
        """The atomic units that a signature takes, and what it does in words."""
        account, struct = self._signer.address, typed.struct
        if isinstance(struct, WalletSecret) and typed.domain.verifying_contract is None:
            return 0, f"secret for {struct.purpose!r}"
        if self._seller is not None and isinstance(struct, SELLER_STRUCTS):
            return 0, self._seller.check(account, typed)
        if self._rules is None:
            raise SignerRefusedError(f"{type(struct).__name__} is nothing that this signer signs.")
        return self._rules.check(account, typed, self._taken.atomic, self._now())

    async def _sign_transaction(self, body: object) -> bytes:
        fields = transaction_from_json(body)
        if self._transactions is None or not isinstance(self._signer, TransactionSigner):
            raise SignerRefusedError("This signer signs no transactions.")
        async with self._turn:
            fee_wei, words = self._transactions.check(fields, self._taken.wei)
            self._taken.add(wei=fee_wei)
            raw = await self._signer.sign_transaction(fields)
        self._show(f"signed: {words}")
        return raw

    async def _sign_in(self, body: object) -> bytes:
        message = sign_in_from_json(body)
        if not isinstance(self._signer, SignInSigner):
            raise SignerRefusedError("This signer cannot sign in.")
        check_sign_in_asked(message, self._signer.address, self._sites, now=self._now())
        signature = await self._signer.sign_in(message)
        self._show(f"signed: sign-in at {message.domain} for {message.uri}")
        return signature

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            if not _is_own_user(stream):
                return self._show("refused: another user asked")
            try:
                with anyio.fail_after(ASK_WITHIN_S):
                    question = await read_line(stream)
                answer = await self.answer(question)
                await stream.send(json.dumps(answer).encode() + b"\n")
            except (TimeoutError, OSError, *_HUNG_UP):
                return None
            except InvalidInputError as refusal:
                self._show(f"refused: {refusal.message}")


async def read_line(stream: SocketStream) -> bytes:
    """One line of bounded length.

    Raises:
        InvalidInputError: it is longer.
        EndOfStream: the other side hung up before its end.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        line += await stream.receive()
        if len(line) > MAX_QUESTION:
            raise InvalidInputError(f"More than {MAX_QUESTION} bytes in a line.")
    return bytes(line)


async def _refuse_public(folder: Path) -> None:
    """Whoever may write the folder could put a socket of his own in the place of this one."""
    try:
        found = await anyio.Path(folder).stat()
    except OSError as exc:
        raise UnavailableError(f"There is no folder {folder}: {exc.strerror}.") from exc
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnavailableError(
            f"Others may write the folder {folder}: put the socket where only you can (chmod 700)."
        )


async def _make_room(path: Path) -> None:
    """Remove the socket of a signer that has ended; nothing else."""
    there = anyio.Path(path)
    if not await there.exists():
        return None
    if not await there.is_socket():
        raise UnavailableError(f"{path} is no socket; it was left as it is.")
    try:
        stream = await anyio.connect_unix(path)
    except OSError:
        return await there.unlink()
    async with stream:
        # Asked in full: one that is hung up on may still be accepting.
        with anyio.move_on_after(ASK_WITHIN_S), suppress(OSError, *_HUNG_UP, InvalidInputError):
            await stream.send(b'{"address": true}\n')
            await read_line(stream)
    raise UnavailableError(f"A signer listens at {path} already.")


def _is_own_user(stream: SocketStream) -> bool:
    """Whether the other end is the same user's; where the system does not tell, the file's mode
    has kept others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610  no database has this `extra`
    credentials = raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.geteuid())
