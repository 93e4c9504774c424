"""One row of a study played again, step by step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from headwater_payments.errors import InvalidInputError
from headwater_simulations.columns import Columns
from headwater_simulations.draws import Int64s
from headwater_simulations.kernel import run
from headwater_simulations.scenario import Kind
from headwater_simulations.studies.chunks import code_version
from headwater_simulations.studies.plan import Study


def replay_world(study: Study, row: Mapping[str, Any]) -> pl.DataFrame:
    """What happened in the world of a row, a row for each step.

    Args:
        study: which the row is of.
        row: a row of its frame, by column.

    Returns:
        `step`, `pool` (contributors' money that stayed unattributed), `others` (owner, host and
        platform), and `earned_KIND` by kind, all in atomic units since the start.

    Raises:
        InvalidInputError: the row was made by other code, whose world this may not be.
    """
    if row["code"] != code_version() or row["seed"] != str(study.base.seed):
        raise InvalidInputError("The row was made by other code or another seed; run it again.")
    scenario = study.scenario({axis.name: row[axis.name] for axis in study.axes})
    told: list[dict[str, int]] = []

    def watch(step: int, columns: Columns, pool: Int64s, others: Int64s) -> None:
        kinds, earned = columns["kind"][0], columns["earned"][0]
        sums = {f"earned_{k.name.lower()}": int(earned[kinds == k].sum()) for k in Kind}
        told.append({"step": step, "pool": int(pool[0]), "others": int(others[0]), **sums})

    run(scenario, np.array([row["world"]], dtype=np.int64), watch)
    return pl.DataFrame(told)
