"""Running a study into a folder, where what is done stays done."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from headwater_payments.errors import InvalidInputError
from headwater_simulations.studies.chunks import Chunk, Row, chunks_of, evaluate, measures_of
from headwater_simulations.studies.executors import Executor, InProcess
from headwater_simulations.studies.frames import StudyFrame
from headwater_simulations.studies.plan import Study

ROWS: Final = "rows.parquet"
_STUDY: Final = "study.json"
_CHUNKS: Final = "chunks"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is; `left_s` estimates the seconds to go, None before a chunk is done."""

    done: int
    chunks: int
    left_s: float | None


def run_study(
    study: Study,
    folder: Path,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> StudyFrame:
    """Run a study, or what is missing of it, and write its rows.

    Each chunk is a file as soon as it is done, so a kill costs the chunks in flight and no more.
    The rows of a folder are the same bytes whatever ran them and however often it was resumed.

    Args:
        study: what to run.
        folder: for its files; made where it is missing.
        executor: where chunks are worked; None for this process.
        progress: told after each chunk.
        clock: seconds.

    Raises:
        InvalidInputError: the folder holds another study, or cannot be written.
    """
    try:
        (folder / _CHUNKS).mkdir(parents=True, exist_ok=True)
        _claim(study, folder)
    except OSError as exc:
        raise InvalidInputError(f"{folder} cannot be written: {exc.strerror}.") from exc
    chunks = chunks_of(study)
    missing = [chunk for chunk in chunks if not _file(folder, chunk).exists()]
    done, started = len(chunks) - len(missing), clock()
    progress(Progress(done, len(chunks), None if missing else 0.0))
    for chunk, rows in (executor or InProcess()).map(evaluate, missing):
        _write(_framed(study, rows), _file(folder, chunk))
        done += 1
        here = done - (len(chunks) - len(missing))
        left = (clock() - started) / here * (len(chunks) - done)
        progress(Progress(done, len(chunks), left))
    every = pl.concat([pl.read_parquet(_file(folder, chunk)) for chunk in chunks])
    _write(every, folder / ROWS)
    return StudyFrame(study, every)


def open_study(study: Study, folder: Path) -> StudyFrame:
    """The rows of a study that was run into this folder.

    Raises:
        InvalidInputError: the folder holds none of it, or not all of its rows.
    """
    try:
        _claim(study, folder, new=False)
        rows = pl.read_parquet(folder / ROWS)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise InvalidInputError(f"{folder} holds no study that was run to its end.") from exc
    return StudyFrame(study, rows)


def _claim(study: Study, folder: Path, *, new: bool = True) -> None:
    path = folder / _STUDY
    told = json.dumps(study.to_json() | {"identity": study.identity}, indent=1) + "\n"
    if new and not path.exists():
        _replace(path, told.encode())
    elif json.loads(path.read_text("utf-8")).get("identity") != study.identity:
        raise InvalidInputError(f"{folder} holds another study: give this one its own folder.")


def _file(folder: Path, chunk: Chunk) -> Path:
    return folder / _CHUNKS / f"{chunk.name}.parquet"


def _framed(study: Study, rows: Sequence[Row]) -> pl.DataFrame:
    measures = set(measures_of(study))
    types = {name: pl.Float64 for name in rows[0] if name in measures}
    return pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)


def _write(frame: pl.DataFrame, path: Path) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    frame.write_parquet(beside, statistics=False)
    beside.replace(path)


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_bytes(content)
    beside.replace(path)
