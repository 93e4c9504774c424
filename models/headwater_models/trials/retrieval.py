"""What retrieval's and spans' shares are worth: held against indexes that lack contributors.

The counterpart of training again is answering again from an index without some contributors; what
the answer's score then loses is the truth. Four authors hand in words at random, and nobody keeps
them out: a method has to pay them nothing by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from headwater_attribution.audits import confirmed_parts
from headwater_attribution.calibration.measured import TRUTH, Figures
from headwater_attribution.calibration.metrics import (
    Bools,
    linear_datamodelling_score,
    paid_rightly,
    payout_distance,
    payouts,
    rank_correlation,
    spam_share,
)
from headwater_attribution.calibration.retraining import Truth
from headwater_attribution.evidence import Evidence
from headwater_attribution.influence.factors import Floats
from headwater_attribution.methods import (
    AttributionMethod,
    Audited,
    RetrievalLeaveOneOut,
    SpanMatch,
    SpanTrace,
    default_method,
)
from headwater_models.questions import Question as HeldOut
from headwater_models.questions import held_out_questions
from headwater_models.trials.library import (
    Authors,
    Library,
    Question,
    Row,
    answers,
    audits,
    drawn_authors,
    enter,
)
from headwater_payments.split import PARTS

WORLD: Final = "retrieval"
HONEST: Final = 16
SPAMMERS: Final = 4
ROWS_EACH: Final = 16
QUESTIONS: Final = 40


async def measure_retrieval(
    rows: Sequence[tuple[str, str, str]], seed: int, retrainings: int
) -> dict[str, Figures]:
    """By method the figures of one drawing, as `calibration.measured.measure_seed` gives them.

    Args:
        rows: module, title and text of each row of a library.
        seed: of authors, questions and halves.
        retrainings: indexes over random halves of the authors.
    """
    authors = _authors(rows, seed)
    library = enter(authors, admission=False)
    questions = _questions(library, seed)
    contributors = len(authors)
    spam = np.arange(contributors) >= HONEST
    random = np.random.default_rng([seed, 4])
    halves = [random.permutation(contributors) < contributors // 2 for _ in range(retrainings)]
    subsets = np.stack(halves)
    losses = np.stack([-await _scores(authors, half, questions) for half in subsets])
    truth = Truth(subsets, losses)
    everybody = np.ones(contributors, dtype=np.bool_)
    whole = await _scores(authors, everybody, questions)
    left_out = np.stack(
        [
            whole - await _scores(authors, np.arange(contributors) != number, questions)
            for number in range(contributors)
        ]
    )
    evidence = await answers(library, questions)
    confirmed = confirmed_parts(await audits(library, _audited(library, seed)))
    found = {}
    for name, shares in _shares(library, evidence, contributors, confirmed).items():
        found[name] = {
            "lds": linear_datamodelling_score(shares, truth.subsets, truth.losses),
            "left_out": rank_correlation(shares, left_out),
            "payout_distance": payout_distance(shares, truth.payouts),
            "paid_rightly": paid_rightly(shares, truth.payouts),
            "spam_share": spam_share(shares, spam),
        }
    one, other = truth.halves()
    found[TRUTH] = {
        "lds": linear_datamodelling_score(one.effects, other.subsets, other.losses),
        "left_out": rank_correlation(truth.effects, left_out),
        "payout_distance": payout_distance(one.payouts, other.payouts),
        "spam_share": spam_share(truth.payouts, spam),
    }
    return found


def _authors(rows: Sequence[tuple[str, str, str]], seed: int) -> dict[int, list[Row]]:
    honest = drawn_authors(rows, seed, authors=HONEST, rows_each=ROWS_EACH)
    random = np.random.default_rng([seed, 10])
    said = [word for own in honest.values() for _, text in own for word in text.split()]
    noise = {
        HONEST + number: [
            ("", " ".join(said[int(place)] for place in random.integers(0, len(said), 24)))
            for _ in range(ROWS_EACH)
        ]
        for number in range(SPAMMERS)
    }
    return {**honest, **noise}


def _questions(library: Library, seed: int) -> list[str]:
    return [each.text for each in _held_out(library, QUESTIONS, seed)]


def _audited(library: Library, seed: int) -> list[Question]:
    """Questions that are audited, three for each contributor, none of which has to be paid for."""
    texts = [row.text for row in library.corpus.rows]
    held_out = _held_out(library, 3 * (HONEST + SPAMMERS), seed + 1_000)
    return [Question(each.text, texts[each.answer_position]) for each in held_out]


def _held_out(library: Library, count: int, seed: int) -> list[HeldOut]:
    rows = list(zip(library.titles, (row.text for row in library.corpus.rows), strict=True))
    honest = [
        index for index, row in enumerate(library.corpus.rows) if row.contribution_id < HONEST
    ]
    return held_out_questions(rows, count, seed, honest)


async def _scores(authors: Authors, present: Bools, questions: Sequence[str]) -> Floats:
    """`[Q]` the answers' scores from an index of these authors alone."""
    library = enter(
        {number: own for number, own in authors.items() if present[number]}, admission=False
    )
    found = await answers(library, questions)
    return np.array([each.answer_score_micro for each in found], dtype=np.float64)


def _shares(
    library: Library,
    evidence: Sequence[Evidence],
    contributors: int,
    confirmed: Mapping[int, int],
) -> Mapping[str, Floats]:
    """By method `[C, Q]` what it attributes; `retrieved` is mere similarity, normalised."""
    corpus = library.corpus
    methods: tuple[AttributionMethod, ...] = (
        RetrievalLeaveOneOut(corpus),
        SpanMatch(corpus),
        SpanTrace(corpus),
        default_method(corpus),
        Audited(default_method(corpus), confirmed),
    )
    found = {}
    for method in methods:
        shares = np.zeros((contributors, len(evidence)))
        similar = np.zeros_like(shares)
        for column, each in enumerate(evidence):
            for share in method.attribute(each).shares:
                shares[share.contribution_id, column] = share.parts / PARTS
                similar[share.contribution_id, column] = share.influence
        found[method.method_id] = shares
        if similar.any():
            found["retrieved"] = payouts(similar)
    return found
