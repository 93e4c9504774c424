"""What the demonstration found: figures, checks, and the exit status they lead to."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from headwater.demo.books import Conservation
from headwater.demo.earnings import Earnings
from headwater.demo.questions import ModelTest
from headwater.demo.refusals import Refusal
from headwater_attribution.bundle import EpochBundle


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, and whether it did."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of an answer; `contributor` is empty where nobody's row caused it."""

    text: str
    contributor: str
    source: str


@dataclass(frozen=True, slots=True)
class ExampleAnswer:
    """One paid answer with the passages that caused it, and what each contributor got for it."""

    question: str
    passages: tuple[Passage, ...]
    shares: tuple[tuple[str, float], ...]
    unattributed: float
    charge: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was done, and what it cost; money in atomic units, gas in gas units."""

    calls: int
    streamed: int
    vouchers: int
    channels: int
    most_in_flight: int
    transactions: int
    gas_per_call: float
    claim_gas: int
    revenue: int


@dataclass(slots=True)
class Outcome:
    """The whole run."""

    seconds: float = 0.0
    admission: bool = True
    traffic: Traffic | None = None
    model_test: ModelTest | None = None
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    earnings: Earnings | None = None
    parties: tuple[tuple[str, str, int, str], ...] = ()
    conservation: Conservation | None = None
    example: ExampleAnswer | None = None
    bundle: EpochBundle | None = None
    bundle_holds: bool = False
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.held for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Everything but the bundle, which is a file of its own, ready for `json.dumps`."""
        return {"passed": self.passed, **asdict(replace(self, bundle=None))}


def judge(outcome: Outcome, *, scripted: bool) -> list[Check]:
    """The checks, in the order of the run.

    With admission off the cheats' limits are shown and not enforced: what they earn then is the
    point. With a real language model the number of calls is the model's to decide.
    """
    checks = []
    if (test := outcome.model_test) is not None:
        detail = f"{test.right} of {test.asked} right, {test.changed} answers changed without it"
        checks.append(Check("the model cites the right row", test.passed, detail))
    if (traffic := outcome.traffic) is not None:
        enough = traffic.calls >= 300 or not scripted
        detail = f"{traffic.calls} paid calls, {traffic.streamed} of them streamed"
        checks.append(Check("at least 300 paid calls", enough, detail))
        detail = f"up to {traffic.most_in_flight} at once on one channel"
        together = traffic.most_in_flight > 1
        checks.append(Check("several calls in flight on a channel", together, detail))
    checks += [Check(f"{each.attempt} fails", each.held, each.code) for each in outcome.refusals]
    if (earned := outcome.earnings) is not None:
        enough = earned.honest_median_per_row > 0
        detail = f"median {earned.honest_median_per_row:.1f} atomic units a row"
        checks.append(Check("honest contributors are paid", enough, detail))
        for cheat in earned.cheats:
            held = cheat.held or not outcome.admission
            detail = f"{cheat.ratio:.3f} {cheat.measure}, at most {cheat.limit}"
            checks.append(Check(f"{cheat.kind} does not pay", held, detail))
    checks.append(
        Check("the epoch's bundle recomputes", outcome.bundle_holds, "every share, bit for bit")
    )
    if (books := outcome.conservation) is not None:
        detail = "; ".join(books.differences) or (
            f"{books.on_chain} of {books.minted} units found, {books.journal_entries} entries"
        )
        checks.append(Check("money is conserved in the journal and on chain", books.holds, detail))
    return checks
