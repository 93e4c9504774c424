"""An attack as one HTML page: verdict, finalists, what was searched, where the find breaks even.

The surfaces take the best deviation as it is through other markets: stakes against audits, and what
identities cost against the platform's fee. A lever may call for another deviation, which only
another attack finds; see `defence`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from plotly import graph_objects as go

from headwater_payments.split import PARTS
from headwater_simulations.adversary.arena import Arena
from headwater_simulations.adversary.attacking import AttackResult
from headwater_simulations.adversary.describe import describe, gain_text
from headwater_simulations.adversary.search import Found
from headwater_simulations.adversary.trial import Ring
from headwater_simulations.metrics import Floats
from headwater_simulations.page import html_page, html_table, write_page

_FIRST_WORLD: Final = 4 * 10**8
"""Beyond those of the attack itself."""

STAKES: Final = (0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
AUDITS: Final = tuple(PARTS * percent // 100 for percent in (0, 1, 2, 5, 10, 25, 50))
IDENTITIES: Final = (0, 10, 30, 100, 300, 1_000, 3_000)
FEES: Final = tuple(PARTS * percent // 100 for percent in (0, 5, 10, 15, 20, 30, 40))


@dataclass(frozen=True, slots=True)
class Surface:
    """What a deviation gains, in units of honest pay, over two fields of the arena.

    Attributes:
        across, up: the fields.
        columns, rows: their values.
        gains: `[rows, columns]` means over worlds.
    """

    across: str
    up: str
    columns: tuple[int, ...]
    rows: tuple[int, ...]
    gains: Floats


def surfaces(result: AttackResult, *, worlds: int = 64) -> tuple[Surface, Surface]:
    """Stake × audits, and cost of an identity × platform's fee, for an attack's best deviation."""
    left = PARTS - result.arena.contributors_share
    fees = tuple(fee for fee in FEES if fee <= left)
    return (
        _surface(result, ("stake", STAKES), ("audit", AUDITS), worlds),
        _surface(result, ("cost_identity", IDENTITIES), ("platform_share", fees), worlds),
    )


def write_attack(result: AttackResult, page: Path, *, worlds: int = 64) -> Path:
    """Write the page and a scorecard beside it.

    Args:
        result: of the attack.
        page: where the page goes; the scorecard has its name with `.json`, and is returned.
        worlds: for each point of a surface.

    Raises:
        InvalidInputError: they cannot be written.
    """
    found = surfaces(result, worlds=worlds)
    figures = [_archive(result.archive), *(_contours(each, result) for each in found)]
    plan = {"arena": asdict(result.arena), "budget": asdict(result.budget), "seed": result.seed}
    title = f"{result.rule.rule_id} under attack: {result.verdict}"
    return write_page(
        page, html_page(title, [_summary(result)], figures, plan), _card(result, found)
    )


def _surface(
    result: AttackResult,
    across: tuple[str, tuple[int, ...]],
    up: tuple[str, tuple[int, ...]],
    worlds: int,
) -> Surface:
    (name, columns), (other, rows) = across, up
    gains = np.array(
        [[_gain(result, {name: x, other: y}, worlds) for x in columns] for y in rows],
        dtype=np.float64,
    )
    return Surface(name, other, columns, rows, gains)


def _gain(result: AttackResult, levers: Mapping[str, int], worlds: int) -> float:
    arena: Arena = replace(result.arena, **levers)  # type: ignore[arg-type]
    ring = Ring(arena, result.rule, result.seed, _FIRST_WORLD, worlds)
    return float(ring.compare([ring.fitted(result.best.strategy)]).gains[0])


def _summary(result: AttackResult) -> str:
    named = [("finalist", each) for each in result.finalists]
    named += [("shrunk", result.minimal)] if result.minimal else []
    rows = [(name, describe(each.strategy), gain_text(each.gain)) for name, each in named]
    budget = result.budget
    said = (
        f"<p>Verdict: {result.verdict}, at a tolerance of {budget.tolerance:g} and "
        f"{100 * (1 - budget.error):g} % confidence. {budget.candidates:,} strategies, "
        f"{result.worlds:,} worlds; a gain of {result.detectable:.2f} would have been seen. "
        f"Honest pay: {result.honest_pay:,.0f} atomic units.</p>"
    )
    heads = ("", "strategy", "gain in units of honest pay, with bounds")
    return said + "<h2>Scorecard</h2>" + html_table(heads, rows)


def _archive(archive: Mapping[tuple[str, ...], Found]) -> Any:
    """The best gain of the search of all strategies that use two kinds; on the diagonal, of one."""
    kinds = sorted({kind for used in archive for kind in used})
    best = [[_best(archive, (one, other)) for one in kinds] for other in kinds]
    figure = go.Figure(go.Heatmap(x=kinds, y=kinds, z=best, colorbar={"title": "gain"}))
    return figure.update_layout(title="What the search found, by kinds together; luck included")


def _best(archive: Mapping[tuple[str, ...], Found], kinds: Sequence[str]) -> float | None:
    gains = [found.gain for used, found in archive.items() if set(kinds) <= set(used)]
    return max(gains, default=None)


def _contours(surface: Surface, result: AttackResult) -> Any:
    """A map of gains, with the line on which the deviation brings nothing."""
    columns, rows = ([f"{x:,}" for x in each] for each in (surface.columns, surface.rows))
    figure = go.Figure(
        go.Heatmap(x=columns, y=rows, z=surface.gains.tolist(), colorbar={"title": "gain"})
    )
    line = {"start": 0, "end": 0, "size": 1, "coloring": "lines", "showlabels": True}
    figure.add_contour(
        x=columns, y=rows, z=surface.gains.tolist(), contours=line, showscale=False, line_width=3
    )
    title = f"Where {describe(result.best.strategy)} breaks even"
    return figure.update_layout(title=title, xaxis_title=surface.across, yaxis_title=surface.up)


def _card(result: AttackResult, found: Sequence[Surface]) -> dict[str, Any]:
    best = result.best
    return {
        "rule": result.rule.rule_id,
        "verdict": str(result.verdict),
        "best": {
            "strategy": describe(best.strategy),
            "low": _finite(best.gain.low),
            "estimate": best.gain.estimate,
            "high": _finite(best.gain.high),
        },
        "archive": {
            " + ".join(used) or "honest": each.gain for used, each in result.archive.items()
        },
        "surfaces": [
            {
                "across": each.across,
                "up": each.up,
                "columns": each.columns,
                "rows": each.rows,
                "gains": each.gains.tolist(),
            }
            for each in found
        ],
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
