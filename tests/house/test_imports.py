"""Importing is cheap, quiet and needs no more than the extra that is named for it.

The distributions that an extra brings are computed from `pyproject.toml` and from the metadata of
what is installed; the modules of all others are blocked in a fresh interpreter, as if missing.
"""

import json
import os
import subprocess
import sys

import pytest

from support.extras import blocked_without
from support.pages import COMPONENTS, ROOT

NEEDS = {
    "headwater_payments": (),
    "headwater_contracts": (),
    "headwater_wallet": (),
    "headwater_attribution": ("attribution",),
    "headwater_models": ("attribution",),
    "headwater_marketplace": ("marketplace",),
    "headwater_agents": ("agents",),
    "headwater_simulations": ("simulations",),
    "headwater": ("demo",),
}
"""The extras that a package's modules need."""

ALSO = {
    "headwater_attribution.bundle_tables": ("parquet",),
    "headwater_attribution.calibration.digits": ("calibration",),
    "headwater_contracts.chains.evm": ("chain",),
    "headwater_contracts.chains.evm_calls": ("chain",),
    "headwater_contracts.chains.evm_machine": ("chain",),
    "headwater_contracts.chains.evm_records": ("chain",),
    "headwater_contracts.chains.local": ("chain",),
    "headwater_contracts.chains.rpc": ("chain",),
    "headwater_contracts.chains.rpc_params": ("chain",),
    "headwater_contracts.chains.rpc_shapes": ("chain",),
    "headwater_simulations.reinforcement": ("reinforcement",),
    "headwater_simulations.stack.ground": ("chain", "marketplace"),
    "headwater_simulations.stack.replay": ("chain", "marketplace"),
    "headwater_simulations.stack.selling": ("chain", "marketplace"),
    "headwater_simulations.stack.settling": ("chain", "marketplace"),
    "headwater_simulations.stack.street": ("agents", "chain", "marketplace"),
    "headwater_simulations.stack.talking": ("agents", "chain", "marketplace"),
    "headwater_wallet.blocking_httpx2": ("agents",),
    "headwater_wallet.transport_httpx2": ("agents",),
}
"""Modules that need more than the rest of their package, and say so in its README."""

ELSEWHERE = {
    "headwater_attribution.calibration.transformer": ("adapters",),
    "headwater_attribution.influence.adapters": ("adapters",),
}
"""Modules whose extra is not in the development environment; `make test-torch` imports them."""

HEAVY = ("eth", "langchain_core", "langgraph", "numba", "numpy", "pydantic_ai", "starlette", "web3")

# Blocks top-level modules, imports each module, and reports which failed and why.
_PROBE = """
import importlib, json, sys
from headwater_payments.errors import MissingExtraError
blocked, wanted = json.load(sys.stdin)
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
failed = {}
for name in wanted:
    try:
        importlib.import_module(name)
    except (ModuleNotFoundError, MissingExtraError) as error:
        failed[name] = str(error)
json.dump(failed, sys.stdout)
"""

# Records what importing does to the world: sockets, threads, an event loop policy, other modules.
_QUIET = """
import json, sys, threading
import asyncio, http.client, socket, ssl
def patchable():
    return (
        socket.socket, ssl.SSLContext, http.client.HTTPConnection.request,
        asyncio.run, asyncio.get_event_loop_policy(), asyncio.new_event_loop, open, print,
    )
opened, before = [], patchable()
sys.addaudithook(lambda event, _: opened.append(event))
for name in json.load(sys.stdin):
    __import__(name)
json.dump({
    "sockets": sorted({"socket.connect", "socket.getaddrinfo", "socket.sendto"} & set(opened)),
    "patched": [str(old) for old, new in zip(before, patchable()) if old is not new],
    "threads": threading.active_count(),
    "nested loops": "nest_asyncio" in sys.modules,
}, sys.stdout)
"""


def python(code: str, given: object = None, *arguments: str) -> str:
    """Run code in a fresh interpreter with the components' folders on its path."""
    paths = os.pathsep.join(str(ROOT / name) for name in COMPONENTS)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules(package: str) -> list[str]:
    """Every module of a package, but those that are run and not imported."""
    folder = "cli" if package == "headwater" else package.removeprefix("headwater_")
    root = ROOT / folder
    names = (
        path.relative_to(root).with_suffix("").parts for path in (root / package).rglob("*.py")
    )
    dotted = {".".join(parts).removesuffix(".__init__") for parts in names}
    return sorted(name for name in dotted if not name.endswith(("__main__", "migrations.env")))


def failures(names: list[str], extras: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = json.loads(python(_PROBE, (blocked_without(extras), names)))
    return found


@pytest.mark.parametrize("package", NEEDS)
def test_a_package_imports_with_only_its_own_extra(package: str) -> None:
    names = [name for name in modules(package) if name not in ALSO | ELSEWHERE]
    assert len(names) > 3
    assert failures(names, NEEDS[package]) == {}


@pytest.mark.parametrize(
    ("package", "more"), sorted({(n.partition(".")[0], ALSO[n]) for n in ALSO})
)
def test_modules_that_need_more_import_with_it_and_not_without(
    package: str, more: tuple[str, ...]
) -> None:
    names = [n for n in ALSO if n.partition(".")[0] == package and ALSO[n] == more]
    assert failures(names, NEEDS[package] + more) == {}
    assert failures(names, NEEDS[package]).keys() == set(names)


@pytest.mark.parametrize("module", ELSEWHERE)
def test_a_module_whose_extra_is_not_here_names_the_extra(module: str) -> None:
    everywhere = ("demo", "attribution")
    assert "headwater[adapters]" in failures([module], everywhere)[module]


def test_blocking_really_blocks() -> None:
    assert "numpy" in blocked_without(())
    assert "starlette" in blocked_without(("attribution",))
    assert "pydantic" not in blocked_without(())
    assert "headwater_attribution.rules" in failures(["headwater_attribution.rules"], ())


@pytest.mark.parametrize(
    "package", ["headwater", "headwater_payments", "headwater_contracts", "headwater_wallet"]
)
def test_importing_a_base_package_loads_nothing_heavy(package: str) -> None:
    code = "import sys, json; __import__(sys.argv[1]); json.dump(sorted(sys.modules), sys.stdout)"
    loaded = json.loads(python(code, None, package))
    assert package in loaded
    assert set(HEAVY) & set(loaded) == set()


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import json, sys; sys.argv = ['headwater', '--help']\n"
        "from headwater.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    *shown, loaded = python(code).splitlines()
    assert "simulate" in "\n".join(shown)
    assert set(HEAVY) & set(json.loads(loaded)) == set()


def test_importing_everything_opens_no_connection_and_patches_nothing() -> None:
    names = [name for each in NEEDS for name in modules(each) if name not in ELSEWHERE]
    assert len(names) > 150
    seen = json.loads(python(_QUIET, names))
    assert seen == {"sockets": [], "patched": [], "threads": 1, "nested loops": False}
