"""What the demonstration found: figures, checks, and the exit status they lead to."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from headwater.demo.books import Conservation
from headwater.demo.earnings import CheatLine, Earnings
from headwater.demo.questions import ModelTest
from headwater.demo.refusals import Refusal
from headwater_attribution.bundle import EpochBundle


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, and whether it did; not `enforced`, it is a figure to look at."""

    name: str
    held: bool
    detail: str
    enforced: bool = True

    @property
    def state(self) -> str:
        """`held`, `failed`, or `shown` where nothing was asked."""
        if not self.enforced:
            return "shown"
        return "held" if self.held else "failed"


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

    @property
    def leads(self) -> bool:
        """Whether whoever is quoted first has the largest share."""
        first = next((p.contributor for p in self.passages if p.contributor), None)
        return bool(self.shares) and max(self.shares, key=lambda share: share[1])[0] == first


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
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
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
        """Whether there are checks and every enforced one held."""
        return bool(self.checks) and not self.failed

    @property
    def failed(self) -> list[str]:
        """The names of the enforced checks that did not hold."""
        return [check.name for check in self.checks if check.state == "failed"]

    @property
    def others(self) -> list[tuple[str, str, int, str]]:
        """The parties that gained or lost, then all contributors together; sums to nothing."""
        shown = [each for each in self.parties if each[2]]
        if self.earnings is None:
            return shown
        earned = sum(line.earned for line in self.earnings.contributors)
        return [*shown, ("all contributors", "", earned, "the tables above")]

    def to_json(self) -> dict[str, Any]:
        """Everything but the bundle, which is a file of its own, ready for `json.dumps`."""
        told = asdict(replace(self, bundle=None))
        told["checks"] = [{**asdict(check), "state": check.state} for check in self.checks]
        return {"passed": self.passed, **told}


def judge(outcome: Outcome, *, scripted: bool) -> list[Check]:
    """The checks, in the order of the run; a result that is missing fails its checks.

    With admission off the cheats' limits are shown and not enforced: what they earn then is the
    point. With a real language model the number of calls is the model's to decide.
    """
    return [
        _model(outcome.model_test),
        *_traffic(outcome.traffic, scripted=scripted),
        *_refusals(outcome.refusals),
        *_earnings(outcome.earnings, admission=outcome.admission),
        Check("the epoch's bundle recomputes", outcome.bundle_holds, "every share, bit for bit"),
        _books(outcome.conservation),
    ]


def _model(test: ModelTest | None) -> Check:
    name = "the model cites the right row"
    if test is None:
        return _missing(name)
    detail = f"{test.right} of {test.asked} right, {test.changed} answers changed without it"
    return Check(name, test.passed, detail)


def _traffic(traffic: Traffic | None, *, scripted: bool) -> list[Check]:
    many, together = "at least 300 paid calls", "several calls in flight on a channel"
    if traffic is None:
        return [_missing(many), _missing(together)]
    found = f"{traffic.calls} paid calls, {traffic.streamed} of them streamed"
    at_once = f"up to {traffic.most_in_flight} at once on one channel"
    return [
        Check(many, traffic.calls >= 300 or not scripted, found),
        Check(together, traffic.most_in_flight > 1, at_once),
    ]


def _refusals(refusals: tuple[Refusal, ...]) -> list[Check]:
    if not refusals:
        return [_missing("what must be refused is refused")]
    return [Check(f"{each.attempt} fails", each.held, each.code) for each in refusals]


def _earnings(earned: Earnings | None, *, admission: bool) -> list[Check]:
    name = "honest contributors are paid"
    if earned is None:
        return [_missing(name), _missing("cheating does not pay")]
    detail = f"median {earned.honest_median_per_row:.1f} atomic units a row"
    paid = Check(name, earned.honest_median_per_row > 0, detail)
    return [paid, *(_cheat(cheat, admission=admission) for cheat in earned.cheats)]


def _cheat(cheat: CheatLine, *, admission: bool) -> Check:
    found = f"{cheat.ratio:.3f} {cheat.measure}"
    if not admission:
        return Check(
            f"what {cheat.kind} earns without admission", cheat.held, found, enforced=False
        )
    return Check(f"{cheat.kind} does not pay", cheat.held, f"{found}, at most {cheat.limit}")


def _books(books: Conservation | None) -> Check:
    name = "money is conserved in the journal and on chain"
    if books is None:
        return _missing(name)
    detail = "; ".join(books.differences) or (
        f"{books.on_chain} of {books.minted} units found, {books.journal_entries} entries"
    )
    return Check(name, books.holds, detail)


def _missing(name: str) -> Check:
    return Check(name, False, "the run has no result to judge")
