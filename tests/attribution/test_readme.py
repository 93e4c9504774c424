import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPONENTS = ["attribution", "simulations"]
PATH = [str(ROOT / folder) for folder in ("payments", *COMPONENTS)]


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_example_prints_what_the_readme_says(component: str) -> None:
    text = (ROOT / component / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    program, printed = found.groups()
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {PATH!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == printed


def test_the_command_lines_load_nothing_heavy_until_a_command_runs() -> None:
    program = (
        f"import sys; sys.path[:0] = {PATH!r}\n"
        "import headwater_attribution.cli, headwater_simulations.cli\n"
        "print(*sorted({'numpy', 'rensa', 'web3'} & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""
