"""Processes forked off one that has imported what takes longest: `support.forks`."""

import multiprocessing
import os
from multiprocessing.context import ForkServerContext
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def forking() -> ForkServerContext:
    """Where such processes come from; the one that they are forked off starts with the first."""
    folders = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    if str(TESTS) not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.forks"])
    return context
