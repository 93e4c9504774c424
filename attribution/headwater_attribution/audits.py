"""Held against the truth: how much of what a method credits an audited answer can do without.

An answer's own score says how well rows fit a question. Whoever writes rows that look like
questions fits them well, and whoever wrote first the words that others were about to write takes
what they are credited with. Neither makes an answer *truer*. So some questions are audited:
somebody who knows writes down what a right answer says, and the answers with and without each
contribution are compared with that. What a contribution was credited with and the comparison
doesn't show is paid no more; what makes answers worse is named, to be left out of the next version.

A credit has to be confirmed before it is paid: of each contribution `held` answers' worth is
unproven to begin with. Therefore new names are worth nothing, and whoever divides rows among
several, each quoted in answers of its own, proves each of them anew (`confirmed_parts`).

Each contribution is taken out of an answer by itself. Where several of one owner, or of owners in
league, keep a better answer out together, no one of them shows its harm: what stays speaks on. They
may then be paid more than one contribution with all their rows, and none is refuted.

Questions must be drawn after the rows were committed, from what buyers ask. What an auditor calls
the truth is a statement that can be disputed, not a computation. A bundle holds the audits as
signed documents (`audit_documents`), and whoever verifies it works the parts out from them.

Source: dues for newcomers as in Friedman and Resnick, "The Social Cost of Cheap Pseudonyms", 2001;
credit by ablation held against a reference instead of the answer itself: ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater_attribution.canonical import words
from headwater_payments.errors import InvalidInputError
from headwater_payments.split import PARTS

HELD: Final = PARTS // 2
"""Of each contribution, this much of an answer is unproven before it has been audited."""

PAR: Final = PARTS // 2
"""Confirmed at this rate or more, a credit is paid whole: answers quote part of what is true."""


@dataclass(frozen=True, slots=True)
class AuditedShare:
    """What an audit of one answer shows of one contribution, all in parts per 10^8.

    Attributes:
        contribution_id: which.
        claimed: the share that the method credits.
        agreement: of the answer with the truth.
        without: of the answer without the contribution and all rows that follow it or repeat it.
        alone: of the answer without the contribution only, so that whom it keeps out may speak.

    Raises:
        InvalidInputError: one of them lies outside 0 to 10^8.
    """

    contribution_id: int
    claimed: int
    agreement: int
    without: int
    alone: int

    def __post_init__(self) -> None:
        shares = (self.claimed, self.agreement, self.without, self.alone)
        if not all(0 <= each <= PARTS for each in shares):
            raise InvalidInputError("What an audit shows lies between 0 and 10^8 parts.")

    @property
    def harm(self) -> int:
        """How much nearer to the truth the answer is when only this contribution is taken out."""
        return max(0, self.alone - self.agreement)

    @property
    def help(self) -> int:
        """How much nearer to the truth the answer is for the contribution, less its harm."""
        return max(0, self.agreement - self.without - self.harm)

    @property
    def confirmed(self) -> int:
        """What the audit confirms of the share."""
        return min(self.claimed, self.help)


def agreement(answer: str, truth: str) -> int:
    """Parts per 10^8 of the truth that an answer says: its pairs of neighbouring canonical words.

    Pairs and not words, since who echoes a question or guesses has the words. A truth of one word
    is that word.
    """
    said, wanted = words(answer), words(truth)
    if len(wanted) < 2:
        return PARTS if wanted and wanted[0] in said else 0
    pairs = set(pairwise(wanted))
    return len(pairs & set(pairwise(said))) * PARTS // len(pairs)


def confirmed_parts(
    audits: Iterable[AuditedShare], *, held: int = HELD, par: int = PAR
) -> dict[int, int]:
    """By contribution the part of its credit that audits let be paid, parts per 10^8.

    confirmed ÷ (par × (claimed + held)), at most the whole; what was never audited is paid nothing.
    Audits divided whole among several contributions are paid no more in all: claimed × confirmed ÷
    (claimed + held) of the parts sums to at most that of the whole. That holds for rows quoted in
    different answers. Of two contributions in one answer each may hide the other's harm, and then
    they are paid more.

    Args:
        audits: of one or more epochs, in any order.
        held: of each contribution, unproven to begin with.
        par: the rate from which a credit is paid whole.

    Raises:
        InvalidInputError: `held` is negative, or `par` outside 1 to 10^8.
    """
    if held < 0 or not 0 < par <= PARTS:
        raise InvalidInputError("Audits hold back 0 or more, and par lies between 1 and 10^8.")
    claimed: defaultdict[int, int] = defaultdict(int)
    confirmed: defaultdict[int, int] = defaultdict(int)
    for each in audits:
        claimed[each.contribution_id] += each.claimed
        confirmed[each.contribution_id] += each.confirmed
    found = {}
    for number in sorted(claimed):
        wanted = par * max(1, claimed[number] + held)
        found[number] = min(PARTS, confirmed[number] * PARTS * PARTS // wanted)
    return found


def refuted(audits: Iterable[AuditedShare]) -> frozenset[int]:
    """Contributions that make answers worse by more than they make them better, over all audits.

    They should be left out of the next version, and rows that were refused for their likeness to
    one of them judged again. What keeps a better answer out only together with others isn't found.
    """
    balance: defaultdict[int, int] = defaultdict(int)
    for each in audits:
        balance[each.contribution_id] += each.harm - each.help
    return frozenset(number for number, worse in balance.items() if worse > 0)


def confirmed_by(parameters: Mapping[str, int]) -> dict[int, int]:
    """The same as `confirmed_parts` gave, from a method's parameters.

    Raises:
        InvalidInputError: a name is no contribution's number, or a part is out of range.
    """
    found = {}
    for name, parts in parameters.items():
        number = name.removeprefix(CONFIRMED)
        if not number.isdecimal() or not number.isascii() or not 0 <= parts <= PARTS:
            raise InvalidInputError(f"The parameter {name} confirms no share of a contribution.")
        found[int(number)] = parts
    return found


CONFIRMED: Final = "confirmed."
"""What the names of such parameters begin with."""
