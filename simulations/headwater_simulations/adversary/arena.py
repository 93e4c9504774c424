"""The market that an attacker and its rule meet in, in one frozen record.

A world has `authors`, of whom the first `members` are one coalition. Each wrote rows about a
subject of its own. A query is about one author's subject; two other authors' rows come up beside.
"""

from dataclasses import dataclass, fields

from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

MAX_PARTS = 8
"""The most identities that one member publishes under."""

MAX_WASH = 16
"""The most queries that a coalition buys of itself in an epoch."""

MAX_ROWS = 512
"""The most rows of noise, and of filler, that a coalition hands in."""

MAX_EPOCHS = 8
"""The latest epoch that a schedule names, and the longest that a whitewasher waits."""

MAX_ACCUSED = 8
"""The most authors that a coalition accuses."""

MAX_TRIES = 16
"""The most seeds that an operator tries."""

CHALLENGER_SHARE = PARTS * 40 // 100
"""Of a penalty, to who proved it: `CHALLENGER_BPS` of the bond contracts."""


@dataclass(frozen=True, slots=True)
class Arena:
    """Everything an attack depends on but the rule, the deviation and the seed.

    Shares and probabilities are parts per 10^8; money is atomic units. From `admission` on the
    fields are levers of a defence that stands beside the rule, or say what the coalition is.

    Attributes:
        authors: independent contributors in a world.
        members: of them, those whom one controller coordinates.
        rows: of each author.
        epochs: how often the rule is called.
        queries: of the public in each epoch.
        price: of a query on average; it varies by half up and down.
        contributors_share: of the price.
        platform_share: of the price; what contributors and platform leave is the operator's.
        false_refusal: honest rows that admission refuses.
        dedup_recall: exact copies that likeness recognises.
        blind_at: share of words replaced from which likeness recognises nothing; below it recall
            falls evenly.
        filler_recall: rows of noise that the quality floor refuses.
        plausible_recall: rows of plausible filler that it refuses.
        poison_recall: false statements about others' subjects that it refuses.
        noise_reach: queries for which one accepted row of noise comes up.
        precedence: answers in which a copy that got in says nothing that its original doesn't.
        says_more: answers in which a row of another author says what the subject's author doesn't.
        stray_reach: queries about something else for which a copy comes up by its changed words, if
            all its words were changed; in proportion for fewer.
        foreseen: rows of others whose words the coalition knows before they are handed in. A row
            that was committed to and shown to nobody before is not.
        turnoff: buyers of an author's subject who leave if all of its answers are spoilt.
        cost_honest: of writing a row.
        cost_copied: of copying one.
        cost_reworded: of replacing all its words, on top; in proportion for fewer.
        cost_noise: of a row of noise.
        cost_filler: of a row of plausible filler.
        cost_poison: of a false statement.
        admission: whether recognised copies are refused; else they stand in their original's star.
        cost_identity: of each identity beyond one a member.
        stake: held of each identity until the end, lost when an audit finds it out.
        audit: identities that are audited in an epoch.
        cap_identities: identities that a member may have.
        challenge_bond: what an accuser loses with a case.
        court_error: accused honest authors whom the arbiters find guilty all the same.
        operator: whether the coalition also owns the model, serves its answers and posts the
            epochs' roots.
        operator_bond: what the operator loses once when a false or missing receipt is shown.
        recompute: receipts that somebody else asks again and holds against the epoch's bundle.
        late_seed: whether the seed that decides who is audited and what is recomputed comes after
            the epoch's receipts are fixed.
    """

    authors: int = 15
    members: int = 3
    rows: int = 8
    epochs: int = 2
    queries: int = 40
    price: int = 1_000
    contributors_share: int = PARTS * 60 // 100
    platform_share: int = PARTS * 10 // 100
    false_refusal: int = PARTS * 4 // 100
    dedup_recall: int = PARTS * 95 // 100
    blind_at: int = PARTS * 40 // 100
    filler_recall: int = PARTS * 95 // 100
    plausible_recall: int = PARTS * 50 // 100
    poison_recall: int = PARTS * 50 // 100
    noise_reach: int = PARTS * 5 // 1_000
    precedence: int = PARTS * 96 // 100
    says_more: int = PARTS * 15 // 100
    stray_reach: int = PARTS * 8 // 10_000
    foreseen: int = 0
    turnoff: int = PARTS * 50 // 100
    cost_honest: int = 40
    cost_copied: int = 2
    cost_reworded: int = 10
    cost_noise: int = 2
    cost_filler: int = 8
    cost_poison: int = 8
    admission: bool = True
    cost_identity: int = 0
    stake: int = 0
    audit: int = 0
    cap_identities: int = MAX_PARTS
    challenge_bond: int = 1_000
    court_error: int = PARTS * 2 // 100
    operator: bool = False
    operator_bond: int = 0
    recompute: int = 0
    late_seed: bool = True

    def __post_init__(self) -> None:
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("admission", "operator", "late_seed"):
            if not isinstance(named.pop(name), bool):
                raise InvalidInputError(f"An arena's {name} is true or false.")
        for name, value in named.items():
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
                raise InvalidInputError(f"An arena's {name} is an integer from 0 to 2^31 - 1.")
        for name in _SHARES:
            if named[name] > PARTS:
                raise InvalidInputError(f"An arena's {name} lies between 0 and 10^8.", name=name)
        if not 1 <= self.members <= self.authors - 3 or self.authors > 1_000:
            raise InvalidInputError(
                "An arena has 1 to 997 members and at least 3 authors beside them, 1,000 in all."
            )
        sizes = (self.rows, self.epochs, self.queries, self.price, self.cap_identities)
        if min(sizes) < 1 or self.rows > 1_000 or self.cap_identities > MAX_PARTS:
            raise InvalidInputError(
                f"Rows, epochs, queries and price are at least 1, rows at most 1,000, and "
                f"identities from 1 to {MAX_PARTS}."
            )
        if self.contributors_share + self.platform_share > PARTS:
            raise InvalidInputError("Contributors and platform get no more than the price.")
        if self.blind_at == 0 or self.members * self.rows * self.epochs * self.queries > 10**8:
            raise InvalidInputError("An arena's blind_at is above 0, and its size is bounded.")

    @property
    def receipts(self) -> int:
        """Receipts of an epoch: the public's, and room for those that a coalition buys itself."""
        return self.queries + MAX_WASH

    @property
    def operator_share(self) -> int:
        """Of the price, what goes to who owns the model and serves its answers."""
        return PARTS - self.contributors_share - self.platform_share

    @property
    def accounts(self) -> int:
        """Accounts of a world: every identity a coalition may use, then the other authors."""
        return self.members * MAX_PARTS + self.authors - self.members


_SHARES = (
    "contributors_share",
    "platform_share",
    "foreseen",
    "turnoff",
    "court_error",
    "recompute",
    "false_refusal",
    "dedup_recall",
    "blind_at",
    "filler_recall",
    "plausible_recall",
    "poison_recall",
    "noise_reach",
    "precedence",
    "says_more",
    "stray_reach",
    "audit",
)
