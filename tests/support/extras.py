"""Which modules an installation with some of headwater's extras would lack."""

import functools
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement

from support.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@functools.cache
def installed_by(extras: tuple[str, ...]) -> frozenset[str]:
    """The distributions that the base and these extras bring, with all that they need."""
    optional = PROJECT["optional-dependencies"]
    queue = [(Requirement(text), "") for text in PROJECT["dependencies"]]
    queue += [(Requirement(text), "") for extra in extras for text in optional[extra]]
    seen: set[tuple[str, str]] = set()
    while queue:
        wanted, extra = queue.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = normal(wanted.name)
        for inner in ("", *wanted.extras):
            if (name, inner) in seen:
                continue
            seen.add((name, inner))
            if name == "headwater":
                queue += [(Requirement(text), "") for text in optional.get(inner, ())]
                continue
            try:
                queue += [(Requirement(text), inner) for text in requires(name) or ()]
            except PackageNotFoundError:
                continue
    return frozenset(name for name, _ in seen)


def named_by(text: str) -> tuple[str, ...]:
    """The extras that a page says to install: `pip install '.[one,two]'` or `headwater[one]`."""
    lists = re.findall(r"(?:pip install '\.|headwater)\[([\w,]+)\]", text)
    return tuple(sorted({extra for each in lists for extra in each.split(",")}))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def blocked_without(extras: tuple[str, ...]) -> list[str]:
    """The top-level modules of every installed distribution that these extras don't bring."""
    present = installed_by(extras)
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not any(normal(owner) in present or normal(owner) == "headwater" for owner in owners)
        and module not in sys.stdlib_module_names
    )
