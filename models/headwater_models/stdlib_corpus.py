"""A real corpus that is already on the machine: the documentation inside the Python interpreter.

Every docstring of the standard library's public modules becomes one row, or several where it has
several paragraphs. Python sources are parsed and never imported; modules written in C are
imported, from a short list of those whose import does nothing but define names. Nothing is
downloaded, and for one interpreter the rows come out the same, in the same order, every time.
"""

import ast
import importlib
import inspect
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_EXCLUDED = (
    "__future__ antigravity distutils encodings ensurepip idlelib lib2to3 lib-dynload "
    "nturl2path pydoc_data site-packages test tests this tkinter turtle turtledemo venv"
)
EXCLUDED = frozenset(_EXCLUDED.split())
"""Left out: import jokes, drawing, the test suite, vendored copies and tables of encodings."""

BUILTIN_MODULES = (
    "array", "binascii", "builtins", "cmath", "errno", "gc", "itertools", "marshal", "math",
    "select", "sys", "time", "unicodedata", "zlib",
)  # fmt: skip
"""Modules written in C that document themselves and define nothing but names when imported."""

MIN_CHARS = 40
MAX_CHARS = 600
"""A row is one paragraph of a docstring of these lengths; a longer one is cut at a sentence."""

MIN_LETTER_SHARE = 0.6

_Definition: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`'\"(])")


@dataclass(frozen=True, slots=True)
class DocRow:
    """One paragraph of one docstring; `title` is `module.qualname`, `module` the contribution."""

    module: str
    title: str
    text: str


def standard_library_rows(max_rows_per_module: int = 60) -> list[DocRow]:
    """Every documented name of the running interpreter's standard library, module by module.

    A package and its submodules are one module here (`email.message` belongs to `email`). Of a
    large module the first `max_rows_per_module` rows are taken, so that no contribution dwarfs the
    others. Modules without a row are left out. Modules are in alphabetical order.
    """
    found = {name: rows for name in _module_names() if (rows := list(_rows_of(name)))}
    return [row for name in sorted(found) for row in found[name][:max_rows_per_module]]


def _module_names() -> list[str]:
    root = Path(sysconfig.get_path("stdlib"))
    paths = [path for path in root.iterdir() if path.suffix == ".py" or _is_package(path)]
    names = {path.stem for path in paths} & sys.stdlib_module_names
    public = {name for name in names if not name.startswith("_")} - EXCLUDED
    return sorted(public | set(BUILTIN_MODULES))


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


def _rows_of(module: str) -> Iterator[DocRow]:
    documented = _imported(module) if module in BUILTIN_MODULES else _parsed(module)
    for title, docstring in documented:
        for text in paragraphs(docstring):
            yield DocRow(module, title, text)


def paragraphs(docstring: str) -> Iterator[str]:
    """The prose paragraphs of a docstring, each on one line, between `MIN_CHARS` and `MAX_CHARS`.

    Interactive examples, tables and drawings are no prose and are left out.
    """
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        text = " ".join(block.split())
        if ">>>" in block or _letter_share(text) < MIN_LETTER_SHARE:
            continue
        if len(text) > MAX_CHARS:
            text = _first_sentences(text)
        if len(text) >= MIN_CHARS:
            yield text


def _letter_share(text: str) -> float:
    marks = [char for char in text if not char.isspace()]
    return sum(char.isalpha() for char in marks) / len(marks) if marks else 0.0


def _first_sentences(text: str) -> str:
    kept = ""
    for sentence in _SENTENCE_END.split(text):
        if kept and len(kept) + 1 + len(sentence) > MAX_CHARS:
            break
        kept = f"{kept} {sentence}".strip()
    return kept if len(kept) <= MAX_CHARS else kept[: MAX_CHARS + 1].rsplit(maxsplit=1)[0]


def _parsed(module: str) -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in _source_files(root, module):
        dotted = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # the library's own odd escapes
            tree = ast.parse(path.read_bytes())
        yield from _documented(dotted, tree)


def _source_files(root: Path, module: str) -> list[Path]:
    single = root / f"{module}.py"
    if single.is_file():
        return [single]
    package = root / module
    every = sorted(package.rglob("*.py"), key=lambda path: path.relative_to(package).parts)
    return [path for path in every if EXCLUDED.isdisjoint(path.relative_to(package).parts)]


def _documented(title: str, node: ast.Module | _Definition) -> Iterator[tuple[str, str]]:
    if docstring := ast.get_docstring(node):
        yield title, docstring
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in node.body:
        if isinstance(child, _Definition) and not child.name.startswith("_"):
            yield from _documented(f"{title}.{child.name}", child)


def _imported(module: str) -> Iterator[tuple[str, str]]:
    loaded = importlib.import_module(module)
    if loaded.__doc__:
        yield module, loaded.__doc__
    for name in sorted(vars(loaded)):
        # Programs put hooks of their own into `sys`, which keeps the interpreter's beside them.
        original: object = vars(loaded).get(f"__{name}__")
        member: object = original if callable(original) else vars(loaded)[name]
        if name.startswith("_") or not _is_own(member, module):
            continue
        if docstring := inspect.getdoc(member):
            yield f"{module}.{name}", docstring


def _is_own(member: object, module: str) -> bool:
    documented = inspect.isroutine(member) or inspect.isclass(member)
    return documented and getattr(member, "__module__", None) in (module, None)
