"""Trials of the embedded model: what its shares are worth, and what attacks are paid."""

import numpy as np
import pytest

from headwater_attribution.calibration.measured import TRUTH, summarise
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_models.trials.library import account, drawn_authors, enter
from headwater_models.trials.red_team import ATTACKS, NOBODY, red_team
from headwater_models.trials.retrieval import measure_retrieval
from headwater_payments.errors import InvalidInputError

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str, str]]:
    return [(row.module, row.title, row.text) for row in standard_library_rows()]


async def test_shares_by_removal_pay_what_is_lost_and_similarity_pays_noise(
    rows: list[tuple[str, str, str]],
) -> None:
    found = summarise("retrieval", [await measure_retrieval(rows, 0, 16)], 16).methods
    assert found["combined/1"]["lds"].low > 0.6
    assert found["combined/1"]["paid_rightly"].low > 0.6
    assert found["combined/1"]["spam_share"].value < 0.01
    assert found["retrieved"]["spam_share"].low > 0.03
    assert found["retrieved"]["left_out"].high < found["combined/1"]["left_out"].low
    assert found[TRUTH]["spam_share"].value < 0.1


async def test_known_attacks_by_text_gain_next_to_nothing(
    rows: list[tuple[str, str, str]],
) -> None:
    known = {name: each for name, each in ATTACKS.items() if name not in SQUATTING | OTHER_SEALED}
    found = await red_team(rows, 1, known, audited=0)
    assert found.keys() == {NOBODY, *known}
    assert len(known) == 9
    for name, result in found.items():
        assert result.after.attackers < 0.03, (name, result)
    # Who reads rows when they are shown has no seal; unsealed, the same takes most of all pay.
    assert found["sealed: rewords"].after.honest > 0.94
    for name in ("look-alikes", "memorisation bait"):
        assert found[name].entered < 0.05 * found[name].handed_in, name
    assert found["near-copies"].after.victim > 0.95 * found["near-copies"].victim_before
    assert found["splits"].after.attackers <= 0.01


OTHER_SEALED = {"sealed: words", "sealed: clauses", "sealed: sentences"}
SQUATTING = {name for name in ATTACKS if name.startswith(("squatting", "questions"))}


async def test_squatters_are_refused_or_not_confirmed_and_gone_in_the_next_version(
    rows: list[tuple[str, str, str]],
) -> None:
    names = ("squatting: words", "squatting: sentences", "questions worded")
    found = await red_team(rows, 1, {name: ATTACKS[name] for name in names}, audited=60)
    assert found[NOBODY].audited.honest > 0.9
    assert found["squatting: words"].entered == 0
    for name in names[1:3]:
        result = found[name]
        assert result.after.attackers > 0.2, name
        assert result.after.honest < 0.7, name
        assert result.audited.attackers < 0.04, name
        assert result.next.attackers < 0.01, name
        assert result.next.honest > 0.9, name


def test_authors_are_drawn_from_seeds_and_rows_enter_in_their_order(
    rows: list[tuple[str, str, str]],
) -> None:
    one, same, other = (drawn_authors(rows, s, authors=5, rows_each=4) for s in (1, 1, 2))
    assert one == same != other
    library = enter(one, admission=False)
    assert [row.contribution_id for row in library.corpus.rows] == list(np.repeat(range(5), 4))
    assert library.corpus.rows[-1].contributor == account(4)
    with pytest.raises(InvalidInputError, match="modules"):
        drawn_authors(rows, 1, authors=5_000, rows_each=4)
