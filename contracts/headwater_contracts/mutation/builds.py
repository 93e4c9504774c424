"""A copy of the Solidity project that holds all mutants, compiled once."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from headwater_contracts.mutation.mutants import Mutant, Node, mutants_of
from headwater_contracts.mutation.schemata import mutants_within, readable_everywhere, schema_of
from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program
from headwater_payments.errors import UnavailableError
from headwater_payments.json_text import read_json

_COPIED: Final = ("src", "test", "foundry.toml")
_LINKED: Final = ("node_modules", "tools")
# The switches make contracts longer than a chain would take.
_SIZE_LIMIT: Final = "10000000"


class SourceLocation(BaseModel):
    """Where the compiler found something, in bytes."""

    file: str
    start: int
    end: int


class Diagnostic(BaseModel):
    """An error or warning of the compiler."""

    severity: str
    message: str
    sourceLocation: SourceLocation | None = None  # noqa: N815 - the compiler's name


class BuildOutput(BaseModel):
    """What forge says of a build, as far as it is read here."""

    errors: tuple[Diagnostic, ...] = ()


def all_mutants(sources: Sequence[str], root: Path = SOLIDITY_ROOT) -> list[Mutant]:
    """Every mutant of these sources, source by source.

    Raises:
        UnavailableError: the compiler is not installed or failed.
    """
    texts = {name: (root / "src" / f"{name}.sol").read_text("utf-8") for name in sources}
    trees = _syntax_trees(texts, root)
    return [mutant for name in sources for mutant in mutants_of(name, texts[name], trees[name])]


class Build:
    """Mutants by number, from 1, in one build in the folder `scratch`."""

    def __init__(
        self, mutants: Sequence[Mutant], scratch: Path, root: Path = SOLIDITY_ROOT
    ) -> None:
        forge = find_program("forge")
        if forge is None:
            raise UnavailableError(
                "forge is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
            )
        self._forge = forge
        self._root = root
        self._scratch = scratch
        self.mutants: dict[int, Mutant] = dict(enumerate(mutants, 1))
        self.invalid: list[Mutant] = []
        """What does not compile, and so says nothing of the tests."""

    def compile(self) -> None:
        """Copy, write and compile; a mutant that the compiler refuses is taken out.

        Raises:
            UnavailableError: it does not compile for another reason.
        """
        for name in _COPIED:
            source = self._root / name
            if source.is_dir():
                shutil.copytree(source, self._scratch / name)
            else:
                shutil.copyfile(source, self._scratch / name)
        for name in _LINKED:
            (self._scratch / name).symlink_to(self._root / name)
        for file in [*self._scratch.glob("src/*.sol"), *self._scratch.glob("test/*.sol")]:
            file.write_text(readable_everywhere(file.read_text("utf-8")), "utf-8")
        while not self._compiled():
            pass

    def test(self, number: int, *arguments: str) -> bool:
        """Whether the tests pass with this mutant, 0 for none of them."""
        coinbase = f"0x{number:040x}"
        run = self._run("test", "--block-coinbase", coinbase, "--fail-fast", *arguments)
        if "Ran " not in run.stdout:
            raise UnavailableError(f"forge ran no test: {(run.stdout + run.stderr)[-800:]}")
        return run.returncode == 0

    def _compiled(self) -> bool:
        by_source: dict[str, dict[int, Mutant]] = {}
        for number, mutant in self.mutants.items():
            by_source.setdefault(mutant.source, {})[number] = mutant
        # A source whose last mutant was taken out is written once more, without.
        for source in by_source.keys() | {mutant.source for mutant in self.invalid}:
            original = (self._root / "src" / f"{source}.sol").read_text("utf-8")
            schema = schema_of(original, by_source.get(source, {}))
            (self._scratch / "src" / f"{source}.sol").write_text(
                readable_everywhere(schema), "utf-8"
            )
        # With this option forge exits with 0 whatever the compiler said.
        run = self._run("build", "--json")
        output = BuildOutput.model_validate(read_json(run.stdout))
        if not any(error.severity == "error" for error in output.errors):
            return True
        refused = self._refused(output)
        if not refused:
            raise UnavailableError(f"The mutants do not compile: {run.stdout[-2000:]}")
        for number in refused:
            self.invalid.append(self.mutants.pop(number))
        return False

    def _refused(self, output: BuildOutput) -> set[int]:
        refused: set[int] = set()
        for error in output.errors:
            where = error.sourceLocation
            if error.severity == "error" and where and where.file.startswith("src/"):
                text = (self._scratch / where.file).read_text("utf-8")
                numbers = mutants_within(text, where.start, where.end)
                refused |= {number for number in numbers if number in self.mutants}
        return refused

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # Fewer runs than in the tests proper: a mutant that only thousands find is a survivor.
        env = {
            **os.environ,
            "FOUNDRY_FUZZ_RUNS": "64",
            "FOUNDRY_INVARIANT_RUNS": "16",
            "FOUNDRY_CODE_SIZE_LIMIT": _SIZE_LIMIT,
            "FOUNDRY_DENY": "never",
            "FORGE_SNAPSHOT_CHECK": "false",
        }
        return subprocess.run(  # noqa: S603 - the pinned tools on our own sources
            [str(self._forge), *arguments],
            cwd=self._scratch,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


def _syntax_trees(texts: Mapping[str, str], root: Path) -> dict[str, Node]:
    request = {
        "language": "Solidity",
        "sources": {f"src/{name}.sol": {"content": text} for name, text in texts.items()},
        "settings": {"stopAfter": "parsing", "outputSelection": {"*": {"": ["ast"]}}},
    }
    try:
        run = subprocess.run(  # noqa: S603 - the pinned compiler on our own sources
            [str(root / "tools" / "solc"), "--standard-json"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as exc:
        raise UnavailableError(f"The compiler cannot be run: {exc.strerror}.") from exc
    if run.returncode != 0:
        raise UnavailableError(f"The compiler failed: {run.stderr[-800:]}")
    parsed = _Parsed.model_validate(read_json(run.stdout))
    return {name: parsed.sources[f"src/{name}.sol"].ast for name in texts}


class _Tree(BaseModel):
    ast: dict[str, object]


class _Parsed(BaseModel):
    sources: dict[str, _Tree]
