"""What the simulator refuses.

HeadwaterError
└── SimulationError          a world that can't be simulated as asked
    ├── HiddenColumnError    a mechanism read what only nature knows: fix the mechanism
    └── ConservationError    money appeared or vanished in a step: fix the kernel
"""

from headwater_payments.errors import HeadwaterError


class SimulationError(HeadwaterError):
    """A world can't be simulated as asked."""

    code = "simulation_error"


class HiddenColumnError(SimulationError):
    """A mechanism asked for a column that only nature may see."""

    code = "hidden_column"


class ConservationError(SimulationError):
    """Money appeared or vanished within a step."""

    code = "money_not_conserved"
