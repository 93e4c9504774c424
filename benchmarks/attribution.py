"""Spans: building an index and tracing answers, beside tokengrams and infini-gram, in one run.

    python -m venv benchmarks/peers/.venv
    benchmarks/peers/.venv/bin/pip install --require-hashes -r benchmarks/peers/spans.txt
    python benchmarks/attribution.py [--megabytes 100] [--rounds 5] [--json result.json]

Ours goes from text to an index in files and from an answer's text to credited rows. The peers get
tokens: our canonical words, numbered beforehand, so their builds leave out dividing text; ours is
timed with that and, like for like, from words. Their traces end at the spans, without whose they
are. How often sides find other spans is counted. Rounds alternate, so that a busy machine slows
all, and ratios are taken within a round; processor time is given as well, children included.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from attribution_text import documents

from headwater_attribution.canonical import word_bytes
from headwater_attribution.corpus import CorpusRow
from headwater_attribution.spans.index import SpanIndex, empty_index, extend_index, open_index
from headwater_attribution.spans.segment import build_segment, row_words, save_segment
from headwater_attribution.spans.text import RowText, row_text
from headwater_attribution.spans.trace import trace
from headwater_payments.address import parse_address

PEERS = Path(__file__).parent / "peers"
PEER_PYTHON = PEERS / ".venv" / "bin" / "python"
WORDS = 256
OURS = "Headwater"
NAMES = (OURS, "tokengrams", "infini-gram")
SEPARATOR = 2**16 - 1


@dataclass(slots=True)
class Figures:
    """What was measured of one side, by round."""

    build_mb_s: list[float] = field(default_factory=list)
    build_cpu_s: list[float] = field(default_factory=list)
    from_text_mb_s: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to trace, as text and as the peers' tokens."""

    text: str
    tokens: list[int]


class Peers:
    """The process in which the peers run."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(PEER_PYTHON), str(PEERS / "spans.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **command: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"The peers ended with status {self._process.wait()}.")
        found: dict[str, Any] = json.loads(line)
        return found


def answers(texts: Sequence[str], rows: RowText, count: int) -> list[Answer]:
    """Half copied stretches of 8 to 47 words, half words drawn one by one; 256 words each."""
    draw = random.Random(1)
    number = {word: i for i, word in enumerate(rows.vocabulary)}
    found = []
    while len(found) < count:
        words: list[bytes] = []
        while len(words) < WORDS:
            length, source = draw.randint(8, 47), word_bytes(draw.choice(texts))
            start = draw.randrange(max(1, len(source) - length))
            words += source[start : start + length]
            drawn = (draw.randrange(len(rows.word_numbers)) for _ in range(length))
            words += [rows.vocabulary[rows.word_numbers[each]] for each in drawn]
        words = words[:WORDS]
        text = b" ".join(words).decode()
        if word_bytes(text) == words:
            found.append(Answer(text, [number[word] for word in words]))
    return found


def write_tokens(rows: RowText, path: Path) -> None:
    """The words' numbers as u16 for both peers: a separator before each document."""
    assert len(rows.vocabulary) < SEPARATOR, "the vocabulary does not fit 16 bits"
    row = np.repeat(np.arange(len(rows.row_words)), rows.row_words)
    tokens = np.full(len(row) + len(rows.row_words), SEPARATOR, dtype=np.uint16)
    tokens[np.arange(len(row)) + row + 1] = rows.word_numbers
    tokens.tofile(path)
    lengths = (rows.row_words.astype(np.uint64) + 1) * 2
    (np.cumsum(lengths) - lengths).tofile(path.with_suffix(".offsets"))


def build_ours(texts: Sequence[str], directory: Path) -> tuple[SpanIndex, float]:
    """The index of `texts` in a directory that has none, and the seconds it took."""
    for file in directory.iterdir():
        file.unlink()
    rows = map(row_of, enumerate(texts))
    started = time.perf_counter()
    extend_index(directory, empty_index(1), 1, "0x" + "00" * 32, rows)
    index = open_index(directory, 1, 1, check=False)
    return index, time.perf_counter() - started


def build_from_words(texts: Sequence[str], directory: Path) -> tuple[float, float]:
    """Seconds and processor seconds from words apart by a space to a segment in a file."""
    rows = [row_words(row) for row in map(row_of, enumerate(texts))]
    divided = [replace(row, words=b" ".join(row.words.split())) for row in rows]
    del rows
    started, worked = time.perf_counter(), time.process_time()
    save_segment(build_segment(divided), directory)
    return time.perf_counter() - started, time.process_time() - worked


def row_of(numbered: tuple[int, str]) -> CorpusRow:
    sequence, text = numbered
    return CorpusRow(0, parse_address("0x" + "a1" * 20), "PSF-2.0", sequence, text)


def trace_ours(index: SpanIndex, asked: Sequence[Answer]) -> dict[str, Any]:
    spans, taken = [], []
    for each in asked:
        started = time.perf_counter()
        traced = trace(index, each.text)
        traced.credits()
        taken.append(1_000 * (time.perf_counter() - started))
        spans.append([[s.start, s.stop] for s in traced.spans if s.stop - s.start >= 8])
    return {"spans": spans, "ms": taken}


def measure(megabytes: int, rounds: int, builds: int) -> dict[str, object]:
    """Measure all, print the table, and give the figures behind it."""
    where = machine()
    texts = documents(megabytes * 1_000_000)
    size = sum(len(text.encode()) for text in texts) / 1e6
    figures = {name: Figures() for name in NAMES}
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "ours").mkdir()
        rows = row_text(texts)
        write_tokens(rows, root / "tokens.bin")
        asked, peers = answers(texts, rows, 200), Peers()
        total_words = len(rows.word_numbers)
        del rows
        for _ in range(builds):
            index, seconds = build_ours(texts, root / "ours")
            figures[OURS].from_text_mb_s.append(size / seconds)
            seconds, worked = build_from_words(texts, root / "ours")
            figures[OURS].build_mb_s.append(size / seconds)
            figures[OURS].build_cpu_s.append(worked)
            for name in NAMES[1:]:
                tokens, directory = str(root / "tokens.bin"), str(root / name)
                reply = peers.ask(do="build", peer=name, tokens=tokens, directory=directory)
                figures[name].build_mb_s.append(size / reply["seconds"])
                figures[name].build_cpu_s.append(reply["cpu_seconds"])
                figures[name].from_text_mb_s.append(size / reply["seconds"])
        index_mb = sum(file.stat().st_size for file in (root / "ours").iterdir()) / 1e6
        trace_ours(index, asked)
        differing = 0
        for _ in range(rounds):
            replies = {OURS: trace_ours(index, asked)}
            for name in NAMES[1:]:
                part = asked if name == "tokengrams" else asked[:50]
                queries = [each.tokens for each in part]
                replies[name] = peers.ask(do="trace", peer=name, queries=queries)
            for name, reply in replies.items():
                figures[name].p50_ms.append(statistics.median(reply["ms"]))
                figures[name].p99_ms.append(statistics.quantiles(reply["ms"], n=100)[98])
                pairs = zip(reply["spans"], replies[OURS]["spans"], strict=False)
                differing += sum(sorted(theirs) != sorted(ours) for theirs, ours in pairs)
    about = (
        f"{size:.1f} MB, {total_words:,} words in {len(texts):,} documents; our index takes "
        f"{index_mb:.0f} MB; answers whose spans differ between sides: {differing}. "
        f"{builds} builds, {rounds} rounds of {len(asked)} answers (50 for infini-gram). {where}."
    )
    print(report(figures, about))
    return {"about": about, "figures": {name: asdict(each) for name, each in figures.items()}}


def report(figures: dict[str, Figures], about: str) -> str:
    lines = [
        "| | " + " | ".join(NAMES) + " | times better than tokengrams | than infini-gram |",
        "|---|---|---|---|---|---|",
    ]
    for title, key, unit, higher in (
        ("build, from words", "build_mb_s", "MB/s", True),
        ("the same in processor time", "build_cpu_s", "s", False),
        ("build, ours from text", "from_text_mb_s", "MB/s", True),
        ("trace of 256 words, p50", "p50_ms", "ms", False),
        ("trace of 256 words, p99", "p99_ms", "ms", False),
    ):
        sides = {name: getattr(each, key) for name, each in figures.items()}
        cells = [f"{statistics.median(side):.2f} {unit}" for side in sides.values()]
        for name in NAMES[1:]:
            pairs = zip(sides[OURS], sides[name], strict=True)
            ratios = [a / b if higher else b / a for a, b in pairs]
            middle = statistics.median(ratios)
            cells.append(f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", about])


def machine() -> str:
    """What this ran on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Python {platform.python_version()}, numpy {version('numpy')}, tokengrams 0.3.3, "
        f"infini-gram 2.6.0, {os.cpu_count()} cores {platform.machine()}, load {load}, "
        f"{time.strftime('%Y-%m-%d', time.gmtime())}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--builds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if not PEER_PYTHON.exists():
        sys.exit(f"The peers are not installed in {PEER_PYTHON.parents[1]}: see this file's head.")
    measured = measure(options.megabytes, options.rounds, options.builds)
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
