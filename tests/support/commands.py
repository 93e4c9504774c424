"""The `headwater` command in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

from support.pages import COMPONENTS, ROOT

FOLDERS = os.pathsep.join(str(ROOT / name) for name in COMPONENTS)


def headwater(
    *arguments: object,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    start: tuple[str, ...] = ("-m", "headwater"),
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end, with nothing on its standard input."""
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": FOLDERS, **(env or {})},
    )


def told(done: "subprocess.CompletedProcess[bytes]", status: int = 2) -> str:
    """The code of the one line that a refused command says."""
    said = done.stderr.decode()
    lines = [line for line in said.splitlines() if line.strip()]
    assert done.returncode == status, said + done.stdout.decode()
    assert "Traceback" not in said + done.stdout.decode()
    assert len(lines) == 1, said
    assert lines[0].startswith("error["), said
    assert lines[0].endswith("."), said
    return lines[0].removeprefix("error[").partition("]: ")[0]
