"""An explanation on a terminal."""

from rich.console import Console
from rich.text import Text

from headwater_attribution.attribution import Share
from headwater_attribution.explanation import Explanation
from headwater_attribution.tables import show_table
from headwater_payments.split import PARTS


def show_explanation(explained: Explanation, console: Console | None = None) -> None:
    """Print it: the words with their rows, the shares by channel, the money."""
    console = console or Console()
    for name, text in (("asked", explained.prompt), ("answered", explained.answer)):
        console.print(Text(f"{name}: {_printable(text)}"), soft_wrap=True)
    words = [
        (each.channel, str(each.row), str(each.contribution_id), each.contributor, each.words)
        for each in explained.caused
    ]
    if words:
        headings = ("cause", "row", "contribution", "contributor", "words")
        show_table(console, headings, words, title="Which rows caused which words")
    else:
        console.print("No row is shown to have caused words of it.")
    weights = sum(weight for _, weight, _ in explained.channels)
    rows = [
        (f"{method}, weight {weight / weights:.0%}", str(share.contribution_id), *_parts(share))
        for method, weight, attribution in explained.channels
        for share in attribution.shares
    ]
    rows += [
        ("joined", str(share.contribution_id), *_parts(share)) for share in explained.joined.shares
    ]
    rows.append(("joined", "unattributed", f"{explained.joined.unattributed / PARTS:.2%}", "", ""))
    headings = ("channel", "contribution", "share", "low", "high")
    show_table(console, headings, rows, title="Shares", right=headings[2:])
    money = [(str(who), str(amount)) for who, amount in sorted(explained.earned.items())]
    money.append(("nobody", str(explained.unattributed)))
    title = f"Of {explained.charge} atomic units paid, {explained.pool} were for contributors"
    show_table(console, ("account", "earned"), money, title=title, right=("earned",))


def _parts(share: Share) -> tuple[str, str, str]:
    return _percent(share.parts), _percent(share.low), _percent(share.high)


def _percent(parts: int) -> str:
    return f"{parts / PARTS:.2%}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
