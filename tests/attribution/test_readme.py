import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPONENTS = ["attribution", "simulations"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_example_prints_what_the_readme_says(component: str) -> None:
    text = (ROOT / component / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    program, printed = found.groups()
    path = [str(ROOT / folder) for folder in ("payments", "attribution", "simulations")]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == printed
