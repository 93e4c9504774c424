"""With the base alone, a command that needs more names the extra to install, in one sentence."""

import json
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from headwater_contracts.chains import opening
from headwater_payments.errors import MissingExtraError, needing
from support.commands import headwater, told
from support.extras import PROJECT, blocked_without, installed_by

# Runs the program as if the modules named by the first argument were not installed.
_PROGRAM = """
import json, sys
blocked = set(json.loads(sys.argv.pop(1)))
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from headwater.main import main
main()
"""

NEEDS = [
    (("demo",), "demo"),
    (("simulate",), "simulations"),
    (("attribution", "verify", "bundle.json"), "attribution"),
    (("wallet", "budget", "postgresql://u@127.0.0.1:1/x"), "marketplace"),
]


def without(blocked: list[str]) -> tuple[str, ...]:
    return ("-c", _PROGRAM, json.dumps(blocked))


@pytest.mark.parametrize(("arguments", "extra"), NEEDS)
def test_a_command_names_the_extra_that_it_needs(
    arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    done = headwater(*arguments, start=without(blocked_without(())), cwd=tmp_path)
    assert told(done) == "missing_extra"
    assert f"pip install 'headwater[{extra}]'" in done.stderr.decode()


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("numpy", ("simulate",), "simulations"),
        ("rensa", ("attribution", "verify", "bundle.json"), "attribution"),
        ("numpy", ("attribution", "verify", "bundle.json"), "attribution"),
        ("sklearn", ("attribution", "calibrate", "--world", "digits"), "calibration"),
        ("pydantic_ai", ("demo",), "demo"),
        ("langgraph", ("demo",), "demo"),
        ("eth", ("demo",), "chain"),
        ("starlette", ("demo",), "demo"),
        ("uvicorn", ("demo",), "demo"),
        ("httpx2", ("demo",), "demo"),
    ],
)
def test_one_missing_package_is_named_with_its_extra(
    module: str, arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    done = headwater(*arguments, start=without([module]), cwd=tmp_path)
    assert told(done) == "missing_extra"
    assert f"the package {module}:" in done.stderr.decode()
    assert f"headwater[{extra}]" in done.stderr.decode()


@pytest.mark.parametrize(("arguments", "extra"), [(a, e) for a, e in NEEDS if a[0] != "wallet"])
def test_with_that_extra_the_command_gets_past_its_imports(
    arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    asked = (*arguments, "--rule", "none") if arguments[0] == "simulate" else arguments
    asked = (*asked, "--llm", "none") if arguments[0] == "demo" else asked
    done = headwater(*asked, start=without(blocked_without((extra,))), cwd=tmp_path)
    assert told(done) in ("unknown_method", "invalid_input")


def test_a_chain_to_start_needs_the_extra_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    monkeypatch.setattr(opening, "find_program", lambda _name: None)
    with pytest.raises(MissingExtraError) as refused:
        anyio.run(opening.start_development_chain)
    assert refused.value.line() == (
        "error[missing_extra]: An embedded chain needs the package eth: "
        "install it with headwater's extra 'chain', pip install 'headwater[chain]'."
    )


@pytest.mark.parametrize(
    ("module", "brought", "said"),
    [
        ("headwater.sandbox", (), "The sandbox needs the package eth"),
        ("headwater.sandbox", ("marketplace",), "The sandbox needs the package eth"),
        ("headwater.sandbox", ("chain",), "The sandbox needs the package uvicorn"),
        ("headwater_contracts.chains.local", (), "An embedded chain needs the package eth"),
    ],
)
def test_an_import_names_every_extra_that_it_needs(
    module: str, brought: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    program = _PROGRAM.replace("from headwater.main import main\nmain()", f"import {module}")
    start = ("-c", program, json.dumps(blocked_without(brought)))
    last = headwater(start=start, cwd=tmp_path).stderr.decode().splitlines()[-1]
    extras = "chain,marketplace" if module == "headwater.sandbox" else "chain"
    assert f"MissingExtraError: {said}: " in last
    assert f"pip install 'headwater[{extras}]'" in last


def test_a_module_of_our_own_that_is_missing_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError), needing("It", "chain"):
        import_module("headwater_payments.nothing")


def test_commands_that_need_no_extra_run_without_any(tmp_path: Path) -> None:
    start = without(blocked_without(()))
    for arguments in (("--help",), ("chain", "addresses"), ("wallet", "--help")):
        assert headwater(*arguments, start=start, cwd=tmp_path).returncode == 0
    assert told(headwater("wallet", "budget", "x.db", start=start, cwd=tmp_path)) == "invalid_input"


def test_every_extra_that_is_named_is_one_of_the_distribution() -> None:
    from headwater.main import PARTS

    for part in PARTS.values():
        assert part.extra in PROJECT["optional-dependencies"]
        assert installed_by((part.extra,)) > installed_by(())
