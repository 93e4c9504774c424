"""The points of a design: which settings each row of a study has.

Sobol points are scrambled with the scenario's seed, so that they are the same on every machine.

Sources: Sobol 1967 with Owen's scrambling, and Latin hypercubes, by scipy; the layout for indices,
Saltelli et al., "Variance based sensitivity analysis of model output", 2010, by SALib.
"""

from itertools import product

import numpy as np
from scipy.stats import qmc

from headwater_payments.errors import MissingExtraError
from headwater_simulations.metrics import Floats
from headwater_simulations.studies.plan import Design, Setting, Study

Point = dict[str, Setting]


def points_of(study: Study) -> list[Point]:
    """Every point, in the study's order.

    Raises:
        MissingExtraError: SALib is not installed, which lays out `saltelli`.
    """
    names = [axis.name for axis in study.axes]
    if study.design is Design.GRID:
        every = product(*(axis.values for axis in study.axes))
        return [dict(zip(names, values, strict=True)) for values in every]
    fractions = _fractions(study)
    return [
        {axis.name: axis.at(float(at)) for axis, at in zip(study.axes, row, strict=True)}
        for row in fractions
    ]


def _fractions(study: Study) -> Floats:
    """`[points, axes]` from 0 up to 1."""
    width = len(study.axes)
    if study.design is Design.SALTELLI:
        return _saltelli(study)
    rng = np.random.default_rng(study.base.seed)
    engine = (
        qmc.LatinHypercube(width, rng=rng)
        if study.design is Design.LATIN
        else qmc.Sobol(width, scramble=True, rng=rng)
    )
    return np.asarray(engine.random(study.points), dtype=np.float64)


def _saltelli(study: Study) -> Floats:
    try:
        from SALib.sample import sobol
    except ModuleNotFoundError as exc:
        raise MissingExtraError("The design for indices", "SALib", "simulations") from exc
    problem = problem_of(study)
    found = sobol.sample(problem, study.points, calc_second_order=False, seed=study.base.seed)
    return np.asarray(found, dtype=np.float64)


def problem_of(study: Study) -> dict[str, object]:
    """The axes as SALib has them, each over fractions of its way."""
    names = [axis.name for axis in study.axes]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
