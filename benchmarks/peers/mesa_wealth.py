"""Mesa's Boltzmann wealth model at its fastest: prints agent-steps a second.

benchmarks/peers/.venv/bin/python benchmarks/peers/mesa_wealth.py AGENTS STEPS
"""

import sys
import time

import mesa


class MoneyAgent(mesa.Agent):
    """Gives a unit away if it has one."""

    def __init__(self, model):
        super().__init__(model)
        self.wealth = 1

    def exchange(self):
        if self.wealth > 0:
            other = self.random.choice(self.model.everybody)
            other.wealth += 1
            self.wealth -= 1


class MoneyModel(mesa.Model):
    """All agents, in random order in each step; partners come from a list, the fast way."""

    def __init__(self, count):
        super().__init__()
        MoneyAgent.create_agents(self, count)
        self.everybody = list(self.agents)

    def step(self):
        self.agents.shuffle_do("exchange")


if __name__ == "__main__":
    agents, steps = int(sys.argv[1]), int(sys.argv[2])
    model = MoneyModel(agents)
    model.step()
    started = time.perf_counter()
    for _ in range(steps):
        model.step()
    print(agents * steps / (time.perf_counter() - started))
