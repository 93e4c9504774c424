"""The program on narrow and plain terminals, in pipes, and when it is interrupted."""

import os
import signal
import subprocess
import sys
import time
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from attribution.small_epoch import small_epoch
from rich.console import Console
from rich.text import Text

from headwater.terminal import prepare_streams
from headwater_attribution.tables import show_table
from support.commands import FOLDERS, headwater

PLAIN = {"PYTHONIOENCODING": "ascii", "LANG": "C", "LC_ALL": "C", "COLUMNS": "40"}
SMALL = ("simulate", "--agents", "60", "--steps", "2", "--worlds", "2", "--rule", "causes/1")


def shown(width: int) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=width)
    rows = [("0", "0x" + "ab" * 20, Text("holds")), ("1", "0x" + "cd" * 20, "[red]\x1b[31m no")]
    show_table(console, ("position", "account", "verdict"), rows, title="Leaves")
    return out.getvalue().splitlines()


def test_a_wide_terminal_gets_a_table() -> None:
    assert any("position" in line and "account" in line for line in shown(100))


def test_a_terminal_too_narrow_for_the_words_gets_a_list_of_values() -> None:
    assert shown(40) == [
        "Leaves",
        "position 0",
        "  account: 0x" + "ab" * 20,
        "  verdict: holds",
        "position 1",
        "  account: 0x" + "cd" * 20,
        "  verdict: [red]?[31m no",
    ]


def test_a_table_in_ascii_is_laid_out_as_it_is_printed() -> None:
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding="ascii", errors="headwater-plain")
    prepare_streams()
    console = Console(file=out, width=60, force_terminal=True, color_system=None)
    show_table(console, ("account", "paid"), [("… and 5 more", "3"), ("somebody", "4")])
    out.flush()
    lines = raw.getvalue().decode().splitlines()
    assert "... and 5 more" in raw.getvalue().decode()
    assert len({len(line) for line in lines}) == 1, lines


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "epoch.json"
    path.write_text(small_epoch().model_dump_json(), "utf-8")
    return path


def test_every_command_runs_on_a_narrow_terminal_that_knows_ascii_only(
    bundle: Path, tmp_path: Path
) -> None:
    for arguments in (
        SMALL,
        ("attribution", "verify", bundle),
        ("chain", "addresses"),
        ("wallet", "--help"),
        ("demo", "--help"),
    ):
        done = headwater(*arguments, env=PLAIN, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b""), arguments
        assert done.stdout
        if "--help" not in arguments:
            assert done.stdout.isascii()


def test_an_error_with_letters_that_the_terminal_lacks_is_still_told(tmp_path: Path) -> None:
    done = headwater("attribution", "verify", "δάτα.json", env=PLAIN, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error[invalid_input]: ")
    assert done.stderr.count(b"\n") == 1


def test_what_a_terminal_cannot_show_becomes_plain_text() -> None:
    code = "from headwater.terminal import prepare_streams as p; p(); print('a → b … ≥ 1 – “░”')"
    done = headwater(env=PLAIN, start=("-c", code))
    assert done.stdout == b'a -> b ... >= 1 - "?"\n'


def test_a_pipe_gets_each_line_when_it_is_printed() -> None:
    code = "from headwater.terminal import prepare_streams as p; p(); print('one'); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": FOLDERS},
    )
    assert process.stdout is not None
    # The program waits for an answer, so a line that it held back would never come.
    assert process.stdout.readline() == b"one\n"
    process.communicate(b"\n", timeout=20)


def test_an_interruption_is_one_word_and_status_130(tmp_path: Path) -> None:
    endless = ("simulate", "--agents", "2000", "--steps", "5000", "--worlds", "64")
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "headwater", *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": FOLDERS},
        cwd=tmp_path,
    )
    assert process.stderr is not None
    # Import times are told one by one: the last module before the work begins is the study.
    for line in process.stderr:
        if line.rstrip().endswith(b"headwater_simulations.study"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    said = [line for line in errors.splitlines() if not line.startswith(b"import time:")]
    assert (process.returncode, out, said) == (130, b"", [b"Interrupted."])
