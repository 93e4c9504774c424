"""The repository as a whole: nothing private in it, nothing missing from it."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import headwater
from support.pages import COMPONENTS, ROOT

# Spelled in pieces, so that this file passes its own test.
_HOSTS = ("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "test" + r"\.pypi")
_PRIVATE = ("/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/", r"C:\\" + "Users")
FORBIDDEN = re.compile(
    "|".join((*_HOSTS, *(rf"(?<![\w.]){path}" for path in _PRIVATE))), re.IGNORECASE
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{36}\b|\bsk-[A-Za-z0-9]{32,}"
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked_files():
        try:
            found.append((path.relative_to(ROOT), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    assert len(found) > 200, "the walk over the repository found too little to mean anything"
    return found


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    named = [
        f"{path}: {match.group()}" for path, text in texts() if (match := FORBIDDEN.search(text))
    ]
    assert named == []


def test_no_file_holds_a_secret() -> None:
    assert [str(path) for path, text in texts() if SECRET.search(text)] == []


def test_the_patterns_find_what_they_are_made_for() -> None:
    for bad in ("https://pypi" + ".org/simple", "see /ho" + "me/ada/x", "at /wo" + "rk/main"):
        assert FORBIDDEN.search(bad)
    for good in ("homework/root", "docs/home/", "https://example.org/work/1"):
        assert not FORBIDDEN.search(good)
    assert SECRET.search("-----BEGIN EC PRIVATE" + " KEY-----")


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for name, least in (("demo", 60), ("dev", 60), ("torch", 30)):
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert "://" not in text
        pinned = re.findall(r"^[a-z0-9][\w.\-\[\],]*==\S+.*\\$", text, re.MULTILINE)
        assert len(pinned) > least
        assert text.count("--hash=sha256:") >= len(pinned)
        assert len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) == len(pinned)
    lock = json.loads((ROOT / "contracts/solidity/package-lock.json").read_text("utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert len(packages) > 5
    assert all("integrity" in entry and "resolved" not in entry for entry in packages)


def test_what_the_demonstration_runs_on_is_what_was_tested() -> None:
    demo, dev = (pins(name) for name in ("demo", "dev"))
    assert demo <= dev
    assert {pin for pin in pins("torch") if pin.startswith(("numpy==", "pydantic=="))} <= dev
    assert dev - demo


def pins(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9][^ \\;]*==[^ \\;]+)", text, re.MULTILINE))


def test_every_dependency_is_pinned() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = {*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)}
    names = {re.split(r"[\[<>=;! ]", each)[0].lower() for each in wanted} - {"headwater"}
    assert names <= {pin.split("==")[0].split("[")[0] for pin in pins("dev") | pins("torch")}


def test_every_component_has_a_sign_on_its_door_and_types() -> None:
    for name in COMPONENTS:
        package = ROOT / name / ("headwater" if name == "cli" else f"headwater_{name}")
        assert (ROOT / name / "README.md").is_file(), f"{name} has no README.md"
        assert (package / "py.typed").is_file(), f"{name} has no py.typed"
        assert (package / "__init__.py").is_file()


def test_the_version_is_the_same_everywhere() -> None:
    assert headwater.__version__ == PROJECT["project"]["version"]
    assert PROJECT["project"]["version"] in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_build_names_every_component_once() -> None:
    build = PROJECT["tool"]["hatch"]["build"]
    assert sorted(build["dev-mode-dirs"]) == sorted(COMPONENTS)
    packages = build["targets"]["wheel"]["packages"]
    assert sorted(each.split("/")[0] for each in packages) == sorted(COMPONENTS)


def test_the_licence_and_the_continuous_check_are_in_place() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert "make test" in (ROOT / ".ci/run").read_text("utf-8")
