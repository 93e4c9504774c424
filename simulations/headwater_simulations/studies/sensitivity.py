"""How much of a measure's variance each axis explains.

Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
Communications 181, 2010; computed by SALib.
"""

from dataclasses import dataclass

from headwater_payments.errors import InvalidInputError, MissingExtraError
from headwater_simulations.studies.frames import StudyFrame
from headwater_simulations.studies.plan import Design
from headwater_simulations.studies.points import problem_of


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Indices of one axis, each with half the width of its 95 % interval.

    Attributes:
        first: share of the variance that the axis explains by itself.
        total: share that it has a part in, together with the others.
    """

    axis: str
    first: float
    first_half: float
    total: float
    total_half: float


def sensitivities(frame: StudyFrame, measure: str) -> list[Sensitivity]:
    """The indices of every axis for a measure, in the study's order.

    Raises:
        InvalidInputError: the design is not `saltelli`, there is no such measure, or it never
            varies.
        MissingExtraError: SALib is not installed.
    """
    study = frame.study
    if study.design is not Design.SALTELLI:
        raise InvalidInputError("Indices need the design `saltelli`.")
    if measure not in frame.measures:
        raise InvalidInputError(f"There is no {measure!r}; there is {', '.join(frame.measures)}.")
    try:
        from SALib.analyze import sobol
    except ModuleNotFoundError as exc:
        raise MissingExtraError("Sensitivity indices", "SALib", "simulations") from exc
    values = frame.by_point()[measure].to_numpy()
    if values.max() == values.min():
        raise InvalidInputError(f"{measure} is the same everywhere, so nothing explains it.")
    found = sobol.analyze(
        problem_of(study), values, calc_second_order=False, seed=study.base.seed % 2**32
    )
    names = [axis.name for axis in study.axes]
    return [
        Sensitivity(name, *(float(found[key][i]) for key in ("S1", "S1_conf", "ST", "ST_conf")))
        for i, name in enumerate(names)
    ]
