"""The examples run, and arrive where their text says."""

import os
import subprocess
import sys

import pytest

from support.pages import COMPONENTS, ROOT

LAST_LINES = {
    "sell_a_function.py": "on chain: 0.000200 USDC",
    "dispute_a_share.py": "the challenger gained 391,666, the insurance 585,500",
    "official_client.py": "on chain: 0.002000 USDC",
}


def test_every_example_is_checked() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(LAST_LINES)


@pytest.mark.parametrize("name", LAST_LINES)
def test_an_example_runs_to_its_end(name: str) -> None:
    paths = os.pathsep.join(str(ROOT / component) for component in COMPONENTS)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == LAST_LINES[name]
