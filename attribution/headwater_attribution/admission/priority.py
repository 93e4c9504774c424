"""Who had rows first, as a bundle shows it: each row of a version against the seal it came with.

Rows of a version stand in the order that decides who is paid for what several say. This part of a
bundle holds that order against the logs of seals, without the rows that were refused: of those it
holds what stood for them in the seal.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from pydantic import Field

from headwater_attribution.admission.rounds import Placed
from headwater_attribution.admission.seal import root_of, row_leaf, row_leaves, row_salt
from headwater_attribution.admission.seal_log import FIRST_ROUND, SealLog
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.documents import Strict, Word
from headwater_payments.address import Address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex


class ShownRow(Strict):
    """A row that is in the version.

    Attributes:
        row: its number in its contribution.
        sequence: its number in the version.
        salt: of this row; None where the contribution was not sealed.
    """

    row: int = Field(ge=0, lt=2**64)
    sequence: int = Field(ge=0, lt=2**64)
    salt: Word | None = None


class ShownPart(Strict):
    """One contribution of a round.

    Attributes:
        contribution_id: which.
        place: of its seal in the round's log; None where it is dated at its opening.
        leaves: what stands for each of its rows in the seal, refused ones too.
        rows: those that are in the version.
    """

    contribution_id: int
    place: int | None = Field(default=None, ge=0, lt=2**64)
    leaves: tuple[Word, ...] = ()
    rows: tuple[ShownRow, ...]


class RoundPart(Strict):
    """A round: its seals, and what was shown of them, in the order it was judged."""

    log: SealLog
    shown: tuple[ShownPart, ...]


def round_part(log: SealLog, placed: Sequence[Placed], corpus: Corpus) -> RoundPart:
    """The part of a bundle that holds a round against a version.

    Args:
        log: the round's, signed.
        placed: what was shown, in the order it was judged.
        corpus: the version; contributions that have no row in it are left out.

    Raises:
        InvalidInputError: the version has a row that its contribution doesn't hold.
    """
    by_contribution: defaultdict[int, list[CorpusRow]] = defaultdict(list)
    for row in corpus.rows:
        by_contribution[row.contribution_id].append(row)
    shown = []
    for each in placed:
        number = each.contribution.contribution_id
        mine = by_contribution[number]
        sealed = each.place is not None
        rows = tuple(
            ShownRow(
                row=at,
                sequence=row.sequence,
                salt=to_hex(row_salt(each.opening.salt, at)) if sealed else None,
            )
            for at, row in _matched(each.contribution.rows, mine)
        )
        leaves = tuple(map(to_hex, row_leaves(each.opening))) if sealed else ()
        if rows:
            shown.append(
                ShownPart(contribution_id=number, place=each.place, leaves=leaves, rows=rows)
            )
    return RoundPart(log=log, shown=tuple(shown))


def priority_faults(
    corpus: Corpus, rounds: Sequence[RoundPart], chain_id: int, desk: Address | None = None
) -> list[str]:
    """Where the order of a version isn't that of its seals; a sentence each, naming the row.

    Args:
        corpus: the version.
        rounds: from the first on.
        chain_id: of the logs' signatures.
        desk: who has to have signed them; anybody where None.
    """
    faults = list(_log_faults(corpus.datanet_id, rounds, chain_id, desk))
    here = {row.sequence: row for row in corpus.rows}
    order: list[tuple[int, ...]] = []
    told: dict[int, tuple[int, ...]] = {}
    for number, each in enumerate(rounds):
        for shown in each.shown:
            faults += _seal_faults(shown, each.log, here)
            dated = (1, len(told)) if shown.place is None else (0, shown.place)
            order.append((number, *dated))
            for stated in shown.rows:
                told[stated.sequence] = (number, *dated, stated.row)
    if order != sorted(set(order)):
        faults.append("Contributions are not stated in the order of their seals, each once.")
    for row in corpus.rows:
        if row.sequence not in told:
            faults.append(
                f"Row {row.sequence}, of contribution {row.contribution_id}, is in no round: "
                "nothing shows when it was sealed or opened."
            )
    standing = [row.sequence for row in corpus.rows if row.sequence in told]
    faults += [
        f"Row {later} of contribution {here[later].contribution_id} was sealed before row "
        f"{earlier} of contribution {here[earlier].contribution_id}, and stands after it."
        for earlier, later in pairwise(standing)
        if told[earlier] >= told[later]
    ]
    return faults


def _log_faults(
    datanet_id: int, rounds: Sequence[RoundPart], chain_id: int, desk: Address | None
) -> Iterator[str]:
    before = FIRST_ROUND
    for each in rounds:
        log = each.log
        if log.before != before or log.datanet_id != datanet_id:
            yield f"The log of round {log.round} does not follow the log before it."
        before = to_hex(log.hash())
        try:
            by = log.signed_by(chain_id)
        except InvalidInputError as error:
            yield f"The log of round {log.round}: {error.message}"
            continue
        if desk is not None and by != desk:
            yield f"The log of round {log.round} is signed by {by}, not by {desk}."
    numbers = [shown.contribution_id for each in rounds for shown in each.shown]
    if len(set(numbers)) != len(numbers):
        yield "A contribution is shown twice."


def _seal_faults(shown: ShownPart, log: SealLog, here: dict[int, CorpusRow]) -> Iterator[str]:
    number = shown.contribution_id
    leaves = [parse_hex(leaf, length=32) for leaf in shown.leaves]
    if shown.place is not None:
        sealed = log.seals[shown.place] if shown.place < len(log.seals) else None
        if not leaves or to_hex(root_of(leaves)) != sealed:
            yield (
                f"Contribution {number} is not what was sealed at place {shown.place} "
                f"of round {log.round}."
            )
    for each in shown.rows:
        row = here.get(each.sequence)
        if row is None or row.contribution_id != number:
            yield f"Contribution {number} has no row {each.sequence} in the version."
        elif shown.place is not None and not _stands_for(each, row, leaves):
            yield (
                f"Row {each.sequence} is not what contribution {number} sealed as its "
                f"row {each.row}: text, licence, contributor or salt differ."
            )


def _stands_for(shown: ShownRow, row: CorpusRow, leaves: Sequence[bytes]) -> bool:
    if shown.salt is None or shown.row >= len(leaves):
        return False
    salt = parse_hex(shown.salt, length=32)
    leaf = row_leaf(row.contributor, row.licence_id, shown.row, row.text, salt)
    return leaf == leaves[shown.row]


def _matched(texts: Sequence[str], rows: Iterable[CorpusRow]) -> Iterator[tuple[int, CorpusRow]]:
    at = 0
    for row in rows:
        try:
            at = texts.index(row.text, at)
        except ValueError as exc:
            raise InvalidInputError(
                f"Contribution {row.contribution_id} holds no row {row.sequence} of the version."
            ) from exc
        yield at, row
        at += 1
