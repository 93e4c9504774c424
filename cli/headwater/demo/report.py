"""The report: one HTML page and one JSON file that hold the same."""

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from headwater.demo.outcome import ExampleAnswer, Outcome
from headwater_payments.errors import InvalidInputError

BUNDLE = "epoch-1.json"
"""The epoch that was posted on chain; `headwater attribution verify` recomputes it."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.yes { color: #18794e; font-weight: 600; } .no { color: #ce2c31; font-weight: 600; }
.answer { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; }
mark { border-radius: .2rem; padding: .05rem .15rem; color: inherit; }
.small { font-size: .85rem; opacity: .75; }
"""


_CLASSES = {"held": "yes", "failed": "no", "shown": "small"}


def write_report(outcome: Outcome, directory: Path) -> Path:
    """Write `index.html`, `report.json` and the epoch's bundle, each whole or not at all.

    Returns:
        The page's path.

    Raises:
        InvalidInputError: the folder cannot be written.
    """
    page = directory / "index.html"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(directory / "report.json", json.dumps(outcome.to_json(), indent=1))
        _replace(page, _page(outcome))
        if outcome.bundle is not None:
            _replace(directory / BUNDLE, outcome.bundle.model_dump_json())
    except OSError as exc:
        raise _unwritable(directory, exc) from exc
    return page


def check_writable(directory: Path) -> None:
    """Find out before the work, not after it, that a report cannot be written.

    Raises:
        InvalidInputError: the folder cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise _unwritable(directory, exc) from exc


def _unwritable(directory: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"The report cannot be written to {directory}: {error.strerror}.", path=str(directory)
    )


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _page(outcome: Outcome) -> str:
    verdict = "everything held" if outcome.passed else "something did not hold"
    kind = "yes" if outcome.passed else "no"
    told = (
        f"{outcome.seconds:.1f} s; admission {'on' if outcome.admission else 'off'}; "
        "amounts in atomic units (1,000,000 are one USDC)."
    )
    sections = [
        f"<h1>Headwater demonstration: <span class={kind}>{verdict}</span></h1>",
        f"<p class=small>{told}</p>",
        _checks(outcome),
        _example(outcome.example),
        _traffic(outcome),
        _cheats(outcome),
        _contributors(outcome),
        _parties(outcome),
        _refused(outcome),
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Headwater demonstration</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        + "".join(sections)
        + "</html>"
    )


def _checks(outcome: Outcome) -> str:
    rows = [
        (
            f"<span class={_CLASSES[c.state]}>{c.state}</span>",
            escape(c.name),
            escape(c.detail),
        )
        for c in outcome.checks
    ]
    return "<h2>Checks</h2>" + _table(("", "check", "found"), rows)


def _example(example: ExampleAnswer | None) -> str:
    if example is None:
        return ""
    names = list(dict.fromkeys(p.contributor for p in example.passages if p.contributor))
    colour = {name: f"hsl({(137 * i) % 360} 70% 55% / .35)" for i, name in enumerate(names)}
    spans = "".join(
        f"<mark style='background:{colour[p.contributor]}' title='{escape(p.source)}'>"
        f"{escape(p.text)}</mark>"
        if p.contributor
        else escape(p.text)
        for p in example.passages
    )
    rows = [
        (
            f"<mark style='background:{colour.get(name, 'none')}'>{escape(name)}</mark>",
            f"{share:.1%}",
        )
        for name, share in example.shares
    ]
    rows.append(("unattributed", f"{example.unattributed:.1%}"))
    return (
        f"<h2>One answer and what caused it</h2><p><b>{escape(example.question)}</b></p>"
        f"<p class=answer>{spans.replace(chr(10), '<br>')}</p>"
        f"<p class=small>Charged {example.charge} atomic units.</p>"
        + _table(("contributor", "share"), rows, numeric={1})
    )


def _traffic(outcome: Outcome) -> str:
    traffic = outcome.traffic
    if traffic is None:
        return ""
    rows = [
        ("paid calls", f"{traffic.calls:,}"),
        ("of them streamed", f"{traffic.streamed:,}"),
        ("vouchers signed", f"{traffic.vouchers:,}"),
        ("channels", f"{traffic.channels:,}"),
        ("most calls in flight on one channel", f"{traffic.most_in_flight}"),
        ("on-chain transactions for payments", f"{traffic.transactions:,}"),
        ("gas per paid call", f"{traffic.gas_per_call:,.0f}"),
        ("gas of the one claiming transaction", f"{traffic.claim_gas:,}"),
        ("sum of what was charged", f"{traffic.revenue:,}"),
    ]
    return "<h2>Traffic</h2>" + _table(("", ""), rows, numeric={1})


def _cheats(outcome: Outcome) -> str:
    if outcome.earnings is None:
        return ""
    rows = [
        (
            escape(c.kind),
            f"{c.rows}",
            f"{c.accepted}",
            f"{c.earned:,}",
            f"{c.ratio:.3f} {escape(c.measure)}",
            f"{c.limit}",
        )
        for c in outcome.earnings.cheats
    ]
    heads = ("cheat", "rows", "accepted", "earned", "that is", "limit")
    return "<h2>What cheating earned</h2>" + _table(heads, rows, numeric={1, 2, 3, 5})


def _contributors(outcome: Outcome) -> str:
    if outcome.earnings is None:
        return ""
    lines = sorted(outcome.earnings.contributors, key=lambda line: -line.earned)
    rows = [
        (
            escape(line.name),
            escape(line.kind),
            f"{line.submitted}",
            f"{line.accepted}",
            f"{line.answers}",
            f"{line.earned:,}",
            f"{line.per_row:,.1f}",
        )
        for line in lines
    ]
    heads = ("contribution", "kind", "rows", "accepted", "answers caused", "earned", "per row")
    return "<h2>Contributors</h2>" + _table(heads, rows, numeric={2, 3, 4, 5, 6})


def _parties(outcome: Outcome) -> str:
    rows = [
        (escape(role), f"<code>{escape(account)}</code>", f"{change:+,}", escape(why))
        for role, account, change, why in outcome.others
    ]
    total = sum(change for _, _, change, _ in outcome.others)
    rows.append(("sum", "", f"{total:+,}", "nothing is made or lost"))
    return "<h2>Everybody else</h2>" + _table(("party", "account", "net", "why"), rows, numeric={2})


def _refused(outcome: Outcome) -> str:
    rows = [
        (escape(kind), escape(rule), f"{count}", escape(outcome.reasons[kind][rule]))
        for kind, rules in outcome.refused.items()
        for rule, count in sorted(rules.items(), key=lambda item: -item[1])
    ]
    heads = ("submitted as", "refused by rule", "rows", "one reason given")
    return "<h2>Admission</h2>" + _table(heads, rows, numeric={2})


def _table(
    heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], numeric: set[int] | None = None
) -> str:
    right = numeric or set()

    def cells(tag: str, values: tuple[str, ...]) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in right else ''}>{value}</{tag}>"
            for i, value in enumerate(values)
        )

    head = f"<tr>{cells('th', heads)}</tr>" if any(heads) else ""
    return f"<table>{head}" + "".join(f"<tr>{cells('td', row)}</tr>" for row in rows) + "</table>"
