"""The component's README runs and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[2] / "models" / "README.md"


def test_the_readme_example_prints_what_it_shows() -> None:
    found = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], str(README), "exec"), {"__name__": "readme"})
    assert printed.getvalue() == found[2]
