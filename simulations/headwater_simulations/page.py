"""One HTML page with figures that needs nothing else: the drawing library is inside."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from plotly import io as plotly_io

from headwater_payments.errors import InvalidInputError

_HEAD: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1c2733; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid #d5dce3; padding: .3rem .6rem; text-align: right; }}
th:first-child, td:first-child, td:last-child, th:last-child {{ text-align: left; }}
pre {{ background: #f3f5f7; padding: 1rem; overflow-x: auto; }}
</style></head><body>
"""


def html_page(title: str, parts: Sequence[str], figures: Sequence[Any], plan: object) -> str:
    """A page: its title, parts that are HTML, plotly figures, and what it was made from as JSON."""
    name = html.escape(title)
    told = [_HEAD.format(title=name), f"<h1>{name}</h1>", *parts]
    for number, figure in enumerate(figures):
        # The first carries the drawing library, so the page works without a network.
        told.append(plotly_io.to_html(figure, full_html=False, include_plotlyjs=number == 0))
    made = html.escape(json.dumps(plan, indent=1))
    return "".join([*told, f"<h2>Plan</h2><pre>{made}</pre></body></html>\n"])


def html_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; its cells are text."""
    lines = ["<table><tr>", *(f"<th>{html.escape(head)}</th>" for head in heads), "</tr>"]
    for row in rows:
        lines += ["<tr>", *(f"<td>{html.escape(str(cell))}</td>" for cell in row), "</tr>"]
    return "".join([*lines, "</table>"])


def write_page(page: Path, text: str, card: Mapping[str, Any]) -> Path:
    """Write a page, and its scorecard beside it.

    Returns:
        Where the scorecard is: the page's name with `.json`.

    Raises:
        InvalidInputError: they cannot be written.
    """
    beside = page.with_suffix(".json")
    try:
        page.write_text(text, "utf-8")
        beside.write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    except OSError as exc:
        raise InvalidInputError(f"{page} cannot be written: {exc.strerror}.") from exc
    return beside
