"""The docstrings of the running interpreter, one contribution for each standard module."""

import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from headwater_attribution.admission import Contribution
from headwater_payments.address import parse_address

_NOT_IMPORTED = {"antigravity", "idlelib", "lib2to3", "test", "this", "tkinter", "turtle"}


@cache
def standard_library() -> tuple[Contribution, ...]:
    """One contribution for each importable public module with 5 documented objects or more.

    A row is one docstring of 5 words or more, of an object that the module itself defines. Rows are
    distinct within a module; between modules they repeat wherever the library repeats itself.
    """
    contributions: list[Contribution] = []
    for module in _modules():
        rows = tuple(dict.fromkeys(_docstrings(module)))
        if len(rows) >= 5:
            number = len(contributions)
            owner = parse_address(f"0x{number + 1:040x}")
            contributions.append(Contribution(number, owner, "PSF-2.0", rows))
    return tuple(contributions)


def _modules() -> Iterator[ModuleType]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names):
            if name.startswith("_") or name in _NOT_IMPORTED:
                continue
            try:
                yield importlib.import_module(name)
            except ImportError:
                continue


def _docstrings(module: ModuleType) -> Iterator[str]:
    for documented in _documented(module):
        text = inspect.getdoc(documented)
        if text and len(text.split()) >= 5:
            yield text.strip()


def _documented(module: ModuleType) -> Iterator[object]:
    yield module
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            yield value
            yield from (
                member
                for key, member in sorted(vars(value).items())
                if not key.startswith("_") and _has_own_docstring(member)
            )
        elif callable(value):
            yield value


def _has_own_docstring(member: object) -> bool:
    described = callable(member) or isinstance(member, property | classmethod | staticmethod)
    return described and bool(getattr(member, "__doc__", None))
