"""No anvil outlives the process that started it, however that one ends."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from contracts.conftest import require_program

from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.child import end_child, start_child
from headwater_payments.errors import UnavailableError

pytestmark = pytest.mark.anyio

PARENT = """
import anyio
from headwater_contracts.chains.anvil import AnvilChain

async def main():
    async with await AnvilChain.start() as chain:
        print(chain.url, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@contextmanager
def watching(url: str) -> Iterator[None]:
    """Check that what listens at a URL when the block starts is gone soon after it ends."""
    address = (urlsplit(url).hostname, urlsplit(url).port)
    with socket.create_connection(address, timeout=10) as connection:
        yield
        wait_for_end(connection)
    # A program that ends in good order closes its connections first and listens a little longer:
    # each further connection is closed in turn, the last one by the system.
    with pytest.raises(ConnectionRefusedError):
        connect_again_and_again(address)


def connect_again_and_again(address: tuple[str | None, int | None]) -> None:
    for _ in range(1_000):
        with socket.create_connection(address, timeout=10) as connection:
            wait_for_end(connection)


def wait_for_end(connection: socket.socket) -> None:
    """Wait until the other side closes, at most as long as the connection's timeout."""
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_killed_takes_its_anvil_along(ending: signal.Signals) -> None:
    require_program("anvil")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        with watching(parent.stdout.readline().strip()):
            parent.send_signal(ending)
            parent.wait(10)


async def test_anvil_is_gone_after_cancellation() -> None:
    require_program("anvil")
    with anyio.move_on_after(20) as scope:
        async with await AnvilChain.start() as chain:
            ends = watching(chain.url)
            ends.__enter__()
            scope.cancel()
            await anyio.sleep_forever()
    ends.__exit__(None, None, None)


async def test_a_program_that_ends_by_itself_is_noticed() -> None:
    with tempfile.TemporaryFile() as output:
        process = await start_child(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], output)
        with anyio.fail_after(10):
            assert await process.wait() == 3
        await end_child(process)
        output.seek(0)
        assert output.read() == b"out\nerr\n"


async def test_a_program_that_ignores_being_asked_is_ended_by_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headwater_contracts.chains.child._END_TIMEOUT_S", 0.2)
    deaf = "trap '' TERM; echo ready; exec tail -f /dev/null"
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as seen, os.fdopen(writing, "wb") as output:
        process = await start_child(["/bin/sh", "-c", deaf], output)
        output.close()
        assert seen.readline() == b"ready\n"
        with anyio.fail_after(10):
            await end_child(process)
        # The pipe's last writer is gone: the shell and the program both.
        assert select.select([seen], [], [], 10)[0]
        assert seen.read() == b""


async def test_an_anvil_that_does_not_come_up_is_unavailable(tmp_path: Path) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho no; exit 1\n")
    broken.chmod(0o755)
    with pytest.raises(UnavailableError, match="did not come up"):
        await AnvilChain.start(program=broken)
