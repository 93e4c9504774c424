"""What the simulator refuses.

HeadwaterError
└── SimulationError          a world that can't be simulated as asked
    ├── HiddenColumnError    a mechanism read what only nature knows: fix the mechanism
    ├── ConservationError    money appeared or vanished in a step: fix the kernel
    ├── NothingEarnedError   honest play is paid nothing: choose another rule or arena
    ├── ExploitableError     a rule did not survive an attack: fix the rule, or look harder
    ├── OracleError          a language model had no usable idea: ask another, or again
    └── EnginesDisagreeError the chain paid what the engine didn't: fix whichever is wrong
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


class NothingEarnedError(SimulationError):
    """A rule pays honest contributors nothing, so no gain can be measured in units of their pay."""

    code = "nothing_earned"


class ExploitableError(SimulationError):
    """An attack found a deviation that pays, or could not exclude one."""

    code = "exploitable"


class OracleError(SimulationError):
    """A language model that was asked for deviations could not be reached, or gave none."""

    code = "oracle_failed"


class EnginesDisagreeError(SimulationError):
    """A market replayed on chain left somebody with other money than the engine did."""

    code = "engines_disagree"
