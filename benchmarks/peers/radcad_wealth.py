"""The Boltzmann wealth model in radCAD, its state one numpy array: prints agent-steps a second.

benchmarks/peers/.venv-radcad/bin/python benchmarks/peers/radcad_wealth.py AGENTS STEPS

radCAD keeps the state of every step; copying it deeply before each is turned off, which is faster.
"""

import sys
import time

import numpy as np
from radcad import Engine, Experiment, Model, Simulation
from radcad.engine import Backend


def exchange(params, substep, history, state, signal):
    """Everybody who has a unit gives it to somebody."""
    wealth = state["wealth"]
    gives = wealth > 0
    to = np.random.default_rng(len(history)).integers(0, len(wealth), int(gives.sum()))
    return "wealth", wealth - gives + np.bincount(to, minlength=len(wealth))


if __name__ == "__main__":
    agents, steps = int(sys.argv[1]), int(sys.argv[2])
    model = Model(
        initial_state={"wealth": np.ones(agents, dtype=np.int64)},
        state_update_blocks=[{"policies": {}, "variables": {"wealth": exchange}}],
        params={},
    )
    experiment = Experiment([Simulation(model=model, timesteps=steps, runs=1)])
    experiment.engine = Engine(backend=Backend.SINGLE_PROCESS, deepcopy=False)
    started = time.perf_counter()
    found = experiment.run()
    taken = time.perf_counter() - started
    assert found[-1]["wealth"].sum() == agents
    print(agents * steps / taken)
