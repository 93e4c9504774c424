"""Everything a run depends on, in one frozen record."""

from dataclasses import dataclass
from enum import IntEnum

from headwater_attribution.rules import CAUSES, RewardRule
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS


class Kind(IntEnum):
    """How an identity behaves. Nature knows it, no mechanism does."""

    HONEST = 0
    EXACT_COPIER = 1
    NEAR_COPIER = 2
    SPAMMER = 3
    SPLITTER = 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """A population, its market and the mechanism that pays it.

    Shares and probabilities are parts per 10^8; money is atomic units.

    Attributes:
        agents: identities in a world, `A`.
        steps: `T`.
        seed: of all randomness.
        rule: the reward rule, the very object that closes epochs in production.
        admission: whether rows pass the acceptance pipeline.
        dedup_recall: copied rows that likeness measures recognise (admission and clustering alike).
        precedence: answers in which a copy that got in says nothing that its original doesn't.
        filler_recall: spam rows that the quality floor recognises.
        false_refusal: honest rows that admission refuses.
        deviants: share of identities of each of the four deviating kinds.
        identities: over which one splitter spreads its contribution.
        reformed: kinds that behave honestly here: the other side of a paired comparison.
        rows: of one contribution.
        spam_rows: of one spammer, in contributions of that many rows each.
        spam_reach: queries for which a spammer's rows come up while all of them are accepted.
        queries: in each step, `Q`.
        price: of one query.
        contributors_share: of the price.
        endowment: what each agent starts with and buys from.
        edit: words that a near copier replaces.
        cost_honest, cost_copied, cost_spam: of making one row.
    """

    agents: int = 1_000
    steps: int = 100
    seed: int = 1
    rule: RewardRule = CAUSES
    admission: bool = True
    dedup_recall: int = PARTS * 95 // 100
    precedence: int = PARTS * 96 // 100
    filler_recall: int = PARTS * 95 // 100
    false_refusal: int = PARTS * 4 // 100
    deviants: int = PARTS * 5 // 100
    identities: int = 10
    reformed: frozenset[Kind] = frozenset()
    rows: int = 20
    spam_rows: int = 60
    spam_reach: int = PARTS * 30 // 100
    queries: int = 200
    price: int = 1_000
    contributors_share: int = PARTS * 60 // 100
    endowment: int = 100_000
    edit: int = PARTS * 20 // 100
    cost_honest: int = 300
    cost_copied: int = 10
    cost_spam: int = 2

    def __post_init__(self) -> None:
        shares = (
            self.dedup_recall,
            self.precedence,
            self.filler_recall,
            self.false_refusal,
            self.contributors_share,
            self.spam_reach,
            self.edit,
        )
        if not all(0 <= share <= PARTS for share in shares):
            raise InvalidInputError("Shares and probabilities lie between 0 and 1.")
        if not 0 <= self.deviants <= PARTS // 5:
            raise InvalidInputError("Each deviating kind is at most a fifth of the population.")
        if not 20 <= self.agents <= 1_000_000:
            raise InvalidInputError(
                f"A population has 20 to 1,000,000 agents, not {self.agents}.", agents=self.agents
            )
        if self.agents < 6 * self.each_kind:
            raise InvalidInputError(
                f"Each copier needs an honest victim of its own: a population has at least six "
                f"times the {self.each_kind} agents of one deviating kind, not {self.agents} in "
                "all.",
                agents=self.agents,
            )
        if not 1 <= self.steps <= 1_000_000 or not 1 <= self.queries <= 1_000_000:
            raise InvalidInputError("A run has 1 to 1,000,000 steps and as many queries a step.")
        if not 0 <= self.seed < 2**64:
            raise InvalidInputError("A seed is an integer from 0 to 2^64 - 1.", seed=str(self.seed))
        if (
            min(self.rows, self.spam_rows, self.identities) < 1
            or min(self.price, self.endowment) < 0
        ):
            raise InvalidInputError("Rows and identities are at least 1, money at least 0.")

    @property
    def each_kind(self) -> int:
        """Identities of each deviating kind; a whole number of splitters, at least one."""
        count = self.agents * self.deviants // PARTS
        return max(self.identities, count - count % self.identities)

    def kind_of(self, agent: int) -> Kind:
        """The kind of an identity: deviating kinds stand first, in blocks."""
        block = agent // self.each_kind
        return Kind(block + 1) if block < len(Kind) - 1 else Kind.HONEST
