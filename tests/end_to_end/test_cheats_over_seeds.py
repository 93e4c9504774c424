"""What admission makes of the demonstration's cheats doesn't hang on one lucky seed."""

from collections import Counter
from pathlib import Path

import pytest

from headwater.demo.contributions import submissions
from headwater.demo.datanet import build_datanet
from headwater.demo.parties import create_parties

SEEDS = range(20, 25)


@pytest.fixture(scope="module")
def shares_let_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The accepted share of all rows of each kind over `SEEDS`."""
    handed_in, entered = Counter[str](), Counter[str]()
    parties = create_parties(Path(tmp_path_factory.mktemp("seed")), len(submissions(0)))
    for seed in SEEDS:
        datanet = build_datanet(submissions(seed), parties, version=1, admission=True)
        for each in datanet.submissions:
            handed_in[each.kind] += len(each.rows)
        entered.update(submission.kind for submission, _ in datanet.kept)
    return {kind: entered[kind] / rows for kind, rows in handed_in.items()}


@pytest.mark.parametrize(
    "kind", ["exact copy", "near copy", "filler", "keyword stuffing", "split filler"]
)
def test_next_to_nothing_of_a_cheat_enters(shares_let_in: dict[str, float], kind: str) -> None:
    assert shares_let_in[kind] <= 0.01


def test_honest_work_enters(shares_let_in: dict[str, float]) -> None:
    assert shares_let_in["honest"] >= 0.93
