"""Compile the Solidity sources and write the artifacts, or check that they are what is committed.

python -m headwater_contracts.build            write artifacts/*.json
python -m headwater_contracts.build --check    exit 1 if any differs, naming it
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from headwater_contracts.artifacts import CONTRACTS, load_artifact
from headwater_contracts.toolchain import SOLIDITY_ROOT, find_program
from headwater_payments.errors import HeadwaterError, UnavailableError

ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
REFUSALS = Path(__file__).resolve().parent / "refusals"
DEPLOYMENTS = Path(__file__).resolve().parent / "deployments"


def compile_artifacts() -> dict[str, str]:
    """Compile everything anew and give each artifact's JSON text by contract name.

    Raises:
        UnavailableError: the toolchain is not installed, or the sources do not compile.
    """
    forge = find_program("forge")
    if forge is None:
        raise UnavailableError(
            "forge is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
        )
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        done = subprocess.run(  # noqa: S603 - the pinned compiler on our own sources
            [forge, "build", "src", "--force", "--out", out, "--cache-path", f"{scratch}/cache"],
            cwd=SOLIDITY_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise UnavailableError(f"The contracts do not compile: {done.stdout}{done.stderr}")
        return {name: _artifact_text(out / f"{name}.sol" / f"{name}.json") for name in CONTRACTS}


def write_artifacts() -> list[str]:
    """Write every artifact that changed; gives their names."""
    changed = []
    ARTIFACTS.mkdir(exist_ok=True)
    for name, text in compile_artifacts().items():
        file = ARTIFACTS / f"{name}.json"
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            changed.append(name)
    return changed


def write_refusals() -> list[str]:
    """Write the classes of the contracts' errors; gives the modules that changed."""
    from headwater_contracts.refusal_classes import refusal_modules

    changed = []
    REFUSALS.mkdir(exist_ok=True)
    for name, text in refusal_modules().items():
        file = REFUSALS / name
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            changed.append(f"{REFUSALS.name}/{name}")
    return changed


def write_deployments() -> list[str]:
    """Write the addresses on public chains, which follow from the artifacts; gives what changed."""
    from headwater_contracts.deployments.plan import DeploymentPlan
    from headwater_contracts.deployments.public import (
        deployment_text,
        public_chains,
        public_deployment,
    )

    changed = []
    for chain_id in public_chains():
        file = DEPLOYMENTS / f"{chain_id}.json"
        name = json.loads(file.read_text("utf-8"))["name"]
        text = deployment_text(DeploymentPlan(public_deployment(chain_id)).deployment, name)
        if file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            changed.append(file.name)
    return changed


def stale_artifacts() -> list[str]:
    """The names of the artifacts that differ from what the sources compile to."""
    return [
        name
        for name, text in compile_artifacts().items()
        if not (ARTIFACTS / f"{name}.json").is_file()
        or (ARTIFACTS / f"{name}.json").read_text("utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m headwater_contracts.build")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        names = stale_artifacts() if options.check else _written()
    except HeadwaterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    if options.check and names:
        sys.stderr.write(
            f"Stale artifacts: {', '.join(names)}. Run `python -m headwater_contracts.build`.\n"
        )
        return 1
    sys.stdout.write(f"{'changed' if names else 'unchanged'}: {', '.join(names or CONTRACTS)}\n")
    return 0


def _written() -> list[str]:
    changed = write_artifacts()
    # What was read of the artifacts before they changed is not what is made from them.
    load_artifact.cache_clear()
    return changed + write_refusals() + write_deployments()


def _artifact_text(compiled: Path) -> str:
    fields = json.loads(compiled.read_text("utf-8"))
    metadata = fields["metadata"]
    sources = {path: source["keccak256"] for path, source in sorted(metadata["sources"].items())}
    settings = metadata["settings"]
    artifact = {
        "contract": compiled.stem,
        "compiler": {
            "version": metadata["compiler"]["version"],
            "evmVersion": settings["evmVersion"],
            "optimizer": settings["optimizer"],
        },
        "sourceHash": hashlib.sha256(json.dumps(sources).encode()).hexdigest(),
        "abi": fields["abi"],
        "bytecode": fields["bytecode"]["object"],
    }
    return json.dumps(artifact, indent=1) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
