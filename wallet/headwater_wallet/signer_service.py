"""A signer in a process of its own, asked over a Unix socket that only its own user can open.

One question a connection, one line of JSON each way: `{"address": true}`, or `{"sign": …}` with
typed data as `typed_json` writes it. There is no way to ask for a signature over a hash. What is
signed and what is refused is shown to whoever runs it.
"""

import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import SocketAttribute, SocketStream

from headwater_payments.errors import HeadwaterError, InvalidInputError, UnavailableError
from headwater_payments.json_text import read_json
from headwater_payments.signing import Signer
from headwater_payments.x402 import JsonObject
from headwater_wallet.signing_rules import SigningRules, Taken
from headwater_wallet.typed_json import typed_from_json

MAX_QUESTION: Final = 16_384
"""Bytes of a question."""
ASK_WITHIN_S: Final = 5
"""Seconds in which a question must have come."""
_HUNG_UP: Final = (anyio.EndOfStream, anyio.BrokenResourceError)


class SignerService:
    """Answers for one account.

    Args:
        signer: holds the key.
        rules: what may be signed.
        taken: counts what was.
        now: Unix time in seconds.
        show: is told of each decision.
    """

    def __init__(
        self,
        signer: Signer,
        rules: SigningRules,
        taken: Taken,
        *,
        now: Callable[[], int],
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._signer, self._rules, self._taken = signer, rules, taken
        self._now, self._show = now, show
        self._turn = anyio.Lock()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Answer at a socket while the context is open.

        Raises:
            UnavailableError: others could reach the socket, or a signer listens there already.
        """
        await _refuse_public(path.parent)
        await _make_room(path)
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
            if not isinstance(body, dict) or set(body) != {"sign"}:
                raise InvalidInputError("A signer is asked for its address, or to sign typed data.")
            return {"signature": "0x" + (await self._sign(body["sign"])).hex()}
        except HeadwaterError as refusal:
            self._show(f"refused: {refusal.message}")
            return {"refused": refusal.code, "detail": refusal.message}

    async def _sign(self, body: object) -> bytes:
        typed = typed_from_json(body)
        async with self._turn:
            account, now = self._signer.address, self._now()
            takes, words = self._rules.check(account, typed, self._taken.atomic, now)
            # Counted first: a signature that is lost with this process has been given away.
            self._taken.add(takes)
            signature = await self._signer.sign_typed_data(typed)
        self._show(f"signed: {words}")
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
