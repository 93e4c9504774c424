"""Documentation pages as programs: their blocks, in order, and what the blocks print."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COMPONENTS = (
    "payments",
    "contracts",
    "attribution",
    "wallet",
    "models",
    "marketplace",
    "agents",
    "simulations",
    "cli",
)

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*?$", re.DOTALL | re.MULTILINE)

# Runs one page's blocks in one namespace and reports what each printed, as JSON on the real stdout.
_RUNNER = """
import contextlib, io, json, sys, types
blocked, blocks = json.load(sys.stdin)
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
page = types.ModuleType("page")
sys.modules["page"] = page
printed = []
for line, code in blocks:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile("\\n" * line + code, "page", "exec"), page.__dict__)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` counts the lines before its first one."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page whose blocks are promised to run."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found += [ROOT / name / "README.md" for name in COMPONENTS]
    return [*found, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], text[: match.start(2)].count("\n"))
        for match in _FENCE.finditer(text)
    ]


def programs(page: Path) -> list[tuple[Block, str]]:
    """Each Python block with what it must print: the `text` block that follows it, or nothing."""
    found = blocks(page)
    return [
        (block, after.text if after is not None and after.language == "text" else "")
        for block, after in zip_longest(found, found[1:])
        if block.language == "python"
    ]


def run(code: list[Block], directory: Path, blocked: Sequence[str] = ()) -> list[str]:
    """Run blocks one after the other in one fresh interpreter; gives what each printed.

    Args:
        code: the blocks.
        directory: where they run.
        blocked: top-level modules that the interpreter takes for not installed.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", _RUNNER],
        input=json.dumps([list(blocked), [(block.line, block.text) for block in code]]),
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in COMPONENTS)},
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    printed: list[str] = json.loads(done.stdout)
    return printed
