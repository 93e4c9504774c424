"""The documentation is true: it runs, prints what it shows, and its links lead somewhere."""

import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from headwater_payments.errors import HeadwaterError
from support import reference
from support.extras import blocked_without, named_by
from support.pages import COMPONENTS, ROOT, blocks, pages, programs, run

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
RUNNING = [each for each in PAGES if programs(each.values[0])]  # type: ignore[arg-type]
TREES = sorted(
    module
    for module in reference.all_modules()
    if re.search(r"[├└]── \w+Error", import_module(module).__doc__ or "")
)


@pytest.mark.parametrize("page", RUNNING)
def test_every_python_block_prints_what_the_page_shows_with_the_extras_that_it_names(
    page: Path, tmp_path: Path
) -> None:
    wanted = programs(page)
    blocked = blocked_without(named_by(page.read_text("utf-8")))
    assert run([block for block, _ in wanted], tmp_path, blocked) == [text for _, text in wanted]


def test_the_pages_that_matter_most_have_programs() -> None:
    names = {each.id for each in RUNNING}
    assert {"README.md", "docs/tutorial/first-paid-call.md"} <= names
    assert {f"{component}/README.md" for component in COMPONENTS} <= names


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
    """The command exists, and every option that is named is one of its own."""
    command, rest = reference.find_command(words)
    options = reference.options_of(command)
    known = {name for each in options for name in (*each.opts, *each.secondary_opts, "--help")}
    assert {word.split("=")[0] for word in rest if word.startswith("-")} <= known


def test_a_command_that_does_not_exist_is_found_out() -> None:
    check_command(["simulate", "--agents", "10"])
    for wrong in (["sim"], ["simulate", "--agent", "10"], ["attribution", "verifies"]):
        with pytest.raises((AssertionError, LookupError)):
            check_command(wrong)


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_reference_is_what_the_code_says(page: str) -> None:
    assert (reference.FOLDER / page).read_text("utf-8") == reference.PAGES[page]()


def test_no_two_kinds_of_error_share_a_code() -> None:
    codes = [cls.__dict__["code"] for cls in reference.error_classes() if "code" in cls.__dict__]
    assert len(codes) > 30
    assert sorted(codes) == sorted(set(codes))


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


def test_the_trees_were_found() -> None:
    assert len(TREES) >= 5


@pytest.mark.parametrize("module", TREES)
def test_the_error_tree_that_is_drawn_is_the_tree_of_classes(module: str) -> None:
    loaded = import_module(module)
    drawn = drawn_tree(inspect.getdoc(loaded) or "")
    classes = {cls.__name__: cls for cls in reference.error_classes()}
    defined = {
        name: cls
        for name, cls in vars(loaded).items()
        if isinstance(cls, type) and issubclass(cls, HeadwaterError) and cls.__module__ == module
    }
    assert set(defined) <= set(drawn), "the drawing leaves out a class"
    for name, parent in drawn.items():
        if parent is not None:
            base = classes[name].__base__
            assert base is not None
            assert base.__name__ == parent, f"{name} is drawn below {parent}"


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
