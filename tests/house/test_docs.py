"""The documentation is true: it runs, prints what it shows, and its links lead somewhere."""

import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
import typer

from headwater_payments.errors import HeadwaterError
from support.pages import ROOT, blocks, pages, programs, run

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
RUNNING = [each for each in PAGES if programs(each.values[0])]  # type: ignore[arg-type]
TREES = {
    "headwater_agents.errors",
    "headwater_attribution.errors",
    "headwater_models.errors",
    "headwater_simulations.errors",
    "headwater_wallet.errors",
}


@pytest.mark.parametrize("page", RUNNING)
def test_every_python_block_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    wanted = programs(page)
    assert run([block for block, _ in wanted], tmp_path) == [text for _, text in wanted]


def test_the_pages_that_matter_most_have_programs() -> None:
    names = {each.id for each in RUNNING}
    readmes = {f"{page.parent.name}/README.md" for page in ROOT.glob("*/README.md")}
    assert {"README.md", "docs/tutorial/first-paid-call.md"} <= names
    assert readmes - {"benchmarks/README.md", "examples/README.md"} <= names


@pytest.mark.parametrize("page", PAGES)
def test_every_headwater_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for block in blocks(page):
        if block.language != "bash":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["headwater"]:
                check_command(words[1:])


def check_command(words: list[str]) -> None:
    """Follow subcommands as far as they go; every option that is named must be one."""
    from headwater.main import app

    command: click.Command = typer.main.get_command(app)
    context = click.Context(command, info_name="headwater")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    known = {
        name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)
    }
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in known, f"{command.name} has no option {word}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_or_a_heading_leads_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(linked), f"{target} names no heading"


def anchors(page: Path) -> set[str]:
    """The ids that headings get, and those that are written out."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[\s-]+", "-", slug) for slug in slugs} | set(re.findall(r'id="([^"]+)"', text))


@pytest.mark.parametrize("module", sorted(TREES))
def test_the_error_tree_that_is_drawn_is_the_tree_of_classes(module: str) -> None:
    loaded = import_module(module)
    drawn = drawn_tree(inspect.getdoc(loaded) or "")
    defined = {
        name: cls
        for name, cls in vars(loaded).items()
        if isinstance(cls, type) and issubclass(cls, HeadwaterError) and cls.__module__ == module
    }
    assert set(defined) <= set(drawn)
    for name, parent in drawn.items():
        cls = defined.get(name) or getattr(loaded, name)
        if parent is not None:
            assert cls.__base__ is not None
            assert cls.__base__.__name__ == parent, f"{name} is drawn below {parent}"


def drawn_tree(text: str) -> dict[str, str | None]:
    """Class name → name of the class it is drawn below."""
    tree: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"^([ │├└─]*)([A-Z]\w*Error)\b", line)
        if match is None:
            continue
        depth, name = len(match[1]), match[2]
        above = [each for each in above if each[0] < depth]
        tree[name] = above[-1][1] if above else None
        above.append((depth, name))
    return tree
