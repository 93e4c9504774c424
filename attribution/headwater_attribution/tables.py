"""Tables for any terminal: where one would break words, its rows become lists of named values."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_UNBOUNDED = 100_000


def show_table(
    console: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    right: Iterable[str] = (),
) -> None:
    """Print a table, or below the width that it needs a paragraph for each row.

    Args:
        console: where to; its width decides.
        headings: of the columns; the first names a row and may be empty.
        rows: a cell for each heading, shown as it is: markup in a string means nothing.
        title: above it all.
        right: headings of columns that are aligned to the right.
    """
    table = Table(title=title or None, title_justify="left")
    aligned = set(right)
    for heading in headings:
        table.add_column(Text(heading), justify="right" if heading in aligned else "left")
    plain = console.options.ascii_only
    cells = [[_text(cell, plain) for cell in row] for row in rows]
    for row in cells:
        table.add_row(*row)
    options = console.options.update(width=_UNBOUNDED, max_width=_UNBOUNDED)
    if Measurement.get(console, options, table).minimum <= console.width:
        console.print(table)
        return
    if title:
        console.print(Text(title, style="italic"), soft_wrap=True)
    for first, *rest in cells:
        console.print(Text.assemble(f"{headings[0]} " if headings[0] else "", first, style="bold"))
        for heading, cell in zip(headings[1:], rest, strict=True):
            if cell.plain:
                console.print(Text.assemble(f"  {heading}: ", cell), soft_wrap=True)


def _text(cell: str | Text, plain: bool) -> Text:
    if isinstance(cell, Text):
        return cell
    if plain:
        # Columns are as wide as what is printed: replaced later, it would be too long for its own.
        cell = cell.replace("…", "...")
    # What is shown was chosen by others in part: it draws no lines and sends no control codes.
    return Text("".join(c if c.isprintable() else "?" for c in cell))
