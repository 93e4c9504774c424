"""Studies: a scenario over levers, uncertainties and seeds, in chunks that survive a kill."""

from headwater_simulations.studies.executors import Executor, InProcess, Processes, RayCluster
from headwater_simulations.studies.frames import StudyFrame
from headwater_simulations.studies.plan import Axis, Design, Study
from headwater_simulations.studies.running import Progress, open_study, run_study
from headwater_simulations.studies.trace import replay_world

__all__ = [
    "Axis",
    "Design",
    "Executor",
    "InProcess",
    "Processes",
    "Progress",
    "RayCluster",
    "Study",
    "StudyFrame",
    "open_study",
    "replay_world",
    "run_study",
]
