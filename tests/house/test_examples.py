"""The examples run, and arrive where their text says."""

import os
import subprocess
import sys

import pytest

from headwater_contracts.toolchain import find_program
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
    assert run(name)[-1] == LAST_LINES[name]


def test_the_dispute_ends_alike_on_anvil() -> None:
    if find_program("anvil") is None:
        if os.environ.get("HEADWATER_REQUIRE_ANVIL") == "1":
            pytest.fail("anvil is required and not installed")
        pytest.skip("anvil is not installed")
    assert run("dispute_a_share.py", "--anvil")[-1] == LAST_LINES["dispute_a_share.py"]


def run(name: str, *arguments: str) -> list[str]:
    """The lines that an example prints."""
    paths = os.pathsep.join(str(ROOT / component) for component in COMPONENTS)
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
