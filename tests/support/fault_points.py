"""Counts the points of the fault tests anew, after awaits or statements were added or removed.

    .venv/bin/python tests/support/fault_points.py

What it writes is read by `tests/end_to_end/test_faults.py`, which holds every run against it: a
point that comes or goes shows in the difference.
"""

import json
import sys
import tempfile
from pathlib import Path

import anyio

TESTS = Path(__file__).resolve().parents[1]
COUNTED = TESTS / "end_to_end" / "fault_points.json"


async def count(folder: Path) -> dict[str, dict[str, int]]:
    from end_to_end import test_faults

    counted = {}
    for number, name in enumerate(test_faults.SCENARIOS):
        own = folder / f"{number}"
        await anyio.Path(own).mkdir()
        async with test_faults.staged(own, test_faults.SCENARIOS[name]) as stage:
            points = await test_faults.run(stage, test_faults.SCENARIOS[name])
        counted[name] = test_faults.counts_of(points)
    return counted


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    from headwater_marketplace.seller import windows

    windows.LOOK_AGAIN_S = 3_600  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as made:
        COUNTED.write_text(json.dumps(anyio.run(count, Path(made)), indent=2) + "\n")
