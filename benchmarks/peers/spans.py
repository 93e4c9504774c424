"""The peers' side of `benchmarks/attribution.py`: tokengrams and infini-gram in their own venv.

Reads one JSON command a line and answers with one line. Whatever the peers print goes to stderr.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infini_gram.engine import InfiniGramEngine
from tokengrams import MemmapIndex

SHORTEST = 8
SEPARATOR = 2**16 - 1

Spans = list[tuple[int, int]]
Trace = Callable[[list[int]], Spans]


def build_tokengrams(tokens: Path, directory: Path) -> Trace:
    index = MemmapIndex.build(str(tokens), str(directory / "table"), vocab=2**16)

    def trace(query: list[int]) -> Spans:
        """All maximal spans by two pointers: a span's end never moves back."""
        spans: Spans = []
        stop = 0
        for start in range(len(query) - SHORTEST + 1):
            end = max(stop, start + SHORTEST)
            if end == start + SHORTEST and not index.contains(query[start:end]):
                continue
            while end < len(query) and index.contains(query[start : end + 1]):
                end += 1
            if end > stop:
                spans.append((start, end))
                stop = end
        return spans

    return trace


def build_infini_gram(tokens: Path, directory: Path) -> Trace:
    shutil.copy(tokens, directory / "tokenized.0")
    offsets = tokens.with_suffix(".offsets")
    shutil.copy(offsets, directory / "offset.0")
    command = [sys.executable, "-m", "infini_gram.indexing", "--data_dir", directory]
    command += ["--save_dir", directory, "--token_dtype", "u16", "--mem", "8", "--ulimit", "1024"]
    subprocess.run([str(each) for each in command], check=True, stdout=sys.stderr)
    engine = InfiniGramEngine(str(directory), eos_token_id=SEPARATOR - 1, vocab_size=SEPARATOR)

    def trace(query: list[int]) -> Spans:
        found: Any = engine.attribute(
            query, delim_ids=[], min_len=SHORTEST, max_cnt=1_000_000, enforce_bow=False
        )
        return [(span["l"], span["r"]) for span in found["spans"]]

    return trace


BUILDERS = {"tokengrams": build_tokengrams, "infini-gram": build_infini_gram}


def answer(command: dict[str, Any], traces: dict[str, Trace]) -> dict[str, Any]:
    if command["do"] == "build":
        directory = Path(command["directory"])
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        started, worked = time.perf_counter(), sum(os.times()[:4])
        traces[command["peer"]] = BUILDERS[command["peer"]](Path(command["tokens"]), directory)
        return {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": sum(os.times()[:4]) - worked,
        }
    spans, taken = [], []
    for query in command["queries"]:
        started = time.perf_counter()
        spans.append(traces[command["peer"]](query))
        taken.append(1_000 * (time.perf_counter() - started))
    return {"spans": spans, "ms": taken}


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    opened: dict[str, Trace] = {}
    for line in sys.stdin:
        replies.write(json.dumps(answer(json.loads(line), opened)) + "\n")
        replies.flush()
