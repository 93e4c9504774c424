"""What is installed is what is meant to be: every package, its types and artifacts, and no more."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.pages import COMPONENTS, ROOT


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = Path(out).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_package_with_its_types(names: set[str]) -> None:
    for component in COMPONENTS:
        package = "headwater" if component == "cli" else f"headwater_{component}"
        assert {f"{package}/__init__.py", f"{package}/py.typed"} <= names


def test_the_wheel_holds_the_compiled_contracts_and_no_sources(names: set[str]) -> None:
    committed = ROOT / "contracts" / "headwater_contracts" / "artifacts"
    artifacts = {f"headwater_contracts/artifacts/{path.name}" for path in committed.glob("*.json")}
    assert len(artifacts) >= 7
    assert artifacts <= names
    assert [name for name in names if name.endswith(".sol")] == []


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    packages = {"headwater", *(f"headwater_{name}" for name in COMPONENTS if name != "cli")}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)
