"""The component's README runs, and its base pulls in no framework."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headwater_agents.named_models import chat_model
from headwater_payments.errors import InvalidInputError

README = Path(__file__).parents[2] / "agents" / "README.md"


def test_the_readme_example_prints_what_it_shows() -> None:
    found = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], str(README), "exec"), {"__name__": "readme"})
    assert printed.getvalue() == found[2]


def test_every_module_is_named_in_the_readme() -> None:
    modules = {path.stem for path in (README.parent / "headwater_agents").glob("*.py")}
    named = set(re.findall(r"`(\w+)`", README.read_text()))
    assert modules - named == {"__init__", "errors"}


def test_importing_the_base_imports_no_agent_framework() -> None:
    code = (
        "import sys, headwater_agents;"
        "print(sorted({'pydantic_ai', 'langgraph', 'langchain_core', 'httpx2', 'starlette'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_model_that_cannot_be_had_is_one_sentence() -> None:
    with pytest.raises(InvalidInputError) as caught:
        chat_model("nobody:nothing")
    assert "nobody:nothing" in caught.value.message
