"""KNN-Shapley: exact values of all training points a second, beside a plain loop of the formula.

    python benchmarks/valuation.py [--points 10000] [--queries 200] [--rounds 5]

A value is one training point's for one query, sorting by distance included. Rounds of both sides
alternate; both give the same numbers, or the program fails.
"""

import argparse
import os
import platform
import statistics
import time

import numpy as np

from headwater_attribution.valuation import knn_shapley
from headwater_attribution.valuation.games import Bools, Floats

NEAREST = 5
LOOPED = 5
"""Queries of the plain loop, which would take minutes for all."""


def plain(distances: Floats, right: Bools) -> Floats:
    """Jia et al., "Efficient Task-Specific Data Valuation", 2019, theorem 1, point by point."""
    found = np.zeros(distances.shape)
    for query, order in enumerate(np.argsort(distances, axis=1, kind="stable")):
        count = len(order)
        value = float(right[query, order[-1]]) / max(NEAREST, count)
        found[query, order[-1]] = value
        for place in range(count - 2, -1, -1):
            here, after = right[query, order[place]], right[query, order[place + 1]]
            nearer = place + 1
            value += (float(here) - float(after)) / NEAREST * min(NEAREST, nearer) / nearer
            found[query, order[place]] = value
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    distances = random.random((options.queries, options.points))
    right = random.random(distances.shape) < 0.3
    ours, loop = [], []
    for _ in range(options.rounds):
        started = time.process_time()
        found = knn_shapley(distances[None], right[None], NEAREST)[0]
        ours.append(found.size / (time.process_time() - started))
        started = time.process_time()
        slow = plain(distances[:LOOPED], right[:LOOPED])
        loop.append(slow.size / (time.process_time() - started))
        np.testing.assert_allclose(found[:LOOPED], slow, atol=1e-12)
    ratios = [one / other for one, other in zip(ours, loop, strict=True)]
    print("| values/s of processor time | | plain loop | times faster |\n|---|---|---|---|")
    print(
        f"| K = {NEAREST}, {options.points:,} points, {options.queries} queries "
        f"| {statistics.median(ours):,.0f} | {statistics.median(loop):,.0f} "
        f"| {statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f}) |"
    )
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, load {load}.")


if __name__ == "__main__":
    main()
