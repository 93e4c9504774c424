"""The `headwater` command in processes of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support.forking import forking
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


def forked(
    *arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """The same, in a process forked off one that has imported what most commands need.

    Starting Python and importing takes most of the time that a command takes to refuse something.
    """
    given = ["headwater", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as made:
        out, err = Path(made, "out"), Path(made, "err")
        out.touch(), err.touch()
        process = forking().Process(
            target=run_command, args=(given, {**os.environ, **(env or {})}, cwd, out, err)
        )
        process.start()
        process.join(120)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(given, 120)
        return subprocess.CompletedProcess(
            given, process.exitcode, out.read_bytes(), err.read_bytes()
        )


def run_command(
    given: list[str], env: dict[str, str], cwd: Path | None, out: Path, err: Path
) -> None:
    """What happens in a process that `forked` starts."""
    for path, number in ((Path(os.devnull), 0), (out, 1), (err, 2)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    if cwd is not None:
        os.chdir(cwd)
    sys.argv = given
    from headwater.main import main

    main()


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
