"""Keeping a key out of core files, and this process's memory out of its neighbours' reach.

A process that holds a key has it in its memory. When the process crashes, the system may write all
of that into a file, and until then any other process of the same user may read it.

Source: prctl(2), `PR_SET_DUMPABLE`; setrlimit(2), `RLIMIT_CORE`.
"""

import ctypes
import sys
from contextlib import suppress
from typing import Final

PR_SET_DUMPABLE: Final = 4


def forbid_core_dumps() -> None:
    """Have this process leave no core file and, on Linux, let no other of its user look into it.

    For programs that unlock a key, before they do. It cannot be undone where it takes effect, and
    does nothing where the system has no such thing.
    """
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
