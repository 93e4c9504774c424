"""A child process that ends with this one, however this one ends.

A shell stands between the two. It starts the program and watches a pipe that only this process
writes to: when the pipe closes, because `end_child` closed it or because the system did so for a
process that was killed, the shell ends the program. (Linux can signal a child when its parent dies,
but means the parent's thread, which may end long before the process; macOS cannot at all.)
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

import anyio
import anyio.abc

_END_TIMEOUT_S = 5

_WATCH = """
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill "$program"; } 2>/dev/null &
watcher=$!
exec 3<&- </dev/null
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""


async def start_child(command: Sequence[str], output: IO[bytes]) -> anyio.abc.Process:
    """Start a program that `end_child`, or the end of this process, ends.

    Args:
        command: the program and its arguments.
        output: where its output and errors go.

    Returns:
        The watching shell; it exits with the program, and with the program's status.
    """
    return await anyio.open_process(
        ["/bin/sh", "-c", _WATCH, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        # Ctrl-C goes to the whole group; the program must outlive it until it is ended.
        start_new_session=True,
    )


async def end_child(process: anyio.abc.Process) -> None:
    """End the program, by force if it takes more than 5 s, and wait until it is gone."""
    with anyio.CancelScope(shield=True):
        if process.stdin is not None:
            await process.stdin.aclose()
        with anyio.move_on_after(_END_TIMEOUT_S):
            await process.wait()
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.aclose()
