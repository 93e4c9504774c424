"""The front door: help is quick and light, and whatever is wrong gets one sentence with a code."""

import subprocess
import sys

import pytest

import headwater


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headwater", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"headwater {headwater.__version__}\n"


def test_help_names_every_command() -> None:
    printed = run("--help")
    assert printed.returncode == 0
    for command in ("demo", "simulate", "attribution", "wallet", "chain"):
        assert command in printed.stdout


def test_without_arguments_the_help_is_shown() -> None:
    for arguments in ([], ["attribution"], ["chain"]):
        bare = run(*arguments)
        assert "Usage:" in bare.stdout + bare.stderr
        assert "error[" not in bare.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], "usage"),
        (["demo", "--nope"], "usage"),
        (["demo", "--seed", "abc"], "usage"),
        (["attribution", "verify"], "usage"),
        (["attribution", "verify", "no-such-file.json"], "invalid_input"),
        (["simulate", "--agents", "-5"], "invalid_input"),
        (["simulate", "--rule", "none"], "unknown_method"),
        (["chain", "up", "--port", "-1"], "usage"),
        (["chain", "up", "--fund", "0x12"], "invalid_input"),
    ],
)
def test_what_is_wrong_gets_one_sentence_with_a_code(arguments: list[str], code: str) -> None:
    done = run(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"error[{code}]: ")
    assert done.stderr.count("\n") == 1
